//! The code of every diagnostic that any system's plan can have: one table for the messages, `vecshift explain` and `docs/errors/`.
//!
//! A code is never used for something else and never reused. `V0xx` are errors, `V1xx` warnings.

mod assertion;
mod code;
mod file;
mod lint;
mod meaning;
mod page;
mod value;

pub(crate) use assertion::*;
pub(crate) use code::codes;
pub use code::{Code, Level};
pub(crate) use file::*;
pub(crate) use lint::*;
pub(crate) use meaning::*;
pub(super) use page::{error_pages, explain_code};
pub(crate) use value::*;

/// Returns the codes of this table, in order.
pub(super) fn all() -> impl Iterator<Item = &'static Code> {
    [file::ALL, meaning::ALL, assertion::ALL, value::ALL, lint::ALL].into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_ordered() {
        let mut codes: Vec<_> = all().map(|code| code.code).collect();
        let ordered = codes.clone();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, ordered);
        let mut names: Vec<_> = all().map(|code| code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), codes.len());
    }

    #[test]
    fn the_first_digit_gives_the_level() {
        for code in all() {
            assert_eq!(code.level == Level::Warning, code.code.starts_with("V1"), "{}", code.code);
        }
    }
}
