//! A code, and the form in which the tables write it.

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

pub(crate) use codes;
