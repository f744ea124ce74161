//! YAML text to nodes.
//!
//! The parser's events are read one by one rather than through serde, so that duplicate keys are all
//! reported, quotes are known, and every key has a place of its own.

mod lookalike;
mod mistake;
mod tag;

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};

use super::codes;
use super::diagnostic::Diagnostic;
use super::node::{Entry, Node, NodeKind, Scalar, Style};
use super::source::Region;

/// Most nodes after aliases are expanded.
const MAX_NODES: usize = 50_000;
const MAX_DEPTH: usize = 64;

/// Parses the file's document; `None` if its YAML is not well-formed, which is then in `found`.
pub(crate) fn parse(text: &str, file: usize, found: &mut Vec<Diagnostic>) -> Option<Node> {
    let options = options! { emit_unresolved_aliases: true, emit_comments: false };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut composer =
        Composer { parser, file, text, len: text.len(), anchors: HashMap::new(), nodes: 0, found };
    match composer.document() {
        Ok(node) => Some(node),
        Err(diagnostic) => {
            composer.found.push(*diagnostic);
            None
        }
    }
}

type Composed<T> = Result<T, Box<Diagnostic>>;

struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    file: usize,
    text: &'a str,
    len: usize,
    /// Each anchored node and how many nodes it holds; `None` while it is still open.
    anchors: HashMap<usize, Option<(Node, usize)>>,
    nodes: usize,
    found: &'a mut Vec<Diagnostic>,
}

impl<'a> Composer<'a> {
    fn document(&mut self) -> Composed<Node> {
        let mut document = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ if document.is_some() => {
                    let region = self.region(span);
                    let message = "the file holds more than one YAML document";
                    return Err(Box::new(
                        Diagnostic::new(&codes::SYNTAX, region, message)
                            .help("keep each plan in a file of its own"),
                    ));
                }
                event => document = Some(self.node(event, span, 0)?),
            }
        }
        let empty = Region { file: self.file, start: 0, end: 0 };
        Ok(document.unwrap_or(Node { kind: NodeKind::Map(Vec::new()), region: empty }))
    }

    fn next(&mut self) -> Composed<(Event<'a>, Span)> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let diagnostic = mistake::diagnostic(&error, self.text, self.file);
                Err(Box::new(diagnostic.note("nothing after this place could be read")))
            }
            None => {
                let region = Region { file: self.file, start: self.len, end: self.len };
                Err(Box::new(Diagnostic::new(&codes::SYNTAX, region, "the file ends too early")))
            }
        }
    }

    fn region(&self, span: Span) -> Region {
        let range = span.byte_range().unwrap_or(self.len..self.len);
        Region { file: self.file, start: range.start, end: range.end }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Composed<Node> {
        let region = self.region(span);
        if depth > MAX_DEPTH {
            let message = format!("this nests deeper than {MAX_DEPTH} levels");
            return Err(Box::new(Diagnostic::new(&codes::EXPANSION, region, message)));
        }
        let before = self.nodes;
        self.count(1, region)?;
        let (anchor, kind, region) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
                let style = self.tagged(tag.as_deref(), style, region);
                (anchor, NodeKind::Scalar(Scalar { text: text.into_owned(), style }), region)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), "seq", region);
                self.open(anchor);
                let (items, region) = self.list(region, depth)?;
                (anchor, NodeKind::List(items), region)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), "map", region);
                self.open(anchor);
                let (entries, region) = self.map(region, depth)?;
                (anchor, NodeKind::Map(entries), region)
            }
            Event::Alias(anchor) => return self.alias(anchor, region),
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor `&{name}` before this alias");
                let diagnostic = Diagnostic::new(&codes::SYNTAX, region, message);
                self.found.push(diagnostic.label(format!("a pattern needs quotes: \"*{name}\"")));
                (0, nothing(), region)
            }
            _ => {
                let message = "a value was expected here";
                return Err(Box::new(Diagnostic::new(&codes::SYNTAX, region, message)));
            }
        };
        let node = Node { kind, region };
        if anchor != 0 {
            self.anchors.insert(anchor, Some((node.clone(), self.nodes - before)));
        }
        Ok(node)
    }

    fn open(&mut self, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
    }

    fn count(&mut self, nodes: usize, region: Region) -> Composed<()> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("the file expands to more than {MAX_NODES} nodes");
        let note = "each alias counts as all that it stands for";
        Err(Box::new(Diagnostic::new(&codes::EXPANSION, region, message).note(note)))
    }

    /// Returns the aliased node; its own place is the alias, the places inside it stay where they were written.
    fn alias(&mut self, anchor: usize, region: Region) -> Composed<Node> {
        match self.anchors.get(&anchor) {
            Some(Some((node, size))) => {
                let (kind, size) = (node.kind.clone(), *size);
                self.count(size, region)?;
                Ok(Node { kind, region })
            }
            _ => {
                let message = "this alias stands inside of its own anchor";
                Err(Box::new(Diagnostic::new(&codes::SYNTAX, region, message)))
            }
        }
    }

    fn list(&mut self, start: Region, depth: usize) -> Composed<(Vec<Node>, Region)> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let first = items.first().map(|item| item.region);
                return Ok((items, self.collection(start, span, first)));
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, start: Region, depth: usize) -> Composed<(Vec<Entry>, Region)> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let first = entries.first().map(|entry| entry.key_region);
                let region = self.collection(start, span, first);
                merge(&mut entries, merged);
                return Ok((entries, region));
            }
            let (key, key_region) = self.key(event, span, depth)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if key == "<<" {
                merged.push(value);
            } else if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let message = format!("the key `{key}` is there twice");
                self.found.push(
                    Diagnostic::new(&codes::DUPLICATE_KEY, key_region, message)
                        .label("again here")
                        .related(first.key_region, "first here"),
                );
            } else {
                entries.push(Entry { key, key_region, value });
            }
        }
    }

    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Composed<(String, Region)> {
        let node = self.node(event, span, depth + 1)?;
        match node.kind {
            NodeKind::Scalar(scalar) => Ok((scalar.text, node.region)),
            _ => {
                let before = self.text.get(..node.region.start).unwrap_or_default().trim_end();
                let is_template = before.ends_with("{{") || before.ends_with('{');
                let diagnostic = match is_template {
                    true => {
                        Diagnostic::new(&codes::SYNTAX, node.region, "this template needs quotes")
                            .help("`{` starts a mapping in YAML: write \"{{ vars.name }}\"")
                    }
                    false => {
                        let message = "a key must be a single word, not a list or a mapping";
                        Diagnostic::new(&codes::SYNTAX, node.region, message)
                    }
                };
                Err(Box::new(diagnostic))
            }
        }
    }

    /// Returns the region of a collection: a flow collection from bracket to bracket; a block collection's first key
    /// or item.
    fn collection(&self, start: Region, end: Span, first: Option<Region>) -> Region {
        let end = self.region(end);
        match first {
            Some(first) if start.start == start.end || first.start == start.start => first,
            _ => Region { end: end.end.max(start.end), ..start },
        }
    }
}

