//! Texts: the digits of bytes, lines for people in a terminal, and Markdown.

pub mod markdown;

use std::borrow::Cow;

use sha2::{Digest, Sha256};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, fill};

/// Writes bytes in hexadecimal digits, two each.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the first letter of a sentence large. It is for our own words: what may begin with a name stays as it is.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// The most characters of a name that somebody else gave: of a record or a namespace.
const NAME: usize = 72;

/// The most characters of what somebody else wrote that is more than a name: the address of a page, what a request is about.
/// An address of that length is still one that can be opened.
pub const REMARK: usize = 300;

/// Digits between the beginning and the end of a long name, which tell it from others with the same ones.
const DIGITS: usize = 8;

/// Writes a name that somebody else gave, for people: [`visible`], and no longer than a line.
pub fn named(name: &str) -> Cow<'_, str> {
    named_in(name, NAME)
}

/// Writes what somebody else gave in about `most` characters, for people: [`shortened`], and [`visible`].
pub fn named_in(name: &str, most: usize) -> Cow<'_, str> {
    match shortened(name, most) {
        Cow::Borrowed(name) => visible(name),
        Cow::Owned(name) => Cow::Owned(visible(&name).into_owned()),
    }
}

/// Shortens a name to at most `most` characters, so that two that differ are seen to: `beginning…1f2e3d4c…end`, with the
/// first digits of its SHA-256.
pub fn shortened(name: &str, most: usize) -> Cow<'_, str> {
    let all = name.chars().count();
    if all <= most {
        return Cow::Borrowed(name);
    }
    let kept = most.saturating_sub(DIGITS + 2);
    let (first, last) = (kept - kept / 4, kept / 4);
    let head: String = name.chars().take(first).collect();
    let tail: String = name.chars().skip(all - last).collect();
    Cow::Owned(format!("{head}…{}…{tail}", &hex(Sha256::digest(name))[..DIGITS]))
}

/// Shortens two texts that differ to about `most` characters each, from the same place on, so that where they differ is in
/// both.
pub fn apart(one: &str, other: &str, most: usize) -> [String; 2] {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    // A few characters behind the place show what follows; half of them lead to it.
    let from = if same + most / 4 < most { 0 } else { same - most / 2 };
    [one, other].map(|text| {
        let mut rest = text.chars().skip(from);
        let shown: String = rest.by_ref().take(most).collect();
        let (before, after) = (from > 0, rest.next().is_some());
        format!("{}{shown}{}", if before { "…" } else { "" }, if after { "…" } else { "" })
    })
}

/// Stands for a space at which a line is not broken: no character of a text (Unicode, section 23.7).
const HELD: &str = "\u{fdd0}";

/// Wraps each line of a text at its spaces to `width` columns, and puts `indent` before what is carried over. Words are
/// never cut, nor is what stands between backticks and fits a line.
pub fn wrap(text: &str, width: impl Into<usize>, indent: &str) -> String {
    let width = width.into();
    let wrapped = break_lines(&hold_code(text, width.saturating_sub(indent.len())), width, indent);
    if wrapped.contains(HELD) { wrapped.replace(HELD, " ") } else { wrapped }
}

/// Holds the words of code together where all of them fit in `width` columns.
fn hold_code(text: &str, width: usize) -> Cow<'_, str> {
    if !text.contains('`') {
        return Cow::Borrowed(text);
    }
    let line = |line: &str| {
        let mut parts: Vec<Cow<'_, str>> = line.split('`').map(Cow::Borrowed).collect();
        let last = parts.len() - 1;
        for (at, code) in parts.iter_mut().enumerate() {
            // What follows a last backtick that has no other is no code.
            if at % 2 == 1 && at < last && code.chars().count() + 2 <= width {
                *code = Cow::Owned(code.replace(' ', HELD));
            }
        }
        parts.join("`")
    };
    Cow::Owned(text.split('\n').map(line).collect::<Vec<_>>().join("\n"))
}

fn break_lines(text: &str, width: usize, indent: &str) -> String {
    let options = Options::new(width)
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
/// that is acted on. What GitHub's log would take for a command, `::` at the beginning of a line or `##[` anywhere in it, is
/// none.
pub fn printable(text: &str) -> Cow<'_, str> {
    let text = escape(text, |one| is_unseen(one) && !matches!(one, '\n' | '\t' | ESCAPE));
    let text = match text.contains(ESCAPE) {
        true => Cow::Owned(without_commands(&text)),
        false => text,
    };
    let text = match text.contains(INLINE_COMMAND) {
        true => Cow::Owned(text.replace(INLINE_COMMAND, r"##\[")),
        false => text,
    };
    let is_command = |line: &str| line.trim_start().starts_with("::");
    match text.lines().any(is_command) {
        true => Cow::Owned(spoilt(&text, is_command)),
        false => text,
    }
}

