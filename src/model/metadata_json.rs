//! Metadata in JSON text, read without loss: numbers keep their digits.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Metadata, MetadataValue};

/// The deepest nesting of lists and objects, which is that of `serde_json`.
const DEEPEST: usize = 128;

/// The origin of the text, which decides what a long number in it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// A file that somebody wrote: a whole number is what its digits say, and no field may occur twice.
    Written,
    /// A service that keeps floats. It may write a large one in its shortest digits, padded with zeros.
    Floats,
}

impl Metadata {
    /// Reads a JSON object, or `null` as none. A number that no float keeps is read as its digits.
    ///
    /// # Errors
    /// A syntax error, or a data error whose text completes "the metadata is …".
    pub fn from_json(text: &str, numbers: Numbers) -> serde_json::Result<Self> {
        match value(serde_json::from_str(text)?, numbers, DEEPEST)? {
            MetadataValue::Object(fields) => Ok(Self(fields)),
            MetadataValue::Null => Ok(Self::default()),
            other => {
                let what = format!("a {}, not a JSON object", other.type_name());
                Err(serde_json::Error::custom(what))
            }
        }
    }
}

/// Reads a value from its own text.
fn value(raw: &RawValue, numbers: Numbers, deepest: usize) -> serde_json::Result<MetadataValue> {
    let text = raw.get();
    let within = |raw: &RawValue| match deepest {
        0 => Err(serde_json::Error::custom("nested too deeply")),
        deepest => value(raw, numbers, deepest - 1),
    };
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text)?;
            let mut object = BTreeMap::new();
            for (name, raw) in members {
                if numbers == Numbers::Written && object.contains_key(&name) {
                    let twice = format!("an object with the field `{name}` twice");
                    return Err(serde_json::Error::custom(twice));
                }
                object.insert(name, within(raw)?);
            }
            MetadataValue::Object(object)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            MetadataValue::List(items.into_iter().map(within).collect::<serde_json::Result<_>>()?)
        }
        Some(b'"') => MetadataValue::String(serde_json::from_str(text)?),
        Some(b'n') => MetadataValue::Null,
        Some(b't' | b'f') => MetadataValue::Bool(serde_json::from_str(text)?),
        _ => number(text, numbers),
    })
}

/// Reads a number; its digits if no float keeps it.
fn number(text: &str, numbers: Numbers) -> MetadataValue {
    let digits = || MetadataValue::Digits(text.to_owned());
    let Ok(value) = text.parse::<f64>() else { return digits() };
    let is_kept = match text.split_once(['.', 'e', 'E']) {
        // Fractions are rounded to the nearest float, unless they are too large or too small for any.
        Some(_) => value.is_finite() && (value != 0.0 || is_zero(text)),
        None if text.len() <= 15 => true,
        None => text == format!("{value:.0}") || is_shortest(text, value, numbers),
    };
    if is_kept { MetadataValue::Number(value) } else { digits() }
}

fn is_zero(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

fn is_shortest(text: &str, value: f64, numbers: Numbers) -> bool {
    numbers == Numbers::Floats && text == format!("{value}")
}

/// The members of an object, in the order of the text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = fields.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Metadata {
        Metadata::from_json(text, Numbers::Written).unwrap()
    }

    #[test]
    fn json_is_read_without_loss() {
        let read = written(r#" {"a":9007199254740993, "b":9007199254740992,"c":[-1,"x\n",null]} "#);
        assert_eq!(read.get("a"), Some(&MetadataValue::Digits("9007199254740993".into())));
        assert_eq!(read.get("b"), Some(&MetadataValue::Number(9_007_199_254_740_992.0)));
        let list =
            [MetadataValue::Number(-1.0), MetadataValue::String("x\n".into()), MetadataValue::Null];
        assert_eq!(read.get("c"), Some(&MetadataValue::List(list.to_vec())));
        let read = written(r#"{"d":{"e\u0041":true},"f":false}"#);
        let inner = [("eA".to_owned(), MetadataValue::Bool(true))];
        assert_eq!(read.get("d"), Some(&MetadataValue::Object(inner.into())));
        assert!(written("null").is_empty());
    }

    #[test]
    fn text_that_is_no_object_is_refused() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        let twice = r#"{"a":1,"a":2}"#;
        for (text, part) in [
            ("[1]", "a list, not a JSON object"),
            (twice, "an object with the field `a` twice"),
            (&deep, "nested too deeply"),
        ] {
            let error = Metadata::from_json(text, Numbers::Written).unwrap_err();
            assert!(error.is_data() && error.to_string().contains(part), "{error}");
        }
        for text in ["{", r#"{"a":01}"#, "", "{} {}"] {
            let error = Metadata::from_json(text, Numbers::Written).unwrap_err();
            assert!(!error.is_data(), "{error}");
        }
        let last = Metadata::from_json(twice, Numbers::Floats).unwrap();
        assert_eq!(last.get("a"), Some(&MetadataValue::Number(2.0)));
    }

    #[test]
    fn a_number_that_no_float_keeps_keeps_its_digits() {
        let read = |text: &str, numbers| {
            let read = Metadata::from_json(&format!("{{\"n\":{text}}}"), numbers).unwrap();
            match read.get("n") {
                Some(MetadataValue::Number(number)) => Some(*number),
                Some(MetadataValue::Digits(digits)) if digits == text => None,
                other => panic!("{text}: {other:?}"),
            }
        };
        for (text, number) in [
            ("-0", Some(-0.0)),
            ("18446744073709551615", None),
            ("18446744073709551616", Some(18_446_744_073_709_551_616.0)),
            ("18446744073709551617", None),
            ("-18446744073709551617", None),
            ("340282366920938463463374607431768211456", Some(2f64.powi(128))),
            ("340282366920938463463374607431768211457", None),
            ("1e400", None),
            ("-1E+400", None),
            ("1e-400", None),
            ("0.0e-400", Some(0.0)),
            ("0.1", Some(0.1)),
            ("0.1000000000000000055511151231257827", Some(0.1)),
            ("1.7976931348623157e308", Some(f64::MAX)),
        ] {
            for numbers in [Numbers::Written, Numbers::Floats] {
                let read = read(text, numbers).map(f64::to_bits);
                assert_eq!(read, number.map(f64::to_bits), "{text}");
            }
        }
        // Somebody's number, or the shortest digits of a float and zeros.
        let text = "12345678901234567000";
        assert_eq!(read(text, Numbers::Written), None);
        assert_eq!(read(text, Numbers::Floats), Some(12_345_678_901_234_567_000.0));
    }
}
