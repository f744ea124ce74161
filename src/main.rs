//! The `vecshift` program; see [`vecshift::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    vecshift::cli::main(std::env::args_os(), std::env::vars_os())
}
