//! Places where one of several forms can stand.

use serde_json::{Map, Value};

use super::super::codes;
use super::super::diagnostic::{Diagnostic, either, nearest};
use super::super::node::{Node, NodeKind, Word};
use super::shape::Shape;
use super::{At, Secret, Walker};

impl Walker<'_> {
    /// Reads a reference to a secret. Whatever stands there instead is never repeated in the message.
    pub(super) fn secret(
        &mut self,
        node: &Node,
        branches: &[(&str, &Value)],
        at: &At,
    ) -> Option<Value> {
        if node.scalar().is_some() {
            let message = "a secret must not be written into a plan";
            let diagnostic =
                Diagnostic::new(&codes::INLINE_SECRET, at.key.unwrap_or(node.region), message)
                    .label("say where it is instead: `{ env: NAME }` or `{ file: PATH }`")
                    .help("if this plan was ever committed, revoke the secret");
            return self.report(diagnostic);
        }
        self.one_key(node, branches, at)
    }

    /// Remembers what may be a secret: a bare scalar, or one under another key than those of a reference.
    pub(super) fn hide(&mut self, node: &Node, branches: &[(&str, &Value)]) {
        if let Some(scalar) = node.scalar() {
            self.secrets.push(Secret { text: scalar.text.clone(), region: node.region });
        }
        for entry in node.entries() {
            if !branches.iter().any(|(key, _)| *key == entry.key) {
                self.hide(&entry.value, &[]);
            }
        }
        for item in node.items() {
            self.hide(item, &[]);
        }
    }

    pub(super) fn one_key(
        &mut self,
        node: &Node,
        branches: &[(&str, &Value)],
        at: &At,
    ) -> Option<Value> {
        let keys = || branches.iter().map(|(key, _)| *key);
        let NodeKind::Map(entries) = &node.kind else {
            return self.wrong_type(node, &Shape::OneKey(branches.to_vec()).describe(), at);
        };
        let mut chosen = None;
        let mut wrong = false;
        for entry in entries {
            let Some((_, schema)) = branches.iter().find(|(key, _)| *key == entry.key) else {
                let message = format!("unknown key `{}`: expected {}", entry.key, either(keys()));
                let diagnostic = Diagnostic::new(&codes::UNKNOWN_KEY, entry.key_region, message);
                let near = nearest(&entry.key, keys());
                self.found.push(diagnostic.suggest(near).spelt(&entry.key));
                wrong = true;
                continue;
            };
            if chosen.is_some() {
                let message = format!("only one of {} can be given", either(keys()));
                let diagnostic = Diagnostic::new(&codes::ONE_OF, entry.key_region, message);
                self.found.push(diagnostic.related(entries[0].key_region, "the first"));
                wrong = true;
                continue;
            }
            let value = self.node(&entry.value, schema, &at.key(entry));
            wrong |= value.is_none();
            chosen = Some((entry.key.clone(), value.unwrap_or_default()));
        }
        match chosen {
            Some((key, value)) if !wrong => Some(Value::Object(Map::from_iter([(key, value)]))),
            None if !wrong => {
                let message = format!("one of {} is needed", either(keys()));
                self.report(Diagnostic::new(&codes::ONE_OF, at.region(node), message))
            }
            _ => None,
        }
    }

    pub(super) fn tagged(
        &mut self,
        node: &Node,
        tag: &str,
        branches: &[(&str, &Value)],
        at: &At,
    ) -> Option<Value> {
        let words = || branches.iter().map(|(word, _)| *word);
        if !matches!(node.kind, NodeKind::Map(_)) {
            let word = node.text().and_then(|text| words().find(|word| *word == text));
            let expected = match word {
                Some(word) => format!("a mapping like `{tag}: {word}`"),
                None => format!("a mapping with `{tag}`"),
            };
            return self.wrong_type(node, &expected, at);
        }
        let Some(entry) = node.entry(tag) else {
            self.unread.insert(at.pointer.clone());
            let message = format!("the key `{tag}` is missing");
            let help = format!("say which it is: {}", either(words()));
            return self
                .report(Diagnostic::new(&codes::MISSING_KEY, at.region(node), message).help(help));
        };
        let kind = entry.value.text().unwrap_or_default();
        match branches.iter().find(|(word, _)| *word == kind) {
            Some((_, branch)) => self.object(node, branch, at),
            None => {
                self.unread.insert(at.pointer.clone());
                let words: Vec<_> = words().collect();
                self.word(&entry.value, &words, &at.key(entry));
                None
            }
        }
    }

    pub(super) fn word(&mut self, node: &Node, words: &[&str], at: &At) -> Option<Value> {
        let text = match node.scalar() {
            Some(scalar) => scalar.text.as_str(),
            None => return self.wrong_type(node, &either(words.iter().copied()), at),
        };
        if words.contains(&text) {
            return Some(text.into());
        }
        let expected = either(words.iter().copied());
        let key = at.pointer.rsplit('/').find(|step| step.parse::<usize>().is_err());
        let message = match key {
            Some(key) if !key.is_empty() => {
                format!("`{key}` cannot be `{text}`: expected {expected}")
            }
            _ => format!("unknown word `{text}`: expected {expected}"),
        };
        let near = nearest(text, words.iter().copied());
        let diagnostic = Diagnostic::new(&codes::UNKNOWN_WORD, node.region, message);
        self.report(diagnostic.suggest(near).spelt(text))
    }

    /// Takes the branch whose type is the node's; if several could be, the first that fits.
    pub(super) fn any(&mut self, node: &Node, branches: &[&Value], at: &At) -> Option<Value> {
        if is_by_spelling(branches) && !self.doubts(node, &at.pointer) {
            return None;
        }
        let fitting: Vec<_> =
            branches.iter().filter(|branch| fits(node, &Shape::of(branch))).collect();
        match fitting.as_slice() {
            [] => self.wrong_type(node, &Shape::Any(branches.to_vec()).describe(), at),
            [first, ..] => self.node(node, first, at),
        }
    }
}

/// Returns whether only the spelling decides between a number and a text.
fn is_by_spelling(branches: &[&Value]) -> bool {
    let has = |is: fn(&Shape<'_>) -> bool| branches.iter().any(|branch| is(&Shape::of(branch)));
    has(|shape| matches!(shape, Shape::Text(None))) && has(|shape| matches!(shape, Shape::Number))
}

fn fits(node: &Node, shape: &Shape<'_>) -> bool {
    match (&node.kind, shape) {
        (_, Shape::Anything) => true,
        (NodeKind::Map(_), Shape::Object | Shape::OneKey(_) | Shape::Tagged { .. }) => true,
        (NodeKind::List(_), Shape::Array) => true,
        (NodeKind::Scalar(scalar), shape) => matches!(
            (scalar.word(), shape),
            (Word::Bool(_), Shape::Boolean)
                | (Word::Integer(_), Shape::Integer | Shape::Number)
                | (Word::Float(_), Shape::Number)
                | (Word::Text(_), Shape::Text(_) | Shape::Words(_))
        ),
        _ => false,
    }
}
