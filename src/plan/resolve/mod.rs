//! Evaluation of the templates in the tree of nodes.
//!
//! Most templates know `vars` and `env` only and are replaced by their result. Some places are evaluated
//! later, when there is a namespace, a record, an event or a weight; they stay as they are and are checked
//! for syntax and names.

mod bindings;
mod late;

use std::collections::BTreeSet;

use super::codes;
use super::diagnostic::{Diagnostic, nearest};
use super::node::{Node, NodeKind, Scalar, Style, step};
use super::source::{Region, Sources};
use super::template::{
    Bindings, FILTERS, TESTS, Unknown, is_template, miscall, names, reason, unknown, value_of,
};
pub use bindings::Inputs;
pub(crate) use bindings::bind;
use late::late_names;

/// Replaces templates by their results, and checks those that stay. Returns the names they read.
pub(crate) fn resolve(
    root: &mut Node,
    bindings: &Bindings,
    declared: &Declared,
    sources: &Sources,
    found: &mut Vec<Doubted>,
) -> BTreeSet<String> {
    let lookups = late::lookups(root);
    let pointer = String::new();
    let mut resolver =
        Resolver { bindings, declared, sources, found, lookups, pointer, used: BTreeSet::new() };
    resolver.node(root, "");
    resolver.used
}

/// A mistake in a template. It does not count if one of these places could not be read: the template's own, or the one
/// that declares the name.
pub(crate) struct Doubted {
    pub places: Vec<String>,
    pub diagnostic: Diagnostic,
}

/// The names that a plan declares, whether or not they have a value.
#[derive(Default)]
pub(crate) struct Declared {
    pub vars: Vec<String>,
    pub env: Vec<String>,
}

struct Resolver<'a> {
    bindings: &'a Bindings,
    declared: &'a Declared,
    sources: &'a Sources,
    found: &'a mut Vec<Doubted>,
    /// Pointer of the template being resolved.
    pointer: String,
    /// Names of the lookups, by the pointer of their stage.
    lookups: Vec<(String, Vec<String>)>,
    used: BTreeSet<String>,
}

/// Makes a scalar of the value that a template became.
fn evaluated(value: serde_json::Value) -> Scalar {
    use serde_json::Value;
    match value {
        Value::String(text) => Scalar { text, style: Style::Rendered },
        Value::Number(_) | Value::Bool(_) => {
            Scalar { text: value.to_string(), style: Style::Evaluated }
        }
        other => Scalar { text: other.to_string(), style: Style::Rendered },
    }
}

/// Returns the words of a text, alone and as attributes of `vars` and `env`.
fn words(text: &str) -> impl Iterator<Item = String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(move |c: char| !is_word(c)).filter(|word| !word.is_empty());
    words.flat_map(|word| [word.to_owned(), format!("vars.{word}"), format!("env.{word}")])
}

/// Whether a name stands for something whose parts are not known when the plan is read: an event, a record's metadata.
fn is_open(name: &str) -> bool {
    matches!(name, "event" | "metadata")
}

fn no_such(unknown: &Unknown, region: Region) -> Diagnostic {
    let Unknown { name, what, near } = unknown;
    let message = match *what {
        "method" => format!("values have no methods in templates, and so no `{name}()`"),
        what => format!("there is no {what} `{name}`"),
    };
    let diagnostic = Diagnostic::new(&codes::UNKNOWN_NAME, region, message);
    match (near, *what) {
        (Some(near), _) => diagnostic.suggest(Some(near)),
        (None, "filter") if name == "truncate" => {
            diagnostic.help("the first three characters are `namespace[:3]`")
        }
        (None, "method") => diagnostic,
        (None, what) => {
            let all = if what == "filter" { FILTERS } else { TESTS };
            let all: Vec<_> = all.iter().map(|name| format!("`{name}`")).collect();
            diagnostic.note(format!("{what}s: {}", all.join(", ")))
        }
    }
}

