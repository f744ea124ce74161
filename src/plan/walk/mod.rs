//! Checks a tree of nodes against the schema, and reports everything that differs.
//!
//! The walk also yields the plan as JSON that is sure to fit the types: what is wrong is left out or, where
//! it must be there, replaced by a sample. So the checks of meaning can run on a plan with mistakes, and one
//! reading reports the mistakes of all phases. Places that were replaced are *tainted*: nothing is said about
//! them twice.

mod choice;
mod scalar;
mod shape;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::codes;
use super::diagnostic::{Diagnostic, either, nearest};
use super::node::{Entry, Node, NodeKind, Word, step};
use super::source::Region;
use shape::{Shape, sample};

/// Result of a walk.
pub(crate) struct Walked {
    pub value: Value,
    pub tainted: BTreeSet<String>,
    /// Pointers whose meaning is not known: under an unknown key or an unknown kind, and the missing keys beside an
    /// unknown one.
    pub unread: BTreeSet<String>,
    /// Secrets that were written into the plan: no message may show them.
    pub secrets: Vec<Secret>,
}

/// A text that must not be shown, and where it stands.
pub(crate) struct Secret {
    pub text: String,
    pub region: Region,
}

/// Returns whether the node at a pointer, or one around it, was wrong.
pub(crate) fn is_tainted(tainted: &BTreeSet<String>, pointer: &str) -> bool {
    let ends = pointer.match_indices('/').map(|(at, _)| at).chain([pointer.len()]);
    ends.map(|end| &pointer[..end]).any(|outer| tainted.contains(outer))
}

/// Checks a whole plan against `schema`, which has no references left.
pub(crate) fn walk(root: &Node, schema: &Value, found: &mut Vec<Diagnostic>) -> Walked {
    let mut walker = Walker {
        stages: &schema["properties"]["stages"]["items"],
        found,
        tainted: BTreeSet::new(),
        unread: BTreeSet::new(),
        secrets: Vec::new(),
    };
    let at = At { pointer: String::new(), key: None };
    let value = walker.node(root, schema, &at).unwrap_or_else(|| {
        walker.tainted.insert(String::new());
        sample(schema)
    });
    let Walker { tainted, unread, secrets, .. } = walker;
    Walked { value, tainted, unread, secrets }
}

/// The position of the walk: the pointer, and the region of the key that led there.
struct At {
    pointer: String,
    key: Option<Region>,
}

impl At {
    fn key(&self, entry: &Entry) -> Self {
        let pointer = format!("{}/{}", self.pointer, step(&entry.key));
        Self { pointer, key: Some(entry.key_region) }
    }

    fn item(&self, index: usize) -> Self {
        Self { pointer: format!("{}/{index}", self.pointer), key: None }
    }

    /// Returns the region for a message about the whole of `node`.
    fn region(&self, node: &Node) -> Region {
        match (&node.kind, self.key) {
            (NodeKind::Scalar(_), _) | (_, None) => node.region,
            (_, Some(key)) => key,
        }
    }
}

struct Walker<'a> {
    /// The schema of a stage.
    stages: &'a Value,
    found: &'a mut Vec<Diagnostic>,
    tainted: BTreeSet<String>,
    unread: BTreeSet<String>,
    secrets: Vec<Secret>,
}

