//! Tables of keys, and links between them.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;

use serde_json::Value;

use super::super::schema::resolve;

/// Sections that were linked to and are not written yet.
pub(super) struct Links<'a> {
    /// The whole schema.
    pub root: &'a Value,
    known: BTreeSet<String>,
    new: VecDeque<String>,
}

impl<'a> Links<'a> {
    pub fn new(root: &'a Value) -> Self {
        Self { root, known: BTreeSet::new(), new: VecDeque::new() }
    }

    pub fn take(&mut self) -> VecDeque<String> {
        std::mem::take(&mut self.new)
    }

    fn to(&mut self, name: &str) -> String {
        if self.known.insert(name.to_owned()) {
            self.new.push_back(name.to_owned());
        }
        let title = title(name);
        format!("[{}](#{})", title.to_lowercase(), title.to_lowercase().replace(' ', "-"))
    }
}

/// Returns a type's name as words: `ProbeLoad` is `Probe load`.
pub(super) fn title(name: &str) -> String {
    let mut title = String::new();
    for c in name.chars() {
        match c.is_ascii_uppercase() && !title.is_empty() {
            true => {
                title.push(' ');
                title.push(c.to_ascii_lowercase());
            }
            false => title.push(c),
        }
    }
    title
}

/// Renders the keys of an object, without the hidden ones.
pub(super) fn keys_table(object: &Value, hidden: &[&str], links: &mut Links<'_>) -> String {
    let none = serde_json::Map::new();
    let properties = object["properties"].as_object().unwrap_or(&none);
    let shown: Vec<_> =
        properties.iter().filter(|(key, _)| !hidden.contains(&key.as_str())).collect();
    if shown.is_empty() {
        return "No keys of its own.\n".into();
    }
    let required: Vec<_> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut text = String::from("| key | value | meaning |\n|---|---|---|\n");
    for (key, property) in shown {
        let needed = if required.contains(&key.as_str()) { " (required)" } else { "" };
        let meaning = cell(&meaning(links.root, property));
        _ = writeln!(text, "| `{key}`{needed} | {} | {meaning} |", cell(&value(property, links)));
    }
    text
}

/// Renders the keys of which exactly one is given, each with its meaning.
pub(super) fn choice_table(branches: &[Value], links: &mut Links<'_>) -> String {
    let mut text = String::from("| key | value | meaning |\n|---|---|---|\n");
    for branch in branches {
        for (key, property) in branch["properties"].as_object().into_iter().flatten() {
            let meaning = branch["description"].as_str().unwrap_or_default();
            let value = cell(&value(property, links));
            _ = writeln!(text, "| `{key}` | {value} | {} |", cell(meaning));
        }
    }
    text
}

fn meaning(root: &Value, property: &Value) -> String {
    let own = property.get("description").or_else(|| resolve(root, property).get("description"));
    let mut text = own.and_then(Value::as_str).unwrap_or_default().to_owned();
    match property.get("default") {
        Some(Value::String(word)) => _ = write!(text, " Default: `{word}`."),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => {
            _ = write!(text, " Default: `{value}`.");
        }
        _ => {}
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// Describes the values that a key can have.
fn value(property: &Value, links: &mut Links<'_>) -> String {
    let name = property["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let schema = resolve(links.root, property);
    if let Some(words) = words(schema) {
        let described = words.iter().any(|(_, meaning)| !meaning.is_empty());
        return match name {
            Some(name) if described => links.to(name),
            _ => words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        };
    }
    if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
        return branches.iter().map(|branch| value(branch, links)).collect::<Vec<_>>().join(" or ");
    }
    if let Some(name) = name {
        return links.to(name);
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", value(&schema["items"], links)),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("mapping of names to {}", value(&schema["additionalProperties"], links))
        }
        Some("object") => "mapping".into(),
        Some("integer") => format!("whole number{}", range(schema)),
        Some("number") => format!("number{}", range(schema)),
        Some("boolean") => "`true` or `false`".into(),
        Some("string") => text(schema),
        _ => "any value".into(),
    }
}

fn text(schema: &Value) -> String {
    let example = schema["examples"][0].as_str().unwrap_or_default();
    match schema["format"].as_str() {
        Some("vecshift-duration") => "duration".into(),
        Some("vecshift-size") => "size".into(),
        Some("vecshift-rate") => "rate".into(),
        Some("vecshift-share") => "share".into(),
        Some("vecshift-money") => "money".into(),
        Some(_) => format!("text like `{example}`"),
        None => "text".into(),
    }
}

fn range(schema: &Value) -> String {
    match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) if least > 0 => format!(", at least {least}"),
        _ => String::new(),
    }
}

/// Returns the words of an enumeration with their meanings.
fn words(schema: &Value) -> Option<Vec<(&str, &str)>> {
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return list.iter().map(|word| word.as_str().map(|word| (word, ""))).collect();
    }
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![(word, schema["description"].as_str().unwrap_or_default())]);
    }
    let branches = schema.get("oneOf").and_then(Value::as_array)?;
    let nested: Option<Vec<_>> = branches.iter().map(words).collect();
    nested.map(|words| words.concat())
}

/// Renders an enumeration as a list; `None` if the schema is something else.
pub(super) fn words_list(root: &Value, schema: &Value) -> Option<String> {
    let mut text = String::new();
    for (word, meaning) in words(resolve(root, schema))? {
        let line = if meaning.is_empty() { String::new() } else { format!(": {meaning}") };
        _ = writeln!(text, "- `{word}`{}", line.replace('\n', " "));
    }
    Some(text)
}
