//! Texts: the digits of bytes, and lines for people in a terminal.

use std::borrow::Cow;

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, fill};

/// Writes bytes in hexadecimal digits, two each.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Wraps each line of a text at its spaces to `width` columns, and puts `indent` before what is carried over. Words are
/// never cut.
pub fn wrap(text: &str, width: impl Into<usize>, indent: &str) -> String {
    let options = Options::new(width.into())
        .subsequent_indent(indent)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    text.split('\n').map(|line| fill(line, &options)).collect::<Vec<_>>().join("\n")
}

/// Writes what a terminal would act on instead of showing it as `\u{1b}`: a name that somebody else gave moves no cursor,
/// hides nothing and begins no line.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape(text, is_unseen)
}

/// Returns a whole text for people as it may go to a terminal or a log: with its lines and its colours, and nothing else
/// that is acted on. A line that GitHub's log would take for a command is none.
pub fn printable(text: &str) -> Cow<'_, str> {
    let text = escape(text, |one| is_unseen(one) && !matches!(one, '\n' | '\t' | ESCAPE));
    let text = match text.contains(ESCAPE) {
        true => Cow::Owned(without_commands(&text)),
        false => text,
    };
    let is_command = |line: &str| line.trim_start().starts_with("::");
    match text.lines().any(is_command) {
        true => Cow::Owned(spoilt(&text, is_command)),
        false => text,
    }
}

const ESCAPE: char = '\u{1b}';

/// Whether a terminal acts on a character, or it changes the order in which others are seen (Unicode's bidirectional
/// controls).
fn is_unseen(one: char) -> bool {
    one.is_control() || matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for one in text.chars() {
        match is_escaped(one) {
            true => out.extend(one.escape_default()),
            false => out.push(one),
        }
    }
    Cow::Owned(out)
}

/// Leaves the sequences that only colour (ECMA-48, SGR).
fn without_commands(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(ESCAPE) {
        out.push_str(before);
        match colour(after) {
            Some(length) => {
                out.push(ESCAPE);
                out.push_str(&after[..length]);
                rest = &after[length..];
            }
            None => {
                out.extend(ESCAPE.escape_default());
                rest = after;
            }
        }
    }
    out + rest
}

/// Returns the length of what follows an escape if it is a colour, bold, dim, italic or underlined, or the end of that.
fn colour(after: &str) -> Option<usize> {
    let end = after.strip_prefix('[')?.find('m')? + 1;
    let is_plain = |word: &str| {
        word.is_empty()
            || word
                .parse()
                .is_ok_and(|code: u8| matches!(code, 0..=4 | 22..=24 | 30..=37 | 39 | 90..=97))
    };
    after[1..end].split(';').all(is_plain).then_some(end + 1)
}

fn spoilt(text: &str, is_command: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    for line in text.split_inclusive('\n') {
        if is_command(line) {
            out.push('\\');
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(hex([0, 9, 255]), "0009ff");
    }

    #[test]
    fn what_a_terminal_would_act_on_is_seen_instead() {
        assert_eq!(visible("plain ümlaut"), "plain ümlaut");
        assert_eq!(visible("a\x1b[31mb\nc\0\r"), "a\\u{1b}[31mb\\nc\\u{0}\\r");
        assert_eq!(visible("\u{202e}gpj"), "\\u{202e}gpj");
    }

    #[test]
    fn a_text_keeps_its_lines_and_colours_and_nothing_else() {
        let own = "\x1b[1;31merror\x1b[0m: a\n\tb";
        assert_eq!(printable(own), own);
        for (hostile, shown) in [
            ("n\x1b]0;own\x07s", "n\\u{1b}]0;own\\u{7}s"),
            ("\x1b[2J\x1b[Hx", "\\u{1b}[2J\\u{1b}[Hx"),
            ("\x1b[8mhidden", "\\u{1b}[8mhidden"),
            ("\x1b", "\\u{1b}"),
            ("a\rb\u{9b}31m", "a\\rb\\u{9b}31m"),
            ("id `a\n::error::b`\n", "id `a\n\\::error::b`\n"),
            ("  ::stop-commands::x", "\\  ::stop-commands::x"),
        ] {
            assert_eq!(printable(hostile), shown);
        }
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_stand_out() {
        assert_eq!(
            wrap("  plan one two three", 12_usize, "    "),
            "  plan one\n    two\n    three"
        );
        assert_eq!(wrap("short", 80_usize, ""), "short");
        assert_eq!(wrap("\n  one\n  two", 80_usize, "      "), "\n  one\n  two");
        assert_eq!(wrap("a well-known-word-of-many", 8_usize, " "), "a\n well-known-word-of-many");
    }
}
