//! The one place where texts become Markdown, as GitHub and GitLab read it (github.github.com/gfm): what somebody else wrote
//! changes nothing of how the rest reads, notifies nobody and links nowhere by itself.

use super::visible;

/// Holds letters apart that would mean something together, and is not seen.
const APART: &str = "<!-- -->";

/// Returns a text so that it is read as it is written, in the middle of a line or at its beginning. It stays one line.
pub fn plain(text: &str) -> String {
    let text = text.replace(['\r', '\n'], " ");
    let text = visible(&text);
    let mut out = String::with_capacity(text.len());
    let mut letters = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        let is_word = next.is_some_and(char::is_alphanumeric);
        match letter {
            '\\' | '`' | '*' | '_' | '<' | '[' | ']' | '|' | '&' | '$' => {
                out.extend(['\\', letter])
            }
            // Only what touches a word strikes it through.
            '~' if next.is_some_and(|next| !next.is_whitespace()) => out.push_str("\\~"),
            // Would begin a quotation, a list or a heading.
            '>' | '-' | '+' | '#' | '.' | ')' if is_mark(&text[..at], letter, next) => {
                out.extend(['\\', letter]);
            }
            // Would notify somebody, or link to an issue.
            '@' | '#' if is_word && !before.is_alphanumeric() => {
                out.push(letter);
                out.push_str(APART);
            }
            letter => out.push(letter),
        }
        before = letter;
    }
    // Would link to a page.
    out.replace("://", &format!(":{APART}//")).replace("www.", &format!("www{APART}."))
}

/// Returns whether a letter is, with what is before it in its line, the mark of a block.
fn is_mark(before: &str, letter: char, next: Option<char>) -> bool {
    let before = before.trim_start();
    let is_open = next.is_some_and(char::is_whitespace);
    match letter {
        '>' => before.is_empty(),
        '-' | '+' => before.is_empty() && is_open,
        '#' => is_open && before.chars().all(|letter| letter == '#'),
        _ => is_open && !before.is_empty() && before.chars().all(|letter| letter.is_ascii_digit()),
    }
}

/// Returns a sentence of which somebody else wrote parts: what stands between backticks is code.
pub fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) || parts.iter().skip(1).step_by(2).any(|part| part.is_empty())
    {
        return plain(text);
    }
    let part = |(number, part): (usize, &&str)| match number % 2 {
        0 => plain(part),
        _ => code(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Returns a text as code, in which nothing is Markdown.
pub fn code(text: &str) -> String {
    let text = visible(text);
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A space at each end is taken away again.
    let is_bare = !text.is_empty() && !text.starts_with(['`', ' ']) && !text.ends_with(['`', ' ']);
    let pad = if is_bare { "" } else { " " };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns lines as they are, whatever they hold.
pub fn block(text: &str) -> String {
    let longest = text.lines().map(|line| line.len() - line.trim_start_matches('~').len()).max();
    let fence = "~".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

/// Returns a table; its cells are Markdown.
pub fn grid(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut out = String::new();
    line(&mut out, header.iter().copied());
    line(&mut out, header.iter().map(|_| "---"));
    for row in rows {
        line(&mut out, row.iter().map(String::as_str));
    }
    out.truncate(out.trim_end().len());
    out
}

fn line<'a>(out: &mut String, cells: impl Iterator<Item = &'a str>) {
    out.push('|');
    for cell in cells {
        out.push(' ');
        let mut is_escaped = false;
        for letter in cell.chars() {
            match letter {
                // It ends the cell also within code.
                '|' if !is_escaped => out.push_str("\\|"),
                '\n' | '\r' => out.push(' '),
                letter => out.push(letter),
            }
            is_escaped = letter == '\\' && !is_escaped;
        }
        out.push_str(" |");
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_wrote_is_no_markdown() {
        assert_eq!(plain("a*b_c <b> `x` [l](u) a|b"), "a\\*b\\_c \\<b> \\`x\\` \\[l\\](u) a\\|b");
        assert_eq!(plain("ask @all in #12, # @"), "ask @<!-- -->all in #<!-- -->12, # @");
        assert_eq!(plain("~ 1 s -> ~~2~~"), "~ 1 s -> \\~\\~2\\~~");
        for (text, mark) in [("> quote", '>'), ("- list", '-'), ("# title", '#'), ("12. list", '.')]
        {
            assert_eq!(plain(text), text.replace(mark, &format!("\\{mark}")));
        }
        assert_eq!(plain("-"), "-");
        assert_eq!(plain("-1 at 2.5 - ada@desk"), "-1 at 2.5 - ada@desk");
        assert_eq!(plain("&lt;b&gt;"), "\\&lt;b\\&gt;");
        assert_eq!(plain("https://x.y: z"), "https:<!-- -->//x.y: z");
        assert_eq!(plain("www.x.y"), "www<!-- -->.x.y");
        assert_eq!(plain("a\u{202e}b\u{1b}[31m"), "a\\\\u{202e}b\\\\u{1b}\\[31m");
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        assert_eq!(prose("delete `a_b`: a_b"), "delete `a_b`: a\\_b");
        assert_eq!(prose("`a` and `*"), "\\`a\\` and \\`\\*");
        assert_eq!(prose("``a``"), "\\`\\`a\\`\\`");
    }

    #[test]
    fn code_holds_any_text() {
        assert_eq!(code("a_b"), "`a_b`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("```js"), "```` ```js ````");
        assert_eq!(code(" "), "`   `");
        assert_eq!(code(""), "`  `");
    }

    #[test]
    fn a_block_holds_any_lines() {
        assert_eq!(block("a\n"), "~~~text\na\n~~~");
        assert_eq!(block("~~~~\nb"), "~~~~~text\n~~~~\nb\n~~~~~");
    }

    #[test]
    fn a_cell_stays_one() {
        let table = grid(&["a", "b"], [vec![code("x|y"), plain("p|q\nr")]]);
        assert_eq!(table, "| a | b |\n| --- | --- |\n| `x\\|y` | p\\|q r |");
    }
}
