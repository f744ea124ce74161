//! Characters that look like those YAML gives a meaning and are others, as text has them that was pasted from a document
//! or a chat.

/// A look-alike, where it stands and what to write instead.
#[derive(Debug, PartialEq)]
pub(super) struct Lookalike {
    pub at: usize,
    pub character: char,
    /// `a space`, `` a `:` ``
    pub meant: &'static str,
}

/// The first look-alike of the line of `at` and the one before it: the parser stumbles at the place, or over what
/// follows. Comments are left alone, and so is text within a value.
pub(super) fn find(text: &str, at: usize) -> Option<Lookalike> {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let start = text[..line.saturating_sub(1)].rfind('\n').map_or(0, |end| end + 1);
    let mut offset = start;
    for line in text[start..].split_inclusive('\n') {
        if offset > at {
            break;
        }
        let code = line.split(" #").next().unwrap_or(line);
        let found = space(code).or_else(|| colon(code));
        if let Some(found) = found {
            return Some(Lookalike { at: offset + found.at, ..found });
        }
        offset += line.len();
    }
    None
}

/// A space of another kind in the indentation, or behind a sign of YAML.
fn space(line: &str) -> Option<Lookalike> {
    let mut before = None;
    let mut is_indent = true;
    for (at, character) in line.char_indices() {
        let is_behind_sign = before.is_some_and(|before| ":-,[{?".contains(before));
        if is_odd_space(character) && (is_indent || is_behind_sign) {
            return Some(Lookalike { at, character, meant: "a space" });
        }
        is_indent &= character == ' ';
        before = Some(character);
    }
    None
}

/// A colon of another script where the line has none of YAML's.
fn colon(line: &str) -> Option<Lookalike> {
    let (at, character) =
        line.char_indices().find(|(_, one)| matches!(one, '\u{ff1a}' | '\u{a789}' | '\u{2236}'))?;
    (!line.contains(':')).then_some(Lookalike { at, character, meant: "a `:` and a space" })
}

/// Whether a character is one of the spaces that YAML takes for letters, or has no width at all.
fn is_odd_space(character: char) -> bool {
    let has_no_width = matches!(character, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}');
    has_no_width || (character.is_whitespace() && !character.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(usize, char)> {
        // Where the parser points does not matter, as long as it is no later than the line that follows.
        let places = (0..=text.len()).filter(|at| text.is_char_boundary(*at));
        let mut all = places.map(|at| find(text, at).map(|one| (one.at, one.character)));
        all.next_back().flatten()
    }

    #[test]
    fn spaces_and_colons_of_other_kinds_are_found() {
        assert_eq!(found("a:\u{a0}1"), Some((2, '\u{a0}')));
        assert_eq!(found("a:\n\u{a0} b: 1\n"), Some((3, '\u{a0}')));
        assert_eq!(found("a:\n  b: 1\n\u{3000}c: 1\nd"), Some((10, '\u{3000}')));
        assert_eq!(found("-\u{200b}a"), Some((1, '\u{200b}')));
        assert_eq!(found("a\u{ff1a}1"), Some((1, '\u{ff1a}')));
    }

    #[test]
    fn text_and_comments_may_hold_any() {
        for text in ["a: x\u{a0}y", "a: 1 # b:\u{a0}c", "a: x\u{ff1a}y", "a:\n  b: 1", ""] {
            assert_eq!(found(text), None, "{text:?}");
        }
    }
}
