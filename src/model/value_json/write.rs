use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::ser::{Serialize, Serializer};

use crate::model::{Fields, Metadata, Value};

impl Value {
    /// Appends it to `text` as JSON.
    ///
    /// # Errors
    /// The name of what JSON has not: bytes, or a number that is infinite or none.
    pub fn write_json(&self, text: &mut String) -> Result<(), &'static str> {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::I64(number) => put(text, number),
            Self::U64(number) => put(text, number),
            Self::F64(number) if number.is_finite() => put_as_json(text, number),
            Self::F64(_) => return Err("a number that is infinite or none"),
            Self::Decimal(digits) => text.push_str(digits),
            Self::Text(value) | Self::Time(value) => put_as_json(text, value.as_str()),
            Self::Bytes(_) => return Err("bytes"),
            Self::List(items) => {
                text.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    item.write_json(text)?;
                }
                text.push(']');
            }
            Self::Map(fields) => put_fields(text, fields)?,
        }
        Ok(())
    }
}

impl Metadata {
    /// Appends it to `text` as a JSON object. See [`Value::write_json`].
    ///
    /// # Errors
    /// The name of what JSON has not.
    pub fn write_json(&self, text: &mut String) -> Result<(), &'static str> {
        put_fields(text, &self.0)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::I64(number) => serializer.serialize_i64(*number),
            Self::U64(number) => serializer.serialize_u64(*number),
            Self::F64(number) => serializer.serialize_f64(*number),
            Self::Decimal(digits) => match self.as_f64() {
                Some(number) => serializer.serialize_f64(number),
                None => serializer.serialize_str(digits),
            },
            Self::Text(text) | Self::Time(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_str(&BASE64_STANDARD.encode(bytes)),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(fields) => serializer.collect_map(fields),
        }
    }
}

fn put_fields(text: &mut String, fields: &Fields) -> Result<(), &'static str> {
    text.push('{');
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        put_as_json(text, name.as_str());
        text.push(':');
        value.write_json(text)?;
    }
    text.push('}');
    Ok(())
}

fn put(text: &mut String, number: &impl fmt::Display) {
    // Writing to a text cannot fail.
    let _ = write!(text, "{number}");
}

/// Appends a text, or a finite number in its shortest digits, with a point where it is whole.
fn put_as_json(text: &mut String, value: &(impl Serialize + ?Sized)) {
    // Neither can fail.
    text.push_str(&serde_json::to_string(value).unwrap_or_default());
}
