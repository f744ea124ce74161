//! Values that not every store keeps.

use super::Value;

/// A kind of value that some stores do not keep. All of them keep texts, booleans, numbers that a float keeps, and lists
/// of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rare {
    Null,
    /// An object.
    Nested,
    /// A list of more than texts.
    List,
    /// A number that no float keeps, or that is none.
    Number,
    Time,
    Bytes,
}

impl Value {
    /// Returns the kind of a value that not every store keeps.
    pub fn rare(&self) -> Option<Rare> {
        match self {
            Self::Bool(_) | Self::Text(_) => None,
            Self::Null => Some(Rare::Null),
            Self::Map(_) => Some(Rare::Nested),
            Self::Time(_) => Some(Rare::Time),
            Self::Bytes(_) => Some(Rare::Bytes),
            Self::List(items) => {
                let is_text = |item: &Self| matches!(item, Self::Text(_));
                (!items.iter().all(is_text)).then_some(Rare::List)
            }
            number => {
                number.as_f64().is_none_or(|float| !float.is_finite()).then_some(Rare::Number)
            }
        }
    }

    /// Returns the first time or bytes in it, at any depth: JSON has neither.
    pub fn not_of_json(&self) -> Option<Rare> {
        match self {
            Self::Time(_) => Some(Rare::Time),
            Self::Bytes(_) => Some(Rare::Bytes),
            Self::List(items) => items.iter().find_map(Self::not_of_json),
            Self::Map(fields) => fields.values().find_map(Self::not_of_json),
            _ => None,
        }
    }
}
