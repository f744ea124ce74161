//! `schema`: prints the JSON Schema of a plan, for editors.

use crate::cli::output::Answer;

pub fn perform() -> Answer {
    let schema = crate::plan::schema();
    Answer::ok(format!("{schema:#}")).with("schema", schema.clone())
}
