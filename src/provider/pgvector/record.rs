//! A record with everything that a table can keep: id, vectors by name, metadata.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::{Metadata, Namespace, SparseVector, Vector};

/// An id: text, a number or a UUID.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    Text(Arc<str>),
    Number(u64),
    Uuid(u128),
}

impl Id {
    pub fn text(value: impl AsRef<str>) -> Self {
        Self::Text(value.as_ref().into())
    }

    /// Reads a UUID in its usual form, in lower or upper case; `None` for any other text.
    pub fn uuid(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let has_form = bytes.len() == 36
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        let hex: String = text.chars().filter(|one| *one != '-').collect();
        has_form.then(|| u128::from_str_radix(&hex, 16).ok().map(Self::Uuid)).flatten()
    }

    /// Returns the name of its kind, as plans and reports use it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "number",
            Self::Uuid(_) => "uuid",
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Uuid(uuid) => {
                let part = |from: u32, bits: u32| (uuid >> from) & ((1 << bits) - 1);
                write!(f, "{:08x}-{:04x}-{:04x}", part(96, 32), part(80, 16), part(64, 16))?;
                write!(f, "-{:04x}-{:012x}", part(48, 16), part(0, 48))
            }
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            other => write!(f, "{other}"),
        }
    }
}

/// What a record holds under the name of a vector.
#[derive(Clone, Debug, PartialEq)]
pub enum Embedding {
    Dense(Vector),
    Sparse(SparseVector),
}

/// Everything a store keeps under one id, all of which must arrive on the other side.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: Id,
    pub partition: Namespace,
    /// A vector that is absent is not in it.
    pub vectors: BTreeMap<Arc<str>, Embedding>,
    pub metadata: Metadata,
}

impl Record {
    /// Returns the bytes that it takes in memory beside its own, about.
    pub fn held_bytes(&self) -> usize {
        let vector = |embedding: &Embedding| match embedding {
            Embedding::Dense(vector) => vector.as_le_bytes().len(),
            Embedding::Sparse(sparse) => sparse.len() * 8,
        };
        let vectors: usize = self.vectors.values().map(vector).sum();
        vectors + self.metadata.held_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_and_written_in_its_usual_form() {
        let text = "0123abcd-0001-0002-8003-000000000004";
        let id = Id::uuid(&text.to_uppercase()).unwrap();
        assert_eq!(id.to_string(), text);
        for other in
            ["", "0123abcd000100028003000000000004", "0123abcd-0001-0002-8003-00000000000g"]
        {
            assert_eq!(Id::uuid(other), None);
        }
    }
}
