//! Names and texts inside a statement: always quoted, whatever they hold.

use std::fmt;

use crate::text::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest name in bytes (PostgreSQL, "Identifiers and Key Words": NAMEDATALEN - 1).
pub const LONGEST_NAME: usize = 63;

/// A schema and a name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    pub schema: String,
    pub name: String,
}

impl TableName {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// Returns the name as a statement writes it.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }
}

/// For people; see [`TableName::quoted`] for a statement.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// Quotes an identifier.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text where no parameter can stand. It must hold no NUL, which no statement can carry.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// Returns why `name` cannot be that of a table, a column or a schema; `None` if it can. A longer name would be cut
/// by the server, and might then be another's.
pub fn misfit(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("is empty"),
        name if name.contains('\0') => Some("holds a NUL"),
        name if name.len() > LONGEST_NAME => Some("is longer than 63 bytes"),
        _ => None,
    }
}

/// Cuts a name that this program makes to what the server keeps, at a character.
pub fn cut(name: &str) -> &str {
    front(name, LONGEST_NAME)
}

/// Cuts a name so that `end` fits behind it, and begins that end with `_`.
pub(super) fn ended(name: &str, end: &str) -> String {
    let room = LONGEST_NAME.saturating_sub(end.len() + 1);
    format!("{}_{end}", front(name, room))
}

fn front(name: &str, most: usize) -> &str {
    let mut end = name.len().min(most);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Returns a short digest of what a name stands for, by which a name that was cut is told from another.
pub(super) fn mark(of: &str) -> String {
    hex(&Sha256::digest(of)[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_name() {
        assert_eq!(quote(r#"a"; drop table x; --"#), r#""a""; drop table x; --""#);
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'; --"), r"E'a\\''; --'");
        assert_eq!(misfit(&"é".repeat(32)), Some("is longer than 63 bytes"));
        assert_eq!(cut(&"é".repeat(32)).len(), 62);
        assert_eq!(ended(&"é".repeat(32), "abc"), format!("{}_abc", "é".repeat(29)));
        assert_eq!(ended("a", "b"), "a_b");
    }
}
