//! The parser's errors in words that say what to look at, and where.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use super::super::codes;
use super::super::diagnostic::Diagnostic;
use super::super::source::Region;
use super::lookalike::{self, Lookalike};

/// Converts the parser's error to a diagnostic.
pub(super) fn diagnostic(error: &ScanError, text: &str, file: usize) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let region = |start: usize, length: usize| Region { file, start, end: start + length };
    let syntax = |region, message: String| Diagnostic::new(&codes::SYNTAX, region, message);
    match error.kind() {
        kind if is_tab(kind) => {
            let at = tab(text, at);
            syntax(region(at, 1), "YAML indents with spaces, and this is a tab".into())
                .label("use spaces here")
        }
        ErrorKind::MissingAnchorOrAliasName => {
            let at = sign(text, at);
            let message = "a value cannot start with `*` or `&` without quotes";
            let word = word(&text[at..]);
            let label = format!("in quotes it is text: \"{word}\"");
            syntax(region(at, word.len()), message.into()).label(label)
        }
        _ => match lookalike::find(text, at) {
            Some(Lookalike { at, character, meant }) => {
                let message = format!("this is U+{:04X}, and not {meant}", u32::from(character));
                syntax(region(at, character.len_utf8()), message)
                    .label(format!("write {meant} here"))
            }
            None => syntax(region(at, 0), plain_words(error)),
        },
    }
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
    )
}

/// Returns the place of the tab that indents: the parser may point at the value on the line before it.
fn tab(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let mut start = line;
    for line in text[line..].split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            return start + tab;
        }
        start += line.len();
    }
    text[at..].find('\t').map_or(at, |tab| at + tab)
}

/// Returns the place of the `*` or `&` in front of a missing name: the parser points at it or behind it.
fn sign(text: &str, at: usize) -> usize {
    let is_sign = |at: usize| text[at..].starts_with(['*', '&']);
    match (is_sign(at), text[..at].char_indices().next_back()) {
        (false, Some((before, _))) if is_sign(before) => before,
        _ => at,
    }
}

/// Returns the text up to whatever ends a plain value.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || ",]}".contains(c)).unwrap_or(text.len());
    &text[..end]
}

/// Returns a message for a usual mistake, else the parser's own.
fn plain_words(error: &ScanError) -> String {
    match error.kind() {
        ErrorKind::ExpectedBlockSequenceEntry => {
            "this line is indented unlike the list items around it".into()
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            "this line is indented unlike the keys around it".into()
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::UnexpectedEofFlowMapping => {
            "a `,` or `}` is missing before this".into()
        }
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::UnexpectedEofFlowSequence => {
            "a `,` or `]` is missing before this".into()
        }
        ErrorKind::UnclosedQuotedScalar => "this quote is never closed".into(),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "a `:` and a space are missing after this key".into()
        }
        ErrorKind::UnexpectedCharacter { character } => {
            format!("a value cannot start with `{character}` without quotes")
        }
        _ => error.info(),
    }
}
