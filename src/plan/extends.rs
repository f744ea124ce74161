//! Opens a plan file and lays it over the one it extends.

use std::io::Read;
use std::path::Path;

use super::codes::{self, Code};
use super::diagnostic::Diagnostic;
use super::node::{Entry, Node, NodeKind};
use super::source::{Region, Sources};
use super::yaml;

/// The largest plan file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads the nodes of the plan at `path`, or of `text` if it is given, laid over those of the plan it extends; `None`
/// if one of them cannot be read.
pub(crate) fn read_nodes(
    path: &Path,
    text: Option<String>,
    sources: &mut Sources,
    found: &mut Vec<Diagnostic>,
) -> Option<Node> {
    let name = path.display().to_string();
    let text = match text.map_or_else(|| open(path), |text| limited(path, text)) {
        Ok(text) => text,
        Err((code, message)) => {
            let file = sources.add(name, String::new());
            found.push(Diagnostic::new(code, Region { file, ..Region::default() }, message));
            return None;
        }
    };
    let file = sources.add(name, text.clone());
    let over = yaml::parse(&text, file, found)?;
    let Some(extends) = over.get("extends") else { return Some(over) };
    let Some(base) = extends.text() else { return Some(over) };
    let base = base_nodes(path, base, extends.region, sources, found)?;
    Some(lay_over(base, over))
}

fn base_nodes(
    path: &Path,
    base: &str,
    region: Region,
    sources: &mut Sources,
    found: &mut Vec<Diagnostic>,
) -> Option<Node> {
    let mut report = |message: String, help: &str| {
        found.push(Diagnostic::new(&codes::BAD_EXTENDS, region, message).help(help));
    };
    if base.contains("://") {
        report(format!("`{base}` is not a local path"), "put the base plan beside this one");
        return None;
    }
    let base_path = path.parent().unwrap_or(Path::new("")).join(base);
    let text = match open(&base_path) {
        Ok(text) => text,
        Err((_, message)) => {
            report(message, "the path starts from this plan's folder");
            return None;
        }
    };
    let file = sources.add(base_path.display().to_string(), text.clone());
    let node = yaml::parse(&text, file, found)?;
    if let Some(entry) = node.entry("extends") {
        let message = format!("`{base}` extends another plan itself");
        found.push(
            Diagnostic::new(&codes::BAD_EXTENDS, region, message)
                .related(entry.key_region, "here")
                .note("one level is the limit, so that a reviewer has two files to read and not a chain"),
        );
        return None;
    }
    Some(node)
}

/// Reads the text of a file; on failure returns the code and the message.
fn open(path: &Path) -> Result<String, (&'static Code, String)> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => error.to_string(),
        };
        (&codes::UNREADABLE, format!("`{shown}` cannot be read: {why}"))
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    limited(path, text)
}

fn limited(path: &Path, text: String) -> Result<String, (&'static Code, String)> {
    match text.len() as u64 > MAX_BYTES {
        true => Err((&codes::TOO_LARGE, format!("`{}` is larger than 1 MiB", path.display()))),
        false => Ok(text),
    }
}

/// Lays one tree over another: mappings are merged key by key, everything else in `over` replaces what is beneath.
fn lay_over(base: Node, over: Node) -> Node {
    match (base.kind, over.kind) {
        (NodeKind::Map(below), NodeKind::Map(above)) => {
            Node { kind: NodeKind::Map(merge(below, above)), region: over.region }
        }
        (_, kind) => Node { kind, region: over.region },
    }
}

fn merge(below: Vec<Entry>, above: Vec<Entry>) -> Vec<Entry> {
    let mut merged = above;
    for entry in below {
        match merged.iter_mut().find(|there| there.key == entry.key) {
            Some(there) => there.value = lay_over(entry.value, there.value.clone()),
            None => merged.push(entry),
        }
    }
    merged
}
