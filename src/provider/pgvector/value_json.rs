//! Payloads in JSON text, without loss: a number keeps its digits.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::value::{Payload, Value};

/// The deepest nesting of lists and objects, which is that of `serde_json`.
const DEEPEST: usize = 128;

/// A number with fewer digits than this is kept by an i64 or an f64.
const LONG: usize = 15;

impl Value {
    /// Reads JSON text.
    ///
    /// # Errors
    /// A syntax error, or nesting that is too deep.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        if has_long_number(text) {
            return read(serde_json::from_str(text)?, DEEPEST);
        }
        serde_json::from_str(text).map(short)
    }

    /// Appends it to `text` as JSON. The error names a value that JSON has not.
    ///
    /// # Errors
    /// The name of what cannot be said: bytes, or a number that is infinite or none.
    pub fn write_json(&self, text: &mut String) -> Result<(), &'static str> {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::I64(number) => number_text(text, number),
            Self::U64(number) => number_text(text, number),
            Self::F64(number) if number.is_finite() => number_text(text, &float_text(*number)),
            Self::F64(_) => return Err("a number that is infinite or none"),
            Self::Decimal(digits) => text.push_str(digits),
            Self::Text(value) | Self::Time(value) => string(text, value),
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
            Self::Map(fields) => object(text, fields)?,
        }
        Ok(())
    }
}

impl Payload {
    /// Appends it to `text` as a JSON object. See [`Value::write_json`].
    ///
    /// # Errors
    /// The name of what cannot be said.
    pub fn write_json(&self, text: &mut String) -> Result<(), &'static str> {
        object(text, &self.0)
    }
}

fn object(text: &mut String, fields: &BTreeMap<String, Value>) -> Result<(), &'static str> {
    text.push('{');
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        string(text, name);
        text.push(':');
        value.write_json(text)?;
    }
    text.push('}');
    Ok(())
}

fn string(text: &mut String, value: &str) {
    // Writing a text to JSON cannot fail.
    text.push_str(&serde_json::to_string(value).unwrap_or_default());
}

fn number_text(text: &mut String, number: &impl std::fmt::Display) {
    // Writing to a text cannot fail.
    let _ = write!(text, "{number}");
}

/// The shortest digits of a finite number that read as the same bits, with a point where it is whole.
fn float_text(number: f64) -> String {
    serde_json::to_string(&number).unwrap_or_default()
}

fn has_long_number(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+') { run + 1 } else { 0 };
        run > LONG
    })
}

/// Makes a value of JSON whose numbers are all short.
fn short(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::I64(number),
            None => Value::F64(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(value) => Value::Text(value),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(short).collect()),
        serde_json::Value::Object(fields) => {
            Value::Map(fields.into_iter().map(|(name, value)| (name, short(value))).collect())
        }
    }
}

/// Reads a value from its own text.
fn read(raw: &RawValue, deepest: usize) -> serde_json::Result<Value> {
    let text = raw.get();
    let within = |raw: &RawValue| match deepest {
        0 => Err(serde::de::Error::custom("nested too deeply")),
        deepest => read(raw, deepest - 1),
    };
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            let read = |(name, raw)| Ok((name, within(raw)?));
            Value::Map(members.into_iter().map(read).collect::<serde_json::Result<_>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            Value::List(items.into_iter().map(within).collect::<serde_json::Result<_>>()?)
        }
        Some(b'-' | b'0'..=b'9') => number(text),
        _ => short(serde_json::from_str(text)?),
    })
}

/// Reads a number; its digits if neither an integer nor a float keeps it.
pub(super) fn number(text: &str) -> Value {
    if let Ok(number) = text.parse() {
        return Value::I64(number);
    }
    if let Ok(number) = text.parse() {
        return Value::U64(number);
    }
    let decimal = || Value::Decimal(text.to_owned());
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && is_written_as(number, text) => Value::F64(number),
        _ => decimal(),
    }
}

/// Whether the shortest digits of `number` are those of `text`, but for zeros behind the point.
fn is_written_as(number: f64, text: &str) -> bool {
    if text.contains(['e', 'E']) {
        return false;
    }
    let shortest = format!("{number}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    shortest == text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(text: &str) -> String {
        let mut written = String::new();
        Value::from_json(text).unwrap().write_json(&mut written).unwrap();
        written
    }

    #[test]
    fn every_digit_comes_back() {
        for text in [
            "9007199254740993",
            "-9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "0.1000000000000000055511151231257827",
            "123456789012345678901234567890.123",
            "0.30000000000000004",
            r#"{"a":[1,2.5,{"b":"x\u0001"}],"c":null,"d":true}"#,
            r#"{"a":[1,2.5,{"b":"1234567890123456789"}],"c":123456789012345678901}"#,
        ] {
            assert_eq!(back(text), text);
        }
        assert_eq!(Value::from_json("1.10").unwrap(), Value::F64(1.1));
        assert_eq!(Value::from_json("1.0").unwrap(), Value::F64(1.0));
        assert_eq!(Value::from_json("0.30000000000000004").unwrap(), Value::F64(0.1 + 0.2));
    }
}
