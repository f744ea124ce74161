//! The options that every command takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Where the journals are: a folder, or s3://bucket/prefix, gs://…, az://…, file:///shared/folder; default:
    /// VECSHIFT_STATE, or the project's, or .vecshift
    #[arg(long, global = true, value_name = "PLACE", help_heading = "Global options")]
    pub state: Option<String>,
    /// Print one JSON document instead of text; it always contains `exit`
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Global options"
    )]
    pub color: When,
    /// Set a variable of the plan; may be repeated
    #[arg(long = "var", global = true, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Global options")]
    pub vars: Vec<(String, String)>,
    /// Read variables from a YAML or JSON mapping; `--var` takes precedence
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub var_file: Vec<PathBuf>,
    /// Print nothing but errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub quiet: bool,
    /// Show more: -v every namespace and judgement, -vv requests, -vvv everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
}

/// The use of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// Splits `NAME=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}
