//! Every diagnostic's code: one table for the messages, `vecshift explain` and `docs/errors/`.
//!
//! A code is never used for something else and never reused. `V0xx` are errors, `V1xx` warnings.

mod assertion;
mod file;
mod lint;
mod meaning;
mod page;
mod value;

pub(crate) use assertion::*;
pub(crate) use file::*;
pub(crate) use lint::*;
pub(crate) use meaning::*;
pub use page::{error_pages, explain_code};
pub(crate) use value::*;

use serde::Serialize;

/// Severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The plan cannot be used.
    Error,
    /// The plan is legal but unwise, or asks for something that this version ignores.
    Warning,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A code with its explanation.
#[derive(Debug)]
pub struct Code {
    /// The stable code, for example `V020`.
    pub code: &'static str,
    /// The code's name, for example `unknown-key`.
    pub name: &'static str,
    pub level: Level,
    /// Meaning of the code, and why it is checked.
    pub meaning: &'static str,
    /// Part of a plan that has the mistake.
    pub example: &'static str,
    /// Way to put it right.
    pub fix: &'static str,
}

/// Returns all codes, in order.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [file::ALL, meaning::ALL, assertion::ALL, value::ALL, lint::ALL].into_iter().flatten().copied()
}

macro_rules! codes {
    ($($constant:ident $level:ident $code:literal $name:literal
        means $meaning:literal example $example:literal fix $fix:literal)*) => {
        $(pub(crate) static $constant: Code = Code {
            code: $code,
            name: $name,
            level: Level::$level,
            meaning: $meaning,
            example: $example,
            fix: $fix,
        };)*

        pub(super) static ALL: &[&Code] = &[$(&$constant),*];
    };
}

use codes;

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
