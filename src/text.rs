//! Texts: the digits of bytes, and lines for people in a terminal.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(hex([0, 9, 255]), "0009ff");
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
