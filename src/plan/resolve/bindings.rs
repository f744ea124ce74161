//! The values of `vars` and `env`.

use std::collections::BTreeMap;

use minijinja::Value;

use super::super::codes;
use super::super::diagnostic::{Diagnostic, nearest};
use super::super::node::{Node, Scalar, Style, Word, step};
use super::super::spelling::doubt;
use super::super::template::Bindings;
use super::{Declared, Doubted};

/// Inputs from outside the plan file. The library reads no environment; the caller passes in what the plan may see.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Values of `vars`, as `--var` and `--var-file` give them.
    pub vars: BTreeMap<String, String>,
    /// Values for whatever plan declares them, as a project gives them; those above take precedence.
    pub usual: BTreeMap<String, String>,
    /// The environment; a plan sees only the names it lists under `env:`.
    pub env: BTreeMap<String, String>,
}

/// Joins what the plan declares with what the caller gives.
pub(crate) fn bind(root: &Node, inputs: &Inputs, found: &mut Vec<Doubted>) -> (Bindings, Declared) {
    let mut bindings = Bindings::default();
    let mut declared = Declared::default();
    let listed = root.get_like("env").map(Node::items).unwrap_or_default();
    for name in listed.iter().filter_map(Node::text) {
        declared.env.push(name.to_owned());
        if let Some(value) = inputs.env.get(name) {
            bindings.env.insert(name.to_owned(), value.clone());
        }
    }
    for entry in root.get_like("vars").map(Node::entries).unwrap_or_default() {
        declared.vars.push(entry.key.clone());
        if let Some(short) = entry.value.scalar() {
            // `region: us-east-1` is a mistake that the schema reports; knowing the value avoids a second message.
            bindings.vars.insert(entry.key.clone(), value(short));
            continue;
        }
        let default = entry.value.get_like("default").and_then(Node::scalar);
        let value = match (inputs.vars.get(&entry.key).or(inputs.usual.get(&entry.key)), default) {
            (Some(given), Some(default)) => given_value(given, default),
            (Some(given), None) => Value::from(given.as_str()),
            (None, Some(default)) => value(default),
            (None, None) => {
                let message = format!("the variable `{}` has no value", entry.key);
                let help = format!("pass `--var {}=…`, or give it a `default:`", entry.key);
                let diagnostic = Diagnostic::new(&codes::NO_VALUE, entry.key_region, message);
                let places = vec![format!("/vars/{}/default", step(&entry.key))];
                found.push(Doubted { places, diagnostic: diagnostic.help(help) });
                continue;
            }
        };
        bindings.vars.insert(entry.key.clone(), value);
    }
    let region = root.focus("/vars");
    for name in inputs.vars.keys().filter(|name| !declared.vars.contains(name)) {
        let message = format!("the variable `{name}` was given, and the plan does not declare it");
        let near = nearest(name, declared.vars.iter().map(String::as_str));
        let diagnostic = Diagnostic::new(&codes::NO_VALUE, region, message).suggest(near);
        found.push(Doubted { places: vec!["/vars".to_owned()], diagnostic });
    }
    (bindings, declared)
}

fn value(scalar: &Scalar) -> Value {
    match scalar.word() {
        Word::Nothing => Value::from(""),
        Word::Bool(value) => value.into(),
        Word::Integer(value) => match i64::try_from(value) {
            Ok(value) => value.into(),
            Err(_) => Value::from(scalar.text.as_str()),
        },
        Word::Float(value) => value.into(),
        Word::Text(text) => text.into(),
    }
}

/// Returns a value from the command line with the type of the default it replaces, unless that would change its
/// spelling.
fn given_value(given: &str, default: &Scalar) -> Value {
    let plain = Scalar { text: given.into(), style: Style::Plain };
    match default.word() {
        Word::Text(_) | Word::Nothing => Value::from(given),
        _ if doubt(&plain).is_some() => Value::from(given),
        _ => value(&plain),
    }
}