impl Resolver<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(Doubted { places: vec![self.pointer.clone()], diagnostic });
    }

    /// Reports a name that `place` would declare.
    fn report_name(&mut self, place: &str, diagnostic: Diagnostic) {
        let places = vec![self.pointer.clone(), place.to_owned()];
        self.found.push(Doubted { places, diagnostic });
    }

    fn node(&mut self, node: &mut Node, pointer: &str) {
        let region = node.region;
        match &mut node.kind {
            NodeKind::Map(entries) => {
                for entry in entries {
                    if is_template(&entry.key) {
                        let message = "a key cannot be a template";
                        let diagnostic =
                            Diagnostic::new(&codes::BAD_KEY, entry.key_region, message);
                        self.report(diagnostic.label("write the key out"));
                        self.used.extend(words(&entry.key));
                    }
                    self.node(&mut entry.value, &format!("{pointer}/{}", step(&entry.key)));
                }
            }
            NodeKind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &format!("{pointer}/{index}"));
                }
            }
            NodeKind::Scalar(scalar) if is_template(&scalar.text) => {
                self.pointer = pointer.to_owned();
                self.scalar(scalar, region, pointer);
            }
            NodeKind::Scalar(_) => {}
        }
    }

    fn scalar(&mut self, scalar: &mut Scalar, region: Region, pointer: &str) {
        let late = late_names(pointer, &self.lookups);
        let names = match names(&scalar.text) {
            Ok(names) => names,
            Err(error) => {
                let region = self.error_region(region, &scalar.text, &error);
                let message = format!("this template cannot be read: {}", reason(&error));
                self.report(Diagnostic::new(&codes::TEMPLATE_SYNTAX, region, message));
                // The names it would have read are not known, so every word counts as used.
                self.used.extend(words(&scalar.text));
                scalar.style = Style::Broken;
                return;
            }
        };
        let mut known =
            names.iter().filter(|name| !self.is_known(name, late.as_deref(), region)).count() == 0;
        known &= self.calls_what_exists(&scalar.text, late.as_deref(), &names, region);
        self.used.extend(names);
        if !known {
            scalar.style = Style::Broken;
        }
        if late.is_some() || !known {
            return;
        }
        match value_of(&scalar.text, self.bindings) {
            Ok(value) => *scalar = evaluated(value),
            Err(error) => {
                let message = format!("this template failed: {}", reason(&error));
                self.report(Diagnostic::new(&codes::TEMPLATE_FAILED, region, message));
                scalar.style = Style::Broken;
            }
        }
    }

    /// Checks that the filters, tests and methods exist, and get as many arguments as they take.
    fn calls_what_exists(
        &mut self,
        text: &str,
        late: Option<&[String]>,
        names: &[String],
        region: Region,
    ) -> bool {
        let unknown = unknown(text).unwrap_or_default();
        for one in &unknown {
            let region = self.name_region(region, &one.name);
            self.report(no_such(one, region));
        }
        // No sample can stand for `event` or for a record's metadata, of which nothing is known.
        let is_open = |name: &String| is_open(name.split('.').next().unwrap_or_default());
        if !unknown.is_empty() || names.iter().any(is_open) {
            return unknown.is_empty();
        }
        let Some(error) = late.and_then(|late| miscall(text, self.bindings, late)) else {
            return true;
        };
        let region = self.error_region(region, text, &error);
        let message = format!("this template would fail: {}", reason(&error));
        self.report(Diagnostic::new(&codes::TEMPLATE_FAILED, region, message));
        false
    }

    /// Returns the place in the text where minijinja stopped, if the file spells the text as it is.
    fn error_region(&self, region: Region, text: &str, error: &minijinja::Error) -> Region {
        let range =
            error.range().filter(|range| range.start < range.end && range.end <= text.len());
        match (range, self.sources.text(region).find(text)) {
            (Some(range), Some(offset)) => region.part(offset + range.start, offset + range.end),
            _ => region,
        }
    }

    /// Reports that what is known later as text or a number is asked for a part of it; whether it is not.
    fn has_no_parts(&mut self, first: &str, name: &str, region: Region) -> bool {
        // Methods are found among what is called.
        if self.sources.text(region).contains(&format!("{name}(")) {
            return true;
        }
        let region = self.name_region(region, name);
        let message = format!("`{first}` is one value, and so there is no `{name}`");
        self.report(Diagnostic::new(&codes::UNKNOWN_NAME, region, message));
        false
    }

    fn is_known(&mut self, name: &str, late: Option<&[String]>, region: Region) -> bool {
        let (first, attribute) = match name.split_once('.') {
            Some((first, rest)) => (first, rest.split('.').next()),
            None => (name, None),
        };
        let (declared, has_value, what) = match first {
            "vars" => (
                &self.declared.vars,
                attribute.is_some_and(|a| self.bindings.vars.contains_key(a)),
                "variable",
            ),
            "env" => (
                &self.declared.env,
                attribute.is_some_and(|a| self.bindings.env.contains_key(a)),
                "environment variable",
            ),
            _ if attribute.is_some() && !is_open(first) => {
                let is_known = self.is_known_late(first, late, region);
                return is_known && self.has_no_parts(first, name, region);
            }
            _ => return self.is_known_late(first, late, region),
        };
        let Some(attribute) = attribute else { return true };
        let region = self.name_region(region, name);
        if !declared.iter().any(|there| there == attribute) {
            let near = nearest(attribute, declared.iter().map(String::as_str));
            // The name that was probably meant counts as used, so that nothing more is said about it; without one any
            // may have been meant.
            self.used.insert(near.map_or(first.to_owned(), |near| format!("{first}.{near}")));
            let near = near.map(|near| format!("{first}.{near}"));
            let message = match first {
                "env" => {
                    format!("the environment variable `{attribute}` is not listed under `env:`")
                }
                _ => format!("there is no variable `{attribute}`"),
            };
            let diagnostic = Diagnostic::new(&codes::UNKNOWN_NAME, region, message);
            let diagnostic = match (near, first) {
                (Some(near), _) => diagnostic.suggest(Some(&near)),
                (None, "env") => diagnostic.help(format!("add `env: [{attribute}]` to the plan")),
                (None, _) => diagnostic
                    .help(format!("declare it: `vars: {{ {attribute}: {{ default: … }} }}`")),
            };
            self.report_name(&format!("/{first}"), diagnostic);
            return false;
        }
        if !has_value && first == "env" {
            let message = format!("the {what} `{attribute}` is not set");
            let help = format!(
                "set it where the plan is read, for example `{attribute}=… vecshift validate …`"
            );
            self.report(Diagnostic::new(&codes::NO_VALUE, region, message).help(help));
        }
        has_value
    }

    fn is_known_late(&mut self, name: &str, late: Option<&[String]>, region: Region) -> bool {
        let known = late.unwrap_or_default();
        if known.iter().any(|there| there == name) {
            return true;
        }
        let mut all: Vec<&str> = known.iter().map(String::as_str).collect();
        all.extend(["vars", "env"]);
        let near = nearest(name, all.iter().copied()).map(str::to_owned);
        let declared = self.declared.vars.iter().any(|there| there == name);
        let near = if declared { Some(format!("vars.{name}")) } else { near };
        match &near {
            Some(near) => _ = self.used.insert(near.clone()),
            None => self.used.extend(known.iter().cloned()),
        }
        let message = format!("`{name}` is not known here");
        let names = all.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let diagnostic =
            Diagnostic::new(&codes::UNKNOWN_NAME, self.name_region(region, name), message);
        let steps: Vec<_> = self.pointer.splitn(4, '/').take(3).collect();
        let lookup = format!("{}/namespaces/lookup", steps.join("/"));
        let note = format!("known here: {names}");
        self.report_name(&lookup, diagnostic.suggest(near.as_deref()).note(note));
        false
    }

    /// Returns the first place of the name in the scalar's own text.
    fn name_region(&self, region: Region, name: &str) -> Region {
        let text = self.sources.text(region);
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let whole = |at: usize| {
            !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word)
        };
        match text.match_indices(name).map(|(at, _)| at).find(|at| whole(*at)) {
            Some(at) => region.part(at, at + name.len()),
            None => region,
        }
    }
}