impl Walker<'_> {
    fn report(&mut self, diagnostic: Diagnostic) -> Option<Value> {
        self.found.push(diagnostic);
        None
    }

    /// Converts the node to JSON that fits the schema; `None` if it does not fit, which has been reported.
    fn node(&mut self, node: &Node, schema: &Value, at: &At) -> Option<Value> {
        let shape = Shape::of(schema);
        if let Shape::Secret(branches) = &shape {
            self.hide(node, branches);
        }
        if node.is_broken() {
            return None;
        }
        if matches!(shape, Shape::Anything) {
            return self.free(node, at);
        }
        if self.is_empty(node) {
            let message = match at.pointer.rsplit('/').next() {
                Some(key) if at.key.is_some() => format!("`{key}` has no value"),
                _ => "there is no value here".into(),
            };
            let region = at.key.unwrap_or(node.region);
            let help = format!("write {}, or leave the key out", shape.describe());
            return self.report(Diagnostic::new(&codes::EMPTY_VALUE, region, message).help(help));
        }
        match shape {
            Shape::Anything => self.free(node, at),
            Shape::Secret(branches) => self.secret(node, &branches, at),
            Shape::OneKey(branches) => self.one_key(node, &branches, at),
            Shape::Tagged { tag, branches } => self.tagged(node, tag, &branches, at),
            Shape::Words(words) => self.word(node, &words, at),
            Shape::Any(branches) => self.any(node, &branches, at),
            Shape::Object => self.object(node, schema, at),
            Shape::Array => self.array(node, schema, at),
            shape => self.scalar(node, schema, &shape, at),
        }
    }

    fn is_empty(&self, node: &Node) -> bool {
        node.scalar().is_some_and(|scalar| scalar.word() == Word::Nothing)
    }

    fn wrong_type(&mut self, node: &Node, expected: &str, at: &At) -> Option<Value> {
        let message = format!("expected {expected}, found {}", node.describe());
        let diagnostic = Diagnostic::new(&codes::WRONG_TYPE, at.region(node), message);
        let short = at.pointer.strip_prefix("/vars/").is_some_and(|name| !name.contains('/'));
        self.report(match (at.pointer.is_empty(), node.scalar()) {
            (true, _) => {
                diagnostic.help("a plan is a mapping that starts with `version: 1` and `name: …`")
            }
            (false, Some(scalar)) if short => {
                diagnostic.label(format!("write `{{ default: {} }}`", scalar.text))
            }
            _ => diagnostic,
        })
    }

    fn object(&mut self, node: &Node, schema: &Value, at: &At) -> Option<Value> {
        let NodeKind::Map(entries) = &node.kind else {
            return self.wrong_type(node, &Shape::of(schema).describe(), at);
        };
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        let mut object = Map::new();
        let mut misspelt = Vec::new();
        let mut is_known = true;
        for entry in entries {
            let rest = &schema["additionalProperties"];
            let value = match properties.get(&entry.key) {
                Some(property) => self.node(&entry.value, property, &at.key(entry)),
                None if rest.is_object() || rest == &Value::Bool(true) => {
                    self.node(&entry.value, rest, &at.key(entry))
                }
                None => {
                    is_known = false;
                    self.unread.insert(at.key(entry).pointer);
                    misspelt.extend(self.unknown_key(entry, node, schema, at));
                    continue;
                }
            };
            match value {
                Some(value) => _ = object.insert(entry.key.clone(), value),
                None => _ = self.tainted.insert(at.key(entry).pointer),
            }
        }
        let mut missing = Vec::new();
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if object.contains_key(name) {
                continue;
            }
            let property = &properties[name];
            if !entries.iter().any(|entry| entry.key == name) && !misspelt.contains(&name) {
                missing.push((name, property));
            }
            object.insert(name.to_owned(), sample(property));
            self.tainted.insert(format!("{}/{}", at.pointer, step(name)));
        }
        self.missing_keys(&missing, node, at);
        if !is_known {
            // The unknown key may be meant to be any of the missing ones, so their lack is not reported.
            let absent = properties.keys().filter(|key| node.get(key).is_none());
            let absent = absent.map(|key| format!("{}/{}", at.pointer, step(key)));
            let absent: Vec<_> = absent.collect();
            self.unread.extend(absent.iter().cloned());
            self.tainted.extend(absent);
        }
        Some(Value::Object(object))
    }

    /// Reports the key, and returns the one that was probably meant.
    fn unknown_key<'s>(
        &mut self,
        entry: &Entry,
        node: &Node,
        schema: &'s Value,
        at: &At,
    ) -> Option<&'s str> {
        let known = schema["properties"].as_object().into_iter().flat_map(Map::keys);
        let free = known.map(String::as_str).filter(|key| node.get(key).is_none());
        let near = nearest(&entry.key, free.clone());
        let kind = schema["properties"]["kind"]["const"].as_str();
        let parent =
            match (kind, at.pointer.rsplit('/').find(|step| step.parse::<usize>().is_err())) {
                (Some(kind), _) => format!("a `{kind}` stage"),
                (None, Some("") | None) => "a plan".to_owned(),
                (None, Some(parent)) => format!("`{parent}`"),
            };
        let message = format!("unknown key `{}` in {parent}", entry.key);
        let diagnostic =
            Diagnostic::new(&codes::UNKNOWN_KEY, entry.key_region, message).suggest(near);
        let diagnostic = diagnostic.spelt(&entry.key);
        let elsewhere = kind.and_then(|_| self.stages_with(&entry.key));
        let others: Vec<_> = free.map(|key| format!("`{key}`")).collect();
        self.found.push(match (elsewhere, near) {
            (Some(kinds), _) => diagnostic.label(format!("a key of {kinds} stages")),
            (None, None) if !others.is_empty() => {
                diagnostic.note(format!("keys that could stand here: {}", others.join(", ")))
            }
            _ => diagnostic,
        });
        near
    }

    fn missing_keys(&mut self, missing: &[(&str, &Value)], node: &Node, at: &At) {
        let message = match missing {
            [] => return,
            [(only, _)] => format!("the key `{only}` is missing"),
            several => {
                let names: Vec<_> = several.iter().map(|(name, _)| format!("`{name}`")).collect();
                format!("the keys {} are missing", names.join(", "))
            }
        };
        let region = at.key.unwrap_or(node.region);
        let mut diagnostic = Diagnostic::new(&codes::MISSING_KEY, region, message);
        for (name, property) in missing {
            if let Some(description) = property["description"].as_str() {
                diagnostic =
                    diagnostic.note(format!("`{name}`: {}", description.replace('\n', " ")));
            }
        }
        self.found.push(diagnostic);
    }

    fn array(&mut self, node: &Node, schema: &Value, at: &At) -> Option<Value> {
        let NodeKind::List(items) = &node.kind else {
            return self.wrong_type(node, "a list", at);
        };
        let least = schema["minItems"].as_u64().unwrap_or(0);
        if (items.len() as u64) < least {
            let message = format!(
                "this list needs at least {least} item{}",
                if least == 1 { "" } else { "s" }
            );
            return self.report(Diagnostic::new(&codes::OUT_OF_RANGE, at.region(node), message));
        }
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = at.item(index);
            let value = self.node(item, &schema["items"], &at).unwrap_or_else(|| {
                self.tainted.insert(at.pointer);
                sample(&schema["items"])
            });
            values.push(value);
        }
        Some(Value::Array(values))
    }

    /// Names the kinds of stage that have a key, for a key that stands in another.
    fn stages_with(&self, key: &str) -> Option<String> {
        let kinds: Vec<_> = self.stages["oneOf"]
            .as_array()?
            .iter()
            .filter(|branch| branch["properties"].get(key).is_some())
            .filter_map(|branch| branch["properties"]["kind"]["const"].as_str())
            .collect();
        (!kinds.is_empty()).then(|| either(kinds))
    }
}
