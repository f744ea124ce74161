//! `explain`: what a code, a metric or an exit code means.

use clap::Args;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Answer;
use crate::error::{Error, ErrorKind};
use crate::plan;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A code (`V020`, `unknown-key`), a metric (`p95(query)`, `metrics`) or `exit-codes`
    pub word: String,
}

pub fn perform(arguments: &Arguments) -> Result<Answer, Failure> {
    let word = arguments.word.as_str();
    let text = match word {
        "exit-codes" | "exit" => Some(Exit::table()),
        word => plan::explain(word),
    };
    match text {
        Some(text) => Ok(answer(word, text)),
        None => Err(Error::new(ErrorKind::NotFound, format!("there is nothing to explain under `{word}`"))
            .with_hint("codes look like V020 (`docs/errors`), metrics are listed by `vecshift explain metrics`")
            .into()),
    }
}

fn answer(word: &str, text: String) -> Answer {
    let answer = Answer::ok(text.clone()).with("word", json!(word)).with("text", json!(text));
    if word != "exit-codes" && word != "exit" {
        return answer;
    }
    let row = |exit: &Exit| json!({ "code": exit.code(), "name": exit.name(), "meaning": exit.meaning(), "advice": exit.advice() });
    answer.with("exit_codes", Exit::ALL.iter().map(row).collect::<Vec<_>>())
}
