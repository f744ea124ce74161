//! A code's page, for `vecshift explain` and `docs/errors/`.

use std::fmt::Write;

use super::{Code, all};

/// Explains a code or a code's name; `None` if there is no such code.
pub fn explain_code(word: &str) -> Option<String> {
    all().find(|code| code.code.eq_ignore_ascii_case(word) || code.name == word).map(page)
}

/// Renders the pages of `docs/errors/`: file name and text, with a `README.md` that lists them.
pub fn error_pages() -> Vec<(String, String)> {
    let mut index = String::from(
        "# Errors and warnings of a plan\n\nGenerated from the code's own table. \
         `vecshift explain CODE` prints the same pages.\n\n| code | name | level |\n|---|---|---|\n",
    );
    for Code { code, name, level, .. } in all() {
        _ = writeln!(index, "| [{code}]({code}.md) | {name} | {} |", level.name());
    }
    let mut pages = vec![("README.md".to_owned(), index)];
    pages.extend(all().map(|code| (format!("{}.md", code.code), page(code))));
    pages
}

fn page(code: &Code) -> String {
    let Code { code, name, level, meaning, example, fix } = code;
    let level = level.name();
    format!("# {code}: {name} ({level})\n\n{meaning}\n\n```yaml\n{example}\n```\n\n{fix}\n")
}
