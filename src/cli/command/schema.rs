//! `schema`: prints the JSON Schema of a plan, for editors.

use crate::cli::output::Answer;

pub fn perform() -> Answer {
    let schema = crate::provider::language().schema();
    Answer::ok(format!("{schema:#}")).with("schema", schema.clone())
}
