//! `explain`: describes a code, a metric or an exit code.

use clap::Args;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind};
use crate::plan::{self, METRICS, Metric};
use crate::provider::language;
use crate::text::wrap;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A code (`V020`, `unknown-key`), a metric (`p95(query)`, `metrics`) or an exit code (`6`, `exit-codes`)
    pub word: String,
}

pub fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let word = arguments.word.as_str();
    let text = match word {
        "exit-codes" | "exit" => Some(Exit::table()),
        "metrics" => Some(metrics(session.output.stdout.width)),
        word => plan::explain(language(), word).or_else(|| Exit::named(word).map(Exit::explained)),
    };
    match text {
        Some(text) => Ok(answer(word, text)),
        None => Err(Error::new(ErrorKind::NotFound, format!("there is nothing to explain under `{word}`"))
            .with_hint("codes look like V020 (`docs/errors`); `vecshift explain metrics` and `vecshift explain exit-codes` list theirs")
            .into()),
    }
}

/// Lists every metric by the stages that measure it, for a terminal.
fn metrics(width: u16) -> String {
    let mut blocks = vec![wrap(
        "Metrics. An assertion is `metric op value`, like `copy.failed == 0`; `vecshift explain METRIC` says more of one.",
        width,
        "",
    )];
    let of = |title: &str, is_of: &dyn Fn(&Metric) -> bool| {
        let rows: Vec<_> =
            METRICS.iter().filter(|one| is_of(one)).map(|one| row(one, width)).collect();
        format!("{title}\n{}", rows.join("\n"))
    };
    let is_general = |metric: &Metric| metric.stages.len() >= 5;
    for kind in ["audit", "create", "copy", "verify", "canary", "decommission"] {
        blocks.push(of(kind, &|metric| metric.is_in(kind) && !is_general(metric)));
    }
    blocks.push(of("every stage", &is_general));
    blocks.join("\n\n")
}

/// Formats `  p95(query)   duration, over, x source` with the meaning below it.
fn row(metric: &Metric, width: u16) -> String {
    let mut facts = vec![metric.unit.name()];
    facts.extend(metric.over.then_some("`over`"));
    facts.extend(metric.source.then_some("`x source`"));
    let meaning = wrap(&format!("      {}", metric.meaning), width, "      ");
    format!("  {:<22} {}\n{meaning}", metric.forms().join(", "), facts.join(", "))
}

fn answer(word: &str, text: String) -> Answer {
    let answer = Answer::ok(text.clone()).with("word", json!(word)).with("text", json!(text));
    if word != "exit-codes" && word != "exit" {
        return answer;
    }
    let row = |exit: &Exit| json!({ "code": exit.code(), "name": exit.name(), "meaning": exit.meaning(), "advice": exit.advice() });
    answer.with("exit_codes", Exit::ALL.iter().map(row).collect::<Vec<_>>())
}
