//! Handles a command line that asks for help or cannot be understood.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::CommandFactory;
use clap::error::ErrorKind as ClapError;

use super::command::Cli;
use super::deliver::{Asked, Deliveries};
use super::environment::Surroundings;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{Global, When};
use super::output::{complain, data};
use super::session::Session;

/// Answers with clap's message. Help and version are ordinary answers; everything else is a usage error, which is
/// reported in JSON and in files like the end of any command, as far as the command line can be understood.
pub fn answer(error: &clap::Error, arguments: &[OsString], surroundings: Surroundings) -> Exit {
    if matches!(error.kind(), ClapError::DisplayHelp | ClapError::DisplayVersion) {
        let text = match surroundings.stdout_is_terminal && surroundings.allows_colour() {
            true => error.render().ansi().to_string(),
            false => error.render().to_string(),
        };
        return match data(&text) {
            Ok(()) => Exit::Ok,
            Err(error) => {
                complain(&format!("error: cannot write to standard output: {error}"));
                Exit::Error
            }
        };
    }
    complain(&match surroundings.stderr_is_terminal && surroundings.allows_colour() {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    });
    let understood = Understood::of(arguments);
    let global = Global {
        state: None,
        json: understood.is_json,
        color: When::Auto,
        vars: Vec::new(),
        var_file: Vec::new(),
        quiet: false,
        verbose: 0,
    };
    let mut session = Session::new(global, surroundings);
    // Only the first mistake is reported.
    let (deliveries, _) =
        Deliveries::open(&understood.command, &understood.asked, session.outside());
    session.deliveries = deliveries;
    let failure = Failure::Usage(message(error));
    session.conclude(&understood.command, failure.answer(), failure.problems())
}

/// Returns clap's message without the label before it and the usage after it.
fn message(error: &clap::Error) -> String {
    if error.kind() == ClapError::DisplayHelpOnMissingArgumentOrSubcommand {
        return "no command is given; `vecshift --help` lists them".to_owned();
    }
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    let lines: Vec<_> = text.trim_start_matches("error: ").lines().map(str::trim).collect();
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The parts of a wrong command line that can be understood.
struct Understood {
    command: String,
    is_json: bool,
    asked: Asked,
}

impl Understood {
    fn of(arguments: &[OsString]) -> Self {
        let given = || arguments.iter().skip(1).take_while(|argument| *argument != "--");
        let is_json = given().any(|argument| argument == "--json");
        let mut this = Self { command: "vecshift".to_owned(), is_json, asked: Asked::default() };
        let root = Cli::command();
        let found = given()
            .find_map(|word| root.get_subcommands().find(|command| *word == *command.get_name()));
        let Some(command) = found else { return this };
        this.command = command.get_name().to_owned();
        let takes = |option: &str| {
            command.get_arguments().any(|argument| argument.get_long() == option.strip_prefix("--"))
        };
        let path_of = |option: &str| {
            takes(option).then(|| value(&given().cloned().collect::<Vec<_>>(), option)).flatten()
        };
        this.asked.junit = path_of("--junit");
        this.asked.report_md = path_of("--report-md");
        this.asked.report_html = path_of("--report-html");
        this.asked.events = path_of("--events");
        // Any other argument may be a plan and must not be overwritten by mistake.
        let Asked { junit, report_md, report_html, events, .. } = &this.asked;
        let written = [junit, report_md, report_html, events];
        let is_written = |path: &PathBuf| written.iter().any(|known| known.as_ref() == Some(path));
        this.asked.inputs = given().map(PathBuf::from).filter(|path| !is_written(path)).collect();
        this
    }
}

/// Returns the value of an option given as `--junit FILE` or `--junit=FILE`.
fn value(arguments: &[OsString], option: &str) -> Option<PathBuf> {
    let is_value = |text: &OsString| !text.to_string_lossy().starts_with('-');
    arguments.iter().enumerate().find_map(|(index, argument)| {
        if argument == option {
            return arguments.get(index + 1).filter(|text| is_value(text)).map(PathBuf::from);
        }
        let text = argument.to_str()?.strip_prefix(option)?.strip_prefix('=')?;
        (!text.is_empty()).then(|| PathBuf::from(text))
    })
}
