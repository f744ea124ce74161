//! A code's page, for `vecshift explain` and `docs/errors/`.

use std::fmt::Write;

use super::code::Code;

/// Explains the code of this name or number; `None` if it is not among `codes`.
pub fn explain_code(codes: &[&Code], word: &str) -> Option<String> {
    let is_meant = |code: &&&Code| code.code.eq_ignore_ascii_case(word) || code.name == word;
    codes.iter().find(is_meant).map(|code| page(code))
}

/// Renders the pages of `docs/errors/`: file name and text, with a `README.md` that lists them.
pub fn error_pages(codes: &[&Code]) -> Vec<(String, String)> {
    let mut index = String::from(
        "# Errors and warnings of a plan\n\nGenerated from the code's own table. \
         `vecshift explain CODE` prints the same pages.\n\n| code | name | level |\n|---|---|---|\n",
    );
    for Code { code, name, level, .. } in codes {
        _ = writeln!(index, "| [{code}]({code}.md) | {name} | {} |", level.name());
    }
    let mut pages = vec![("README.md".to_owned(), index)];
    pages.extend(codes.iter().map(|code| (format!("{}.md", code.code), page(code))));
    pages
}

fn page(code: &Code) -> String {
    let Code { code, name, level, meaning, example, fix } = code;
    let level = level.name();
    format!("# {code}: {name} ({level})\n\n{meaning}\n\n```yaml\n{example}\n```\n\n{fix}\n")
}
