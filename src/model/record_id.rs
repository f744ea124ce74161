//! The id of a record: text, a number or a UUID.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::text::named;

/// A record's id, unique within its namespace, in the kind in which its store keeps it. Cheap to clone.
///
/// Ids of two kinds are never equal. Their texts can be: a plan turns one kind into another only so that the text stays the
/// same ([`RecordId::to`]), so no two ids become one. Ordered by kind, then by value, texts bytewise.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordId {
    Number(u64),
    Uuid(Uuid),
    Text(Arc<str>),
}

/// The kind of an id.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// Text.
    Text,
    /// A whole number from 0 to 2^64 - 1.
    Number,
    /// A UUID.
    Uuid,
}

impl IdKind {
    pub const ALL: [Self; 3] = [Self::Text, Self::Number, Self::Uuid];

    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Uuid => "uuid",
        }
    }
}

impl fmt::Display for IdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl RecordId {
    /// Makes an id that is a text.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self::Text(text.as_ref().into())
    }

    pub fn kind(&self) -> IdKind {
        match self {
            Self::Number(_) => IdKind::Number,
            Self::Uuid(_) => IdKind::Uuid,
            Self::Text(_) => IdKind::Text,
        }
    }

    /// Returns its text: a number in decimal digits, a UUID in lower case with hyphens (RFC 9562, section 4).
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }

    /// Returns its text for people: nothing in it is acted on by a terminal, and it is no longer than a line.
    pub fn shown(&self) -> String {
        named(&self.text()).into_owned()
    }

    /// Returns the text of an id that is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Uuid(_) => None,
        }
    }

    /// Returns the id of another kind that has the same text; `None` if that kind has none, such as the number of `007`.
    pub fn to(&self, kind: IdKind) -> Option<Self> {
        if kind == self.kind() {
            return Some(self.clone());
        }
        let text = self.text();
        let other = match kind {
            IdKind::Text => Self::new(&text),
            IdKind::Number => Self::Number(text.parse().ok()?),
            IdKind::Uuid => Self::Uuid(Uuid::try_parse(&text).ok()?),
        };
        (other.text() == text).then_some(other)
    }

    /// Returns whether it is a text as a negative whole number is written: the id of a column of numbers that is no number
    /// of ours, and no other number has its text.
    pub fn is_negative_number(&self) -> bool {
        self.as_text().is_some_and(|text| {
            let number = text.starts_with('-').then(|| text.parse::<i64>().ok()).flatten();
            number.is_some_and(|number| number < 0 && number.to_string() == text)
        })
    }

    /// Bytes that it takes in memory beside its own.
    pub fn held_bytes(&self) -> usize {
        self.as_text().map_or(0, str::len)
    }
}

impl From<&str> for RecordId {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for RecordId {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Uuid(uuid) => write!(f, "{}", uuid.hyphenated()),
        }
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            other => write!(f, "{other}"),
        }
    }
}

/// An id as JSON: a text, a number, or `{"uuid": "..."}`, since a UUID's text is a text, too.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Json<'a> {
    Number(u64),
    Text(#[serde(borrow)] Cow<'a, str>),
    Uuid { uuid: Cow<'a, str> },
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => Json::Number(*number),
            Self::Uuid(_) => Json::Uuid { uuid: self.text() },
            Self::Text(text) => Json::Text(Cow::Borrowed(text)),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Json::deserialize(deserializer)? {
            Json::Number(number) => Self::Number(number),
            Json::Text(text) => Self::from(&*text),
            Json::Uuid { uuid } => {
                Self::Uuid(Uuid::try_parse(&uuid).map_err(serde::de::Error::custom)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0123abcd-0001-0002-8003-000000000004";

    fn uuid() -> RecordId {
        RecordId::from(UUID).to(IdKind::Uuid).unwrap()
    }

    #[test]
    fn ids_of_two_kinds_are_two_ids() {
        let ids = [RecordId::Number(5), uuid(), RecordId::from(UUID), RecordId::from("5")];
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1);
            let json = serde_json::to_string(id).unwrap();
            assert_eq!(serde_json::from_str::<RecordId>(&json).unwrap(), *id, "{json}");
            assert!(at == 0 || ids[at - 1] < *id);
        }
    }

    #[test]
    fn another_kind_has_the_same_text_or_there_is_none() {
        let ids = [
            RecordId::Number(0),
            RecordId::Number(u64::MAX),
            uuid(),
            RecordId::from("18446744073709551615"),
            RecordId::from(UUID),
            RecordId::from("18446744073709551616"),
            RecordId::from("-5"),
            RecordId::from("+5"),
            RecordId::from("007"),
            RecordId::from(" 7"),
            RecordId::from(""),
            RecordId::from(UUID.to_uppercase()),
            RecordId::from(UUID.replace('-', "")),
            RecordId::from(format!("urn:uuid:{UUID}")),
            RecordId::from(format!("{{{UUID}}}")),
        ];
        for (at, id) in ids.iter().enumerate() {
            for kind in IdKind::ALL {
                let Some(other) = id.to(kind) else {
                    assert_ne!(kind, IdKind::Text, "{id:?}");
                    continue;
                };
                assert_eq!((other.kind(), other.text()), (kind, id.text()));
                assert_eq!(other.to(id.kind()).as_ref(), Some(id), "there and back");
            }
            let is_odd = at >= 5;
            let others = [IdKind::Number, IdKind::Uuid].map(|kind| id.to(kind).is_some());
            assert_eq!(others == [false, false], is_odd, "{id:?}");
        }
    }
}
