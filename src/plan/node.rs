//! A plan file as a tree of nodes that know their places.

use super::diagnostic::nearest;
use super::source::Region;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub kind: NodeKind,
    /// A scalar's or flow collection's own text; for a block collection its first key or item.
    pub region: Region,
}

#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value; the order is the file's.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub key_region: Region,
    pub value: Node,
}

#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub text: String,
    pub style: Style,
}

/// The way a scalar was written, which decides whether `3072` is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    /// A scalar in quotes or a block: always text.
    Quoted,
    /// The result of a template: text, or whatever it looks like if the place accepts that.
    Rendered,
    /// The number or boolean that a template of one expression yields: kept if any value can stand there, text if text
    /// is wanted.
    Evaluated,
    /// A scalar that was reported as wrong: nothing more is said about it.
    Broken,
}

/// The meaning of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Word<'a> {
    Nothing,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(&'a str),
}

impl Scalar {
    /// Reads the scalar by the YAML 1.2 core schema, with `_` between digits as in `10_000`.
    pub fn word(&self) -> Word<'_> {
        match self.style {
            Style::Plain => plain(&self.text),
            Style::Quoted | Style::Rendered | Style::Evaluated | Style::Broken => {
                Word::Text(&self.text)
            }
        }
    }

    /// Reads the scalar as [`Scalar::word`] does, but a rendered template counts as if it had been written plainly.
    pub fn lenient_word(&self) -> Word<'_> {
        match self.style {
            Style::Rendered | Style::Evaluated => plain(&self.text),
            _ => self.word(),
        }
    }

    /// Reads the scalar as [`Scalar::word`] does, for a place where any type can stand.
    pub fn free_word(&self) -> Word<'_> {
        match self.style {
            Style::Evaluated => plain(&self.text),
            _ => self.word(),
        }
    }
}

fn plain(text: &str) -> Word<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Word::Nothing,
        "true" | "True" | "TRUE" => Word::Bool(true),
        "false" | "False" | "FALSE" => Word::Bool(false),
        _ => number(text).unwrap_or(Word::Text(text)),
    }
}

fn number(text: &str) -> Option<Word<'_>> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let starts_well = digits.starts_with(|c: char| c.is_ascii_digit())
        || digits
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let bare = text.replace('_', "");
    if !starts_well || text.ends_with('_') {
        return None;
    }
    if let Ok(integer) = bare.parse() {
        return Some(Word::Integer(integer));
    }
    bare.parse().ok().filter(|float: &f64| float.is_finite()).map(Word::Float)
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Returns the value of a key as [`Node::get`] does; if there is no such key, that of one probably meant to be it.
    pub fn get_like(&self, key: &str) -> Option<&Node> {
        let near = || self.entries().iter().find(|entry| nearest(&entry.key, [key]).is_some());
        self.get(key).or_else(|| near().map(|entry| &entry.value))
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.kind {
            NodeKind::List(items) => items,
            _ => &[],
        }
    }

    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Returns the text of a scalar that is text.
    pub fn text(&self) -> Option<&str> {
        self.scalar().and_then(|scalar| match scalar.word() {
            Word::Text(text) => Some(text),
            _ => None,
        })
    }

    /// Returns whether it was already reported as wrong.
    pub fn is_broken(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.style == Style::Broken)
    }

    /// Describes the node in the words of a message.
    pub fn describe(&self) -> String {
        match &self.kind {
            NodeKind::List(_) => "a list".into(),
            NodeKind::Map(_) => "a mapping".into(),
            NodeKind::Scalar(scalar) => match scalar.word() {
                Word::Nothing => "nothing".into(),
                Word::Bool(value) => format!("`{value}`"),
                Word::Integer(_) | Word::Float(_) => format!("the number `{}`", scalar.text),
                Word::Text(_) => "text".into(),
            },
        }
    }

    /// Returns the node as plain JSON.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;

        match &self.kind {
            NodeKind::List(items) => items.iter().map(Node::to_json).collect(),
            NodeKind::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
            ),
            NodeKind::Scalar(scalar) => match scalar.free_word() {
                Word::Nothing => Value::Null,
                Word::Bool(value) => value.into(),
                Word::Integer(value) => integer_json(value),
                Word::Float(value) => value.into(),
                Word::Text(text) => text.into(),
            },
        }
    }

    /// Returns the region that a message about `pointer` (a JSON pointer) shows: the value if it is a scalar or in
    /// flow style, else its key; the nearest ancestor's if the pointer leads nowhere.
    pub fn focus(&self, pointer: &str) -> Region {
        let mut node = self;
        let mut region = self.region;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match &node.kind {
                NodeKind::Map(_) => node.entry(&step).map(|entry| (&entry.value, Some(entry))),
                NodeKind::List(items) => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index))
                    .map(|item| (item, None)),
                NodeKind::Scalar(_) => None,
            };
            let Some((next, entry)) = next else { break };
            region = match (entry, &next.kind) {
                (Some(entry), NodeKind::List(_) | NodeKind::Map(_)) => entry.key_region,
                _ => next.region,
            };
            node = next;
        }
        region
    }

    /// Returns the node at `pointer`.
    pub fn at(&self, pointer: &str) -> Option<&Node> {
        pointer.split('/').skip(1).try_fold(self, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match &node.kind {
                NodeKind::Map(_) => node.get(&step),
                NodeKind::List(items) => items.get(step.parse::<usize>().ok()?),
                NodeKind::Scalar(_) => None,
            }
        })
    }
}

/// Returns a step of a JSON pointer.
pub(crate) fn step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn integer_json(value: i128) -> serde_json::Value {
    match (u64::try_from(value), i64::try_from(value)) {
        (Ok(value), _) => value.into(),
        (_, Ok(value)) => value.into(),
        _ => (value as f64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_scalars_are_numbers() {
        let word =
            |text: &str, style| Scalar { text: text.into(), style }.word() == Word::Integer(3072);
        assert!(word("3072", Style::Plain));
        assert!(word("3_072", Style::Plain));
        assert!(!word("3072", Style::Quoted));
    }

    #[test]
    fn quantities_stay_text() {
        for text in ["90s", "5%", "20/s", "$150", "inf", "nan", ".", "-", "_1", "1_", "5ms..25ms"] {
            assert_eq!(plain(text), Word::Text(text));
        }
        assert_eq!(plain("1e-6"), Word::Float(1e-6));
    }
}