/// Returns a JSON document as it may go to a terminal or a log: the same JSON, in which neither finds anything to act on. Its
/// strings hold whatever a record does, and what is written otherwise here is in strings alone; `::` begins no line of it.
pub fn printable_json(document: &str) -> Cow<'_, str> {
    let is_acted_on = |one: char| is_unseen(one) && one != '\n';
    let text = match document.contains(is_acted_on) {
        true => Cow::Owned(document.chars().fold(String::new(), |mut out, one| {
            match is_acted_on(one) {
                true => out.push_str(&format!(r"\u{:04x}", u32::from(one))),
                false => out.push(one),
            }
            out
        })),
        false => Cow::Borrowed(document),
    };
    match text.contains(INLINE_COMMAND) {
        true => Cow::Owned(text.replace(INLINE_COMMAND, r"#\u0023[")),
        false => text,
    }
}

const ESCAPE: char = '\u{1b}';

/// How a command begins that GitHub's runner finds anywhere in a line, beside those that begin one (github.com/actions/runner,
/// `ActionCommand.cs`, 2026).
const INLINE_COMMAND: &str = "##[";

/// Whether a terminal acts on a character, or it changes the order in which others are seen: Unicode's bidirectional marks,
/// embeddings, overrides and isolates (UAX #9, section 2).
fn is_unseen(one: char) -> bool {
    let is_mark = matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}');
    one.is_control() || is_mark || matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    // Nothing else is looked through: an escape that begins no colour ends where its digits do.
    let is_other = |one: char| !one.is_ascii_digit() && one != ';';
    let digits = after.strip_prefix('[')?;
    let end = digits.find(is_other).filter(|end| digits[*end..].starts_with('m'))? + 1;
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
        assert_eq!(visible("\u{61c}\u{200e}\u{200f}"), "\\u{61c}\\u{200e}\\u{200f}");
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
            ("id `a##[stop-commands]b`", "id `a##\\[stop-commands]b`"),
            ("###[error]\n##[add-mask]the", "###\\[error]\n##\\[add-mask]the"),
            ("#\u{1b}#[error]", "#\\u{1b}#[error]"),
            ("# [a]", "# [a]"),
        ] {
            assert_eq!(printable(hostile), shown);
        }
    }

    #[test]
    fn a_document_is_the_same_and_nothing_in_it_is_acted_on() {
        let value = serde_json::json!({ "###[a]": ["\\##[error]x", "##[", "plain # [a]", "\u{9b}8m\u{202e}é\u{7f}"] });
        let document = format!("{value:#}");
        let shown = printable_json(&document);
        assert!(
            !shown.contains("##[") && !shown.contains(['\u{9b}', '\u{202e}', '\u{7f}']),
            "{shown}"
        );
        assert_eq!(shown.lines().count(), document.lines().count());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    /// A megabyte of what may begin a colour and never ends one takes no longer than any other.
    #[test]
    fn what_only_begins_like_a_colour_is_passed_once() {
        let hostile = "\x1b[".repeat(500_000);
        assert_eq!(printable(&hostile), "\\u{1b}[".repeat(500_000));
    }

    #[test]
    fn a_long_name_is_cut_so_that_two_are_told_apart() {
        assert_eq!(named("a b"), "a b");
        let of = |middle: &str| format!("{}{middle}{}", "x".repeat(2_000), "y".repeat(2_000));
        let (one, other) = (named(&of("1")).into_owned(), named(&of("2")).into_owned());
        assert!(one != other && one.chars().count() == NAME, "{one} {other}");
        assert!(one.starts_with("xxxx") && one.ends_with("yyyy"), "{one}");
        assert_eq!(named(&"é".repeat(NAME)), "é".repeat(NAME));
        assert_eq!(shortened(&"é".repeat(35), 34).chars().count(), 34);
        assert!(named(&format!("\u{1b}{}", of(""))).starts_with("\\u{1b}xxx"));
    }

    /// What is the same in both is left out, never where they differ.
    #[test]
    fn two_texts_are_shown_where_they_differ() {
        assert_eq!(apart("abc", "abd", 40), ["abc", "abd"]);
        let same = "s".repeat(1_000);
        let (one, other) = (format!("{same}1{same}"), format!("{same}2{same}"));
        let [ours, theirs] = apart(&one, &other, 40);
        let around = "s".repeat(20);
        assert_eq!(ours, format!("…{around}1{}…", "s".repeat(19)));
        assert_eq!(theirs, format!("…{around}2{}…", "s".repeat(19)));
        let [short, long] = apart(&same, &one, 40);
        assert_eq!(short, format!("…{around}"));
        assert!(long.contains('1'), "{long}");
        let [first, _] = apart(&format!("a{same}"), &format!("b{same}"), 40);
        assert_eq!(first, format!("a{}…", "s".repeat(39)));
    }

    #[test]
    fn code_that_fits_a_line_is_not_broken() {
        let of = |text: &str, width: usize| wrap(text, width, "  ");
        assert_eq!(
            of("it says `ids: { to: text }`, and `a b`", 24),
            "it says\n  `ids: { to: text }`,\n  and `a b`"
        );
        let long = "`one two three four`";
        assert_eq!(of(long, 12), "`one two\n  three\n  four`", "longer than a line");
        assert_eq!(of("one ` two three", 8), "one `\n  two\n  three", "no code");
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