/// Returns the node that stands for a missing value.
fn nothing() -> NodeKind {
    NodeKind::Scalar(Scalar { text: String::new(), style: Style::Broken })
}

/// Adds what `<<` brings; keys that are written out win, then the earlier of several.
fn merge(entries: &mut Vec<Entry>, merged: Vec<Node>) {
    for node in merged {
        let sources = match node.kind {
            NodeKind::List(items) => items,
            _ => vec![node],
        };
        for entry in sources.into_iter().flat_map(|source| match source.kind {
            NodeKind::Map(entries) => entries,
            _ => Vec::new(),
        }) {
            if !entries.iter().any(|there| there.key == entry.key) {
                entries.push(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
        let mut found = Vec::new();
        let node = parse(text, 0, &mut found);
        (node, found)
    }

    #[test]
    fn anchors_and_merge_keys_work() {
        let (node, found) = read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n");
        assert!(found.is_empty());
        assert_eq!(
            node.unwrap().to_json(),
            serde_json::json!({"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}, "c": {"x": 1, "y": 2}})
        );
    }

    #[test]
    fn all_duplicate_keys_are_found() {
        let (_, found) = read("a: 1\na: 2\nb: {c: 1, c: 2}\n");
        let codes: Vec<_> = found.iter().map(|found| (found.code, found.region.start)).collect();
        assert_eq!(codes, [("V004", 5), ("V004", 20)]);
    }

    #[test]
    fn an_alias_bomb_is_refused_early() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        let (node, found) = read(&text);
        assert!(node.is_none());
        assert_eq!(found[0].code, "V005");
    }

    #[test]
    fn places_are_those_of_the_tokens() {
        let text = "stages:\n  - kind: copy\n    rate: \"20/s\"\n";
        let (node, _) = read(text);
        let node = node.unwrap();
        let at = |pointer: &str| {
            let region = node.focus(pointer);
            &text[region.start..region.end]
        };
        assert_eq!(at("/stages"), "stages");
        assert_eq!(at("/stages/0"), "kind");
        assert_eq!(at("/stages/0/rate"), "\"20/s\"");
        assert_eq!(at("/stages/0/nothing"), "kind");
    }
}
