//! Diagnostics of the program itself on standard error, controlled by `RUST_LOG` or `-v`.

use std::fmt;
use std::io::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::narrate::INDENT;
use super::output::complain;
use super::session::Session;

/// Starts the log. Without `-v`, only messages that matter to users are shown, in the style of a run's log.
pub fn begin(session: &Session) {
    let level = match (session.global.quiet, session.global.verbose) {
        (true, _) => "error",
        (_, 0) => "vecshift=warn,error",
        (_, 1) => "vecshift=info,warn",
        (_, 2) => "vecshift=debug,info",
        _ => "trace",
    };
    let asked = session.surroundings.get("RUST_LOG");
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(asked.unwrap_or(level));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lines);
    // Only tests install a second subscriber in one process; the first one stays.
    let _ = match asked.is_none() && session.global.verbose == 0 {
        true => tracing::subscriber::set_global_default(subscriber.event_format(Plain).finish()),
        false => tracing::subscriber::set_global_default(subscriber.finish()),
    };
}

/// Writes messages as everything else for people is written: they quote what servers and records say.
struct Lines;

impl Write for Lines {
    /// Takes a whole message, as the subscriber gives it.
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        complain(&String::from_utf8_lossy(message));
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Formats messages as `note: the API key travels over plain http (address: http://…)`.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut words = Words::default();
        event.record(&mut words);
        let facts = match words.facts.is_empty() {
            true => String::new(),
            false => format!(" ({})", words.facts.join(", ")),
        };
        writeln!(writer, "{INDENT}note: {}{facts}", words.message)
    }
}

#[derive(Default)]
struct Words {
    message: String,
    facts: Vec<String>,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.facts.push(format!("{name}: {value:?}")),
        }
    }
}
