//! Commands and requests of a plan, with a deadline and a bounded answer. They are independent of hooks and drivers.

mod command;
mod http;
mod secret;
mod tail;

pub use command::{Command, CommandOutput, run_command};
pub use http::{HttpAnswer, check_http, send_http};
pub use secret::Hidden;
