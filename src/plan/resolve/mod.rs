//! Evaluates templates in the tree of nodes.
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
use super::template::{Bindings, is_template, names, reason, render};
pub(crate) use bindings::bind;
use late::late_names;

/// Replaces templates by their results, and checks those that stay. Returns the names they read.
pub(crate) fn resolve(
    root: &mut Node,
    bindings: &Bindings,
    declared: &Declared,
    sources: &Sources,
    found: &mut Vec<Diagnostic>,
) -> BTreeSet<String> {
    let lookups = late::lookups(root);
    let mut resolver =
        Resolver { bindings, declared, sources, found, lookups, used: BTreeSet::new() };
    resolver.node(root, "");
    resolver.used
}

/// What the plan says there is, whether or not it has a value.
#[derive(Default)]
pub(crate) struct Declared {
    pub vars: Vec<String>,
    pub env: Vec<String>,
}

struct Resolver<'a> {
    bindings: &'a Bindings,
    declared: &'a Declared,
    sources: &'a Sources,
    found: &'a mut Vec<Diagnostic>,
    /// Names of the lookups, by the pointer of their stage.
    lookups: Vec<(String, Vec<String>)>,
    used: BTreeSet<String>,
}

impl Resolver<'_> {
    fn node(&mut self, node: &mut Node, pointer: &str) {
        let region = node.region;
        match &mut node.kind {
            NodeKind::Map(entries) => {
                for entry in entries {
                    self.node(&mut entry.value, &format!("{pointer}/{}", step(&entry.key)));
                }
            }
            NodeKind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &format!("{pointer}/{index}"));
                }
            }
            NodeKind::Scalar(scalar) if is_template(&scalar.text) => {
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
                self.found.push(Diagnostic::new(&codes::TEMPLATE_SYNTAX, region, message));
                scalar.style = Style::Broken;
                return;
            }
        };
        let known =
            names.iter().filter(|name| !self.is_known(name, late.as_deref(), region)).count() == 0;
        self.used.extend(names);
        if !known {
            scalar.style = Style::Broken;
        }
        if late.is_some() || !known {
            return;
        }
        match render(&scalar.text, self.bindings) {
            Ok(text) => *scalar = Scalar { text, style: Style::Rendered },
            Err(error) => {
                let message = format!("this template failed: {}", reason(&error));
                self.found.push(Diagnostic::new(&codes::TEMPLATE_FAILED, region, message));
                scalar.style = Style::Broken;
            }
        }
    }

    /// The place in the text where minijinja stopped, where the file spells the text as it is.
    fn error_region(&self, region: Region, text: &str, error: &minijinja::Error) -> Region {
        let range =
            error.range().filter(|range| range.start < range.end && range.end <= text.len());
        match (range, self.sources.text(region).find(text)) {
            (Some(range), Some(offset)) => region.part(offset + range.start, offset + range.end),
            _ => region,
        }
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
            _ => return self.is_known_late(first, late, region),
        };
        let Some(attribute) = attribute else { return true };
        let region = self.name_region(region, name);
        if !declared.iter().any(|there| there == attribute) {
            let near = nearest(attribute, declared.iter().map(String::as_str));
            let near = near.map(|near| format!("{first}.{near}"));
            let message = match first {
                "env" => {
                    format!("the environment variable `{attribute}` is not listed under `env:`")
                }
                _ => format!("there is no variable `{attribute}`"),
            };
            let diagnostic = Diagnostic::new(&codes::UNKNOWN_NAME, region, message);
            self.found.push(match (near, first) {
                (Some(near), _) => diagnostic.suggest(Some(&near)),
                (None, "env") => diagnostic.help(format!("add `env: [{attribute}]` to the plan")),
                (None, _) => diagnostic
                    .help(format!("declare it: `vars: {{ {attribute}: {{ default: … }} }}`")),
            });
            return false;
        }
        if !has_value && first == "env" {
            let message = format!("the {what} `{attribute}` is not set");
            let help = format!(
                "set it where the plan is read, for example `{attribute}=… vecshift validate …`"
            );
            self.found.push(Diagnostic::new(&codes::NO_VALUE, region, message).help(help));
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
        let message = format!("`{name}` is not known here");
        let names = all.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let diagnostic =
            Diagnostic::new(&codes::UNKNOWN_NAME, self.name_region(region, name), message);
        self.found.push(diagnostic.suggest(near.as_deref()).note(format!("known here: {names}")));
        false
    }

    /// The first place of the name in the scalar's own text.
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
