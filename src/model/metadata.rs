//! A record's metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One metadata value. Numbers are f64, as on the wire and in the service. `Null`, `Digits` and `Object` are values
/// that a source may hold and a target may refuse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetadataValue {
    Null,
    Bool(bool),
    Number(f64),
    /// The decimal digits of a number that no f64 can represent. Only files hold such numbers; an index would change
    /// them.
    #[serde(skip_deserializing)]
    Digits(String),
    String(String),
    List(Vec<MetadataValue>),
    Object(BTreeMap<String, MetadataValue>),
}

impl MetadataValue {
    /// Returns the name of the type, as plans and reports use it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Digits(_) => "long number",
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Object(_) => "object",
        }
    }
}

impl From<i128> for MetadataValue {
    fn from(value: i128) -> Self {
        let number = value as f64;
        // The cast back saturates at the upper bound, which is no f64.
        match number as i128 == value && value != i128::MAX {
            true => Self::Number(number),
            false => Self::Digits(value.to_string()),
        }
    }
}

impl From<&serde_json::Value> for MetadataValue {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(value) => Self::Number(value.as_f64().unwrap_or(f64::NAN)),
            Value::String(value) => Self::String(value.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(fields) => Self::Object(
                fields.iter().map(|(name, value)| (name.clone(), value.into())).collect(),
            ),
        }
    }
}

/// The fields of a record, in order of their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(pub BTreeMap<String, MetadataValue>);

impl Metadata {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, field: &str) -> Option<&MetadataValue> {
        self.0.get(field)
    }

    /// Returns the size as compact JSON in bytes, which is what size limits count.
    pub fn json_bytes(&self) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let mut counter = Counter(0);
        match serde_json::to_writer(&mut counter, self) {
            Ok(()) => counter.0,
            Err(_) => usize::MAX,
        }
    }
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_type() {
        let text = r#"{"a":null,"b":true,"c":1.5,"d":"x","e":["y"],"f":{"g":2.0}}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&metadata).unwrap(), text);
        assert_eq!(metadata.json_bytes(), text.len());
    }

    #[test]
    fn whole_numbers_keep_every_digit() {
        let limit = 1_i128 << 53;
        for (value, is_number) in [
            (0, true),
            (-limit, true),
            (limit + 1, false),
            (limit + 2, true),
            (-limit - 1, false),
            (i128::from(u64::MAX), false),
            (1 << 100, true),
            (i128::MAX, false),
            (i128::MIN, true),
        ] {
            let kept = MetadataValue::from(value);
            assert_eq!(matches!(kept, MetadataValue::Number(_)), is_number, "{value}");
            if !is_number {
                assert_eq!(kept, MetadataValue::Digits(value.to_string()));
            }
        }
    }
}
