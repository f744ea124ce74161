//! The types of columns, as far as they differ for a record.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{Element, VectorKind};

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Vector,
    Halfvec,
    Sparsevec,
    Bit,
    Text,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Bool,
    Uuid,
    Timestamptz,
    Timestamp,
    Bytea,
    Json,
    Jsonb,
    /// A list of one of the plain types above.
    List(Item),
    /// Any other type, read and written as its text.
    Other,
}

/// The type of a list's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    Text,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Bool,
}

impl Kind {
    /// Returns the kind of the type `name` of the catalogue's schema, or of the extension if `is_extension`.
    pub(super) fn named(name: &str, is_extension: bool) -> Self {
        match (name, is_extension) {
            ("vector", true) => Self::Vector,
            ("halfvec", true) => Self::Halfvec,
            ("sparsevec", true) => Self::Sparsevec,
            (_, true) => Self::Other,
            ("bit", _) => Self::Bit,
            ("text" | "varchar", _) => Self::Text,
            ("int2", _) => Self::Int2,
            ("int4", _) => Self::Int4,
            ("int8", _) => Self::Int8,
            ("float4", _) => Self::Float4,
            ("float8", _) => Self::Float8,
            ("numeric", _) => Self::Numeric,
            ("bool", _) => Self::Bool,
            ("uuid", _) => Self::Uuid,
            ("timestamptz", _) => Self::Timestamptz,
            ("timestamp", _) => Self::Timestamp,
            ("bytea", _) => Self::Bytea,
            ("json", _) => Self::Json,
            ("jsonb", _) => Self::Jsonb,
            ("_text" | "_varchar", _) => Self::List(Item::Text),
            ("_int2", _) => Self::List(Item::Int2),
            ("_int4", _) => Self::List(Item::Int4),
            ("_int8", _) => Self::List(Item::Int8),
            ("_float4", _) => Self::List(Item::Float4),
            ("_float8", _) => Self::List(Item::Float8),
            ("_bool", _) => Self::List(Item::Bool),
            _ => Self::Other,
        }
    }

    /// Whether a vector may be read from it.
    pub fn is_vector(self) -> bool {
        self.is_of_extension()
            || matches!(self, Self::Bit | Self::List(Item::Float4 | Item::Float8))
    }

    /// The kind of the vectors that are read from it.
    pub(super) fn of_vectors(self) -> VectorKind {
        if self == Self::Sparsevec { VectorKind::Sparse } else { VectorKind::Dense }
    }

    /// What a component is kept as.
    pub(super) fn element(self) -> Element {
        match self {
            Self::Halfvec => Element::F16,
            Self::Bit => Element::Bit,
            Self::List(Item::Float8) => Element::F64,
            _ => Element::F32,
        }
    }

    /// Whether it is one of pgvector's own types.
    pub fn is_of_extension(self) -> bool {
        matches!(self, Self::Vector | Self::Halfvec | Self::Sparsevec)
    }

    /// Whether it travels as its text: the server writes and reads it better than we could.
    pub(super) fn is_as_text(self) -> bool {
        matches!(self, Self::Numeric | Self::Timestamptz | Self::Timestamp | Self::Other)
    }

    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    /// Whether the server has a value of this type for a text, and of whole numbers, UUIDs and truths one whose text it is:
    /// `01` is read as a number, and no number is written so.
    pub(super) fn has_text(self, text: &str) -> bool {
        match self {
            Self::Int2 => comes_back::<i16>(text),
            Self::Int4 => comes_back::<i32>(text),
            Self::Int8 => comes_back::<i64>(text),
            Self::Uuid => comes_back::<Uuid>(text),
            Self::Bool => comes_back::<bool>(text),
            Self::Float4 | Self::Float8 | Self::Numeric => text.parse::<f64>().is_ok(),
            _ => true,
        }
    }

    /// The most components that an index over it takes (pgvector, README, 2026); non-zero ones of a sparse vector.
    pub fn index_limit(self) -> Option<u32> {
        match self {
            Self::Vector => Some(2_000),
            Self::Halfvec => Some(4_000),
            Self::Sparsevec => Some(1_000),
            Self::Bit => Some(64_000),
            _ => None,
        }
    }

    /// The most components that it holds; non-zero ones of a sparse vector.
    pub fn limit(self) -> Option<u32> {
        matches!(self, Self::Vector | Self::Halfvec | Self::Sparsevec).then_some(16_000)
    }
}

fn comes_back<T: FromStr + ToString>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|value| value.to_string() == text)
}

impl Item {
    pub(super) fn oid(self) -> u32 {
        match self {
            Self::Text => 25,
            Self::Int2 => 21,
            Self::Int4 => 23,
            Self::Int8 => 20,
            Self::Float4 => 700,
            Self::Float8 => 701,
            Self::Bool => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_would_come_back_as_another_is_none_of_the_types() {
        let uuid = "0123abcd-0001-0002-8003-000000000004";
        for (kind, own, other) in [
            (Kind::Int2, "-7", "70000"),
            (Kind::Int4, "70000", "070000"),
            (Kind::Int8, "9223372036854775807", "+1"),
            (Kind::Uuid, uuid, "0123ABCD-0001-0002-8003-000000000004"),
            (Kind::Bool, "true", "t"),
            (Kind::Numeric, "1.00", "one"),
        ] {
            assert!(kind.has_text(own) && !kind.has_text(other), "{kind:?}");
        }
    }
}
