//! The plan reference (`docs/plan.md`), made from the schema and so from the types' own comments.

mod section;

use std::collections::VecDeque;
use std::fmt::Write;

use serde_json::Value;

use super::catalogue::explain_metric;
use super::codes;
use super::read::Language;
use super::schema::resolve;
use section::{Links, choice_table, keys_table, words_list};

/// Explains a code (`V020`, `unknown-key`) or a metric (`p95(query)`, `metrics`).
pub fn explain(language: &Language, word: &str) -> Option<String> {
    codes::explain_code(&language.codes(), word).or_else(|| explain_metric(word, &language.kinds()))
}

/// Renders the pages of `docs/errors/`: file name and text, with a `README.md` that lists them.
pub fn error_pages(language: &Language) -> Vec<(String, String)> {
    codes::error_pages(&language.codes())
}

const INTRODUCTION: &str = "\
# The plan file

Generated from the types that plans are read into; `vecshift schema` prints the same as JSON Schema.

Durations are written like `250ms`, `90s`, `10m`, `24h`, `7d`; sizes like `2 MB` (decimal) or `2 MiB` (binary); rates like
`20/s`; shares like `5%`; money like `$150`. A bare number where a unit belongs is an error. `{{ … }}` in a value is a
[minijinja](https://docs.rs/minijinja) template that knows `vars` and `env`; where a key's description says so, it is
evaluated later and knows more. Paths start from the plan's folder,
also those that come from a plan it extends. Metrics of assertions are on [their own page](metrics.md).
";

/// Renders the page `docs/plan.md`.
pub fn reference_markdown(language: &Language) -> String {
    let root = language.schema();
    let mut text = String::from(INTRODUCTION);
    let mut links = Links::new(root);
    _ = writeln!(text, "\n## The plan\n\n{}\n", description(root));
    text += &keys_table(root, &[], &mut links);
    let mut queue: VecDeque<String> = links.take();
    while let Some(name) = queue.pop_front() {
        text += &definition(&name, &mut links);
        let mut next = links.take();
        next.append(&mut queue);
        queue = next;
    }
    text
}

fn definition(name: &str, links: &mut Links<'_>) -> String {
    let schema = &links.root["$defs"][name];
    if name == "Stage" {
        return stages(schema, links);
    }
    let mut text = format!("\n## {}\n\n{}\n\n", section::title(name), description(schema));
    if let Some(list) = words_list(links.root, schema) {
        return text + &list;
    }
    match schema.get("oneOf").and_then(Value::as_array) {
        Some(branches) => {
            text += "Exactly one of:\n\n";
            text += &choice_table(branches, links);
        }
        None => text += &keys_table(schema, &[], links),
    }
    text
}

/// Lists the keys that all stages have, once, then those of each kind.
fn stages(schema: &Value, links: &mut Links<'_>) -> String {
    let branches: Vec<&Value> = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| resolve(links.root, one))
        .collect();
    let common = super::file::COMMON_KEYS;
    let kinds = branches.iter().filter_map(|b| b["properties"]["kind"]["const"].as_str());
    let kinds: Vec<_> = kinds.map(|kind| format!("`{kind}`")).collect();
    let mut text = format!(
        "\n## Stage\n\n{} Kinds: {}.\n\nKeys of every stage besides `kind`:\n\n",
        description(schema),
        kinds.join(", "),
    );
    if let Some(first) = branches.first() {
        let own: Vec<&str> = first["properties"]
            .as_object()
            .into_iter()
            .flat_map(|properties| properties.keys())
            .map(String::as_str)
            .filter(|key| !common.contains(key))
            .collect();
        text += &keys_table(first, &own, links);
    }
    let mut hidden = common.to_vec();
    hidden.push("kind");
    for branch in branches {
        let kind = branch["properties"]["kind"]["const"].as_str().unwrap_or_default();
        _ = writeln!(text, "\n### kind: {kind}\n\n{}\n", description(branch));
        text += &keys_table(branch, &hidden, links);
    }
    text
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}
