//! Commands and requests a plan asks for, with a deadline and a bounded answer. They know nothing of hooks or drivers.

mod command;
mod http;
mod secret;
mod tail;

pub use command::{Command, CommandOutput, run_command};
pub use http::{HttpAnswer, check_http, send_http};
pub use secret::Hidden;
