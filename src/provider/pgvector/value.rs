//! A record's payload, in the types that stores share.

use std::collections::BTreeMap;

use bytes::Bytes;

/// One value of a payload.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    I64(i64),
    /// A whole number above the largest [`Value::I64`].
    U64(u64),
    F64(f64),
    /// The digits of a number that is none of the above.
    Decimal(String),
    Text(String),
    Bytes(Bytes),
    /// A time as its store writes it, RFC 3339 where it can.
    Time(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// Returns the name of the type, as plans and reports use it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::I64(_) | Self::U64(_) | Self::F64(_) => "number",
            Self::Decimal(_) => "long number",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Time(_) => "time",
            Self::List(_) => "list",
            Self::Map(_) => "object",
        }
    }

    fn held_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::I64(_) | Self::U64(_) | Self::F64(_) => 0,
            Self::Decimal(text) | Self::Text(text) | Self::Time(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items) => {
                items.iter().map(|item| size_of::<Self>() + item.held_bytes()).sum()
            }
            Self::Map(fields) => held_bytes(fields),
        }
    }
}

/// The fields of a record, in order of their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload(pub BTreeMap<String, Value>);

impl Payload {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Returns the bytes that it takes in memory beside its own, about.
    pub fn held_bytes(&self) -> usize {
        held_bytes(&self.0)
    }
}

fn held_bytes(fields: &BTreeMap<String, Value>) -> usize {
    let field = size_of::<String>() + size_of::<Value>();
    fields.iter().map(|(name, value)| field + name.len() + value.held_bytes()).sum()
}
