//! Two rules of hints: a mistake is reported once, and whatever a hint suggests can be written.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use vecshift::plan::assertion::ParsedAssertion;
use vecshift::plan::{Diagnostic, Diagnostics, METRICS};
use vecshift::provider::language;

use crate::plan_files::{inputs, plans};

/// Returns what reading `text` in place of the file at `path` finds, including warnings.
fn found(path: &Path, text: &str) -> Diagnostics {
    match language().read_text(path, text.to_owned(), &inputs()) {
        Ok(read) => read.warnings,
        Err(found) => found,
    }
}

fn said(diagnostics: &Diagnostics) -> BTreeSet<String> {
    diagnostics.iter().map(|one| format!("{} {}", one.code, one.message)).collect()
}

/// Returns the ends of all words that a colon follows, outside comments and quotes; with `kind`, of the words after it
/// too.
fn words(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split(" #").next().unwrap_or_default();
        for (at, _) in code.match_indices(": ").chain(code.match_indices(":\n")) {
            let is_quoted = code[..at].matches('"').count() % 2 == 1;
            let is_word = code[..at].ends_with(|c: char| c.is_ascii_lowercase());
            if is_word && !is_quoted && !code.starts_with('#') {
                ends.push(start + at);
            }
            let after = &code[at + 2..];
            if is_word && code[..at].ends_with("kind") && !is_quoted {
                let length = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
                ends.push(start + at + 2 + length);
            }
        }
        start += line.len();
    }
    ends
}

#[test]
fn a_mistyped_word_is_one_mistake() {
    let mut problems = Vec::new();
    let mut tried = 0;
    for path in plans("valid").into_iter().chain(plans("../../plans")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let before = said(&found(&path, &text));
        for end in words(&text) {
            let letter = &text[end - 1..end];
            // A doubled letter is near to what was meant; a word with `zq` behind it may be anything.
            for typo in [letter.to_owned(), "zqxw".to_owned()] {
                let wrong = format!("{}{typo}{}", &text[..end], &text[end..]);
                let after = found(&path, &wrong);
                let new: Vec<_> = said(&after).difference(&before).cloned().collect();
                // That a key is missing is as true as that the other is unknown.
                let own = new.iter().filter(|one| !one.starts_with("V021"));
                tried += 1;
                if own.count() > 1 {
                    let line = text[..end].lines().last().unwrap_or_default();
                    problems.push(format!("{}: {line}{typo}: {new:#?}", path.display()));
                }
            }
        }
    }
    assert!(tried > 500, "{tried}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Returns all texts in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn hints(diagnostic: &Diagnostic) -> impl Iterator<Item = &str> {
    [&diagnostic.label, &diagnostic.help].into_iter().flatten().flat_map(|text| quoted(text))
}

/// Collects every place of the schema that has the key.
fn places<'a>(schema: &'a Value, key: &str, into: &mut Vec<&'a Value>) {
    match schema {
        Value::Object(object) => {
            if let Some(place) = object.get("properties").and_then(|all| all.get(key)) {
                into.push(place);
            }
            object.values().for_each(|value| places(value, key, into));
        }
        Value::Array(items) => items.iter().for_each(|value| places(value, key, into)),
        _ => {}
    }
}

/// Returns whether a plan can have this key with this value.
fn fits(key: &str, value: &Value) -> bool {
    let schema = language().schema();
    let mut found = Vec::new();
    places(schema, key, &mut found);
    found.iter().any(|place| {
        let mut place = (*place).clone();
        place["$defs"] = schema["$defs"].clone();
        jsonschema::validator_for(&place).unwrap().is_valid(value)
    })
}

/// Returns what is wrong with a hint's text if it is a piece of a plan.
fn wrong(hint: &str) -> Option<String> {
    let is_command = hint.starts_with("--") || hint.contains("vecshift");
    let is_open = hint.contains('…') || hint.contains("NAME") || hint.contains("PATH");
    if is_command || is_open || hint.contains("{{") {
        return None;
    }
    if [" == ", " < ", " > ", " >= ", " <= "].iter().any(|sign| hint.contains(sign))
        && !hint.contains("check:")
    {
        let Ok(parsed) = hint.parse::<ParsedAssertion>() else {
            return Some("is no assertion".to_owned());
        };
        let metric = &parsed.metric.value;
        return (!METRICS.iter().any(|row| row.is(metric)))
            .then(|| "has no such metric".to_owned());
    }
    let (key, _) = hint.trim_start_matches("{ ").split_once(": ")?;
    if !key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return None;
    }
    let document: Value = match serde_saphyr::from_str(hint) {
        Ok(document) => document,
        Err(error) => return Some(format!("is no YAML: {error}")),
    };
    let object = document.as_object()?;
    let unfit = object.iter().find(|(key, value)| !fits(key, value));
    unfit.map(|(key, value)| format!("no plan has `{key}: {value}`"))
}

#[test]
fn what_a_hint_says_can_be_written() {
    let mut problems = Vec::new();
    let mut looked = 0;
    for path in plans("invalid").into_iter().chain(plans("warned")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for diagnostic in &found(&path, &text) {
            for hint in hints(diagnostic) {
                looked += 1;
                problems.extend(
                    wrong(hint).map(|why| {
                        format!("{} {}: `{hint}` {why}", path.display(), diagnostic.code)
                    }),
                );
            }
        }
    }
    assert!(looked > 100, "{looked}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_was_meant_mends_the_mistake() {
    let mut problems = Vec::new();
    let mut mended = 0;
    for path in plans("invalid") {
        let text = std::fs::read_to_string(&path).unwrap();
        let before = found(&path, &text);
        for diagnostic in &before {
            let label = diagnostic.label.as_deref().unwrap_or_default();
            let Some(meant) =
                label.strip_prefix("did you mean `").and_then(|rest| rest.strip_suffix("`?"))
            else {
                continue;
            };
            // Python's methods have no counterpart in the form of a filter.
            if meant.starts_with("| ") || meant.starts_with("is ") {
                continue;
            }
            if diagnostic.place.file != path.display().to_string() {
                continue;
            }
            let line_start: usize = text
                .split_inclusive('\n')
                .take(diagnostic.place.line as usize - 1)
                .map(str::len)
                .sum();
            let at = line_start
                + text[line_start..]
                    .chars()
                    .take(diagnostic.place.column as usize - 1)
                    .map(char::len_utf8)
                    .sum::<usize>();
            let near = |written: &str| text[at..].find(written).filter(|offset| *offset < 40);
            let quoted = quoted(&diagnostic.message).filter(|word| near(word).is_some());
            let Some(written) = quoted.min_by_key(|word| near(word)) else { continue };
            let at = at + near(written).unwrap_or_default();
            let right = format!("{}{meant}{}", &text[..at], &text[at + written.len()..]);
            let key = |one: &Diagnostic| format!("{} {}", one.code, one.message);
            if found(&path, &right).iter().any(|one| key(one) == key(diagnostic)) {
                problems.push(format!(
                    "{}: `{written}` as `{meant}` is still {}",
                    path.display(),
                    key(diagnostic)
                ));
            }
            mended += 1;
        }
    }
    assert!(mended > 15, "{mended}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
