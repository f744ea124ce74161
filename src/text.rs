//! Texts for people in a terminal.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, fill};

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
