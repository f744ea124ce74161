//! A record's metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One metadata value. Numbers are f64, as on the wire and in the service. `Null`, `Digits` and `Object` are values
/// that a source may hold and a target may refuse.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetadataValue {
    #[default]
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
    /// Returns the bytes that it takes in memory beside its own, about.
    fn held_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::Digits(text) | Self::String(text) => text.len(),
            Self::List(items) => {
                items.iter().map(|item| size_of::<Self>() + item.held_bytes()).sum()
            }
            Self::Object(fields) => held_bytes(fields),
        }
    }

    fn json_bytes(&self) -> usize {
        match self {
            Self::Null => "null".len(),
            Self::Bool(value) => {
                if *value {
                    "true".len()
                } else {
                    "false".len()
                }
            }
            Self::Number(number) => number_bytes(*number),
            Self::Digits(text) | Self::String(text) => text_bytes(text),
            Self::List(items) => {
                let bytes: usize = items.iter().map(Self::json_bytes).sum();
                "[]".len() + bytes + items.len().saturating_sub(1)
            }
            Self::Object(fields) => fields_bytes(fields),
        }
    }

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

    /// Returns the bytes that it takes in memory beside its own, about.
    pub fn held_bytes(&self) -> usize {
        held_bytes(&self.0)
    }

    /// Returns the size as compact JSON in bytes, which is what size limits count.
    pub fn json_bytes(&self) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        fields_bytes(&self.0)
    }
}

fn held_bytes(fields: &BTreeMap<String, MetadataValue>) -> usize {
    let field = size_of::<String>() + size_of::<MetadataValue>();
    fields.iter().map(|(name, value)| field + name.len() + value.held_bytes()).sum()
}

/// The length of the JSON that serde_json writes of an object, without writing it: it is asked of every record.
fn fields_bytes(fields: &BTreeMap<String, MetadataValue>) -> usize {
    let members: usize =
        fields.iter().map(|(name, value)| text_bytes(name) + ":".len() + value.json_bytes()).sum();
    "{}".len() + members + fields.len().saturating_sub(1)
}

fn text_bytes(text: &str) -> usize {
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let is_short = |byte: &u8| matches!(byte, 8 | 9 | 10 | 12 | 13 | b'"' | b'\\');
    // Hardly any text has some, and counting them is quick.
    let escapes = match text.bytes().filter(is_escaped).count() {
        0 => 0,
        all => {
            let short = text.bytes().filter(is_short).count();
            short + (all - short) * "u0000".len()
        }
    };
    "\"\"".len() + text.len() + escapes
}

fn number_bytes(number: f64) -> usize {
    // Whole numbers of few digits are written out, with their sign and a zero behind the point.
    if number.fract() == 0.0 && number.abs() < 1e15 {
        let digits = (number.abs() as u64).checked_ilog10().unwrap_or(0) + 1;
        return usize::from(number.is_sign_negative()) + digits as usize + ".0".len();
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, &number) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
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

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn the_size_is_that_of_the_json(
            texts in proptest::collection::btree_map(".{0,6}", "[ -~\u{0}-\u{1f}\u{7f}é€😀]{0,9}", 0..4),
            numbers in proptest::collection::vec(proptest::num::f64::ANY, 0..4),
            whole in proptest::num::i64::ANY,
            is_true in proptest::bool::ANY,
        ) {
            let whole = [whole as f64, (whole % 100_000) as f64, -0.0, 0.0, 1e15, 999_999_999_999_999.0];
            let numbers = numbers.into_iter().chain(whole).map(MetadataValue::Number).collect();
            let mut fields: BTreeMap<_, _> =
                texts.into_iter().map(|(name, text)| (name, MetadataValue::String(text))).collect();
            fields.insert("list".to_owned(), MetadataValue::List(numbers));
            fields.insert("none".to_owned(), MetadataValue::List(vec![]));
            fields.insert("flag".to_owned(), MetadataValue::Bool(is_true));
            fields.insert("null".to_owned(), MetadataValue::Null);
            fields.insert("digits".to_owned(), MetadataValue::Digits("123".into()));
            fields.insert("inner".to_owned(), MetadataValue::Object(fields.clone()));
            let metadata = Metadata(fields);
            let text = serde_json::to_string(&metadata).unwrap();
            proptest::prop_assert_eq!(metadata.json_bytes(), text.len(), "{}", text);
        }
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
