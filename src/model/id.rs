//! Names of the things that a plan moves and of its stages. Each is a cheap-to-clone shared string.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::named;

/// Names that no plan may have: folders and files of the state folder that are not a plan's, or that would stand where
/// a rehearsal or a check of another plan keeps its own; and names that some file systems do not accept.
pub const RESERVED_NAMES: [&str; 13] = [
    "rehearsals",
    "checks",
    "artifacts",
    "inbox",
    "journal",
    "lock",
    "snapshots",
    "traffic",
    "tmp",
    "aux",
    "con",
    "nul",
    "prn",
];

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(value: impl AsRef<str>) -> Self {
                Self::from(value.as_ref())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self::from(value.as_str())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

id! {
    /// A namespace of an index. The default one is the empty string here, whatever a provider calls it.
    Namespace
}

id! {
    /// A stage of a plan: its `id`, or its `kind` if none is given.
    StageId
}

impl From<&str> for StageId {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl From<&str> for Namespace {
    fn from(value: &str) -> Self {
        Self(Self::canonical(value).into())
    }
}

impl Namespace {
    /// Name of the default namespace where an empty one cannot stand.
    pub const DEFAULT_ALIAS: &'static str = "__default__";

    /// Returns the one name of the namespace that is called so.
    pub fn canonical(name: &str) -> &str {
        if name == Self::DEFAULT_ALIAS { "" } else { name }
    }

    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a name that is never empty, for paths and people.
    pub fn explicit(&self) -> &str {
        if self.is_default() { Self::DEFAULT_ALIAS } else { &self.0 }
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For people: nothing in it is acted on by a terminal, and it is no longer than a line.
impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&named(self.explicit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_the_default_namespace_are_one() {
        assert_eq!(Namespace::new(""), Namespace::new("__default__"));
        assert_eq!(Namespace::new("").to_string(), "__default__");
    }
}
