use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::model::decimal::Decimal;
use crate::model::{Metadata, Value};

/// The deepest nesting of lists and objects, which is that of `serde_json`.
const DEEPEST: usize = 128;

/// A number of at most so many characters, and without an exponent, is kept by an i64 or an f64.
const SHORT: usize = 15;

/// The most digits with which a float is written out (the longest has 767).
const MOST_DIGITS: usize = 800;

/// The origin of the text, which decides what a long number in it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// A server that keeps all digits: they stay as they are, a zero at their end too. No field may occur twice.
    Exact,
    /// A file that somebody wrote: a whole number is what its digits say, a fraction is the float whose digits these are,
    /// and no field may occur twice.
    Written,
    /// A service that keeps floats. It may write a large one in its shortest digits, padded with zeros.
    Floats,
}

impl Value {
    /// Reads JSON text.
    ///
    /// # Errors
    /// A syntax error, or a data error for nesting that is too deep, or a field that occurs twice where none may.
    pub fn from_json(text: &str, numbers: Numbers) -> serde_json::Result<Self> {
        // The quick way; what it refuses, the other one may have a reason for.
        if numbers == Numbers::Exact
            && !has_long_number(text)
            && let Ok(value) = serde_json::from_str(text)
        {
            return Ok(value);
        }
        read(serde_json::from_str(text)?, numbers, DEEPEST)
    }
}

impl Metadata {
    /// Reads a JSON object, or `null` as none.
    ///
    /// # Errors
    /// A syntax error, or a data error whose text completes "the metadata is …".
    pub fn from_json(text: &str, numbers: Numbers) -> serde_json::Result<Self> {
        match Value::from_json(text, numbers)? {
            Value::Map(fields) => Ok(Self(fields)),
            Value::Null => Ok(Self::default()),
            other => {
                let what = format!("a {}, not a JSON object", other.type_name());
                Err(serde_json::Error::custom(what))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::I64(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::U64(number), Value::I64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::F64(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or_default());
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut fields = Vec::with_capacity(members.size_hint().unwrap_or_default());
        while let Some(field) = members.next_entry::<String, Value>()? {
            fields.push(field);
        }
        if let Some(name) = given_twice(fields.iter().map(|(name, _)| name.as_str())) {
            return Err(twice(name));
        }
        Ok(Value::Map(fields.into_iter().collect()))
    }
}

/// Returns the first name that stands there a second time.
fn given_twice<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.find(|name| !seen.insert(*name))
}

fn twice<E: Error>(name: &str) -> E {
    E::custom(format!("an object with the field `{name}` twice"))
}

/// Whether some number in the text, or what looks like one, is long, has an exponent, or ends with a zero behind its point.
fn has_long_number(text: &str) -> bool {
    let (mut run, mut last) = (0, 0_u8);
    let (mut has_point, mut is_padded) = (false, false);
    let is_found = text.bytes().any(|byte| {
        let is_power = matches!(byte, b'e' | b'E') && last.is_ascii_digit();
        match byte {
            b'0'..=b'9' | b'.' => {
                is_padded = has_point && byte == b'0' && last != b'.';
                (run, has_point) = (run + 1, has_point || byte == b'.');
            }
            _ if is_padded => return true,
            _ => (run, has_point) = (0, false),
        }
        last = byte;
        is_power || run > SHORT
    });
    is_found || is_padded
}

/// Whether a fraction has more zeros behind its point than its shortest digits are written with: `1.10`, but not `1.0`.
fn is_padded(text: &str) -> bool {
    text.contains('.') && !text.contains(['e', 'E']) && text.ends_with('0') && !text.ends_with(".0")
}

/// Reads a value from its own text.
fn read(raw: &RawValue, numbers: Numbers, deepest: usize) -> serde_json::Result<Value> {
    let text = raw.get();
    let within = |raw: &RawValue| match deepest {
        0 => Err(serde_json::Error::custom("nested too deeply")),
        deepest => read(raw, numbers, deepest - 1),
    };
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text)?;
            if numbers != Numbers::Floats
                && let Some(name) = given_twice(members.iter().map(|(name, _)| name.as_str()))
            {
                return Err(twice(name));
            }
            let fields = members.into_iter().map(|(name, raw)| Ok((name, within(raw)?)));
            Value::Map(fields.collect::<serde_json::Result<_>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            Value::List(items.into_iter().map(within).collect::<serde_json::Result<_>>()?)
        }
        Some(b'"') => Value::Text(serde_json::from_str::<String>(text)?.into()),
        Some(b'n') => Value::Null,
        Some(b't' | b'f') => Value::Bool(serde_json::from_str(text)?),
        _ => number(text, numbers),
    })
}

/// Reads a number of JSON; its digits if neither an integer nor a float keeps it.
fn number(text: &str, numbers: Numbers) -> Value {
    let float = text.parse::<f64>().ok().filter(|float| float.is_finite());
    let is_whole = !text.contains(['.', 'e', 'E']);
    let is_float = |float: &f64| match (numbers, is_whole) {
        (Numbers::Exact, _) => !is_padded(text) && Decimal::read(text) == Decimal::of(*float),
        // Fractions are rounded to the nearest float, unless they are too small for any.
        (Numbers::Floats, false) => *float != 0.0 || is_zero(text),
        (Numbers::Floats, true) => {
            text.len() <= SHORT || text == format!("{float:.0}") || text == format!("{float}")
        }
        (Numbers::Written, true) => text == format!("{float:.0}"),
        (Numbers::Written, false) => is_written(text, *float),
    };
    if numbers == Numbers::Floats
        && let Some(float) = float.filter(is_float)
    {
        return Value::F64(float);
    }
    if text != "-0" {
        if let Ok(number) = text.parse() {
            return Value::I64(number);
        }
        if let Ok(number) = text.parse() {
            return Value::U64(number);
        }
    }
    match float.filter(is_float) {
        Some(float) => Value::F64(float),
        None => Value::Decimal(text.into()),
    }
}

fn is_zero(text: &str) -> bool {
    significant(text) == 0
}

/// Returns the digits of a number from its first that is no zero, without its exponent.
fn significant(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    digits.skip_while(|digit| *digit == b'0').count()
}

/// Whether a float, written with as many digits as a text has, is that text.
fn is_written(text: &str, float: f64) -> bool {
    match significant(text) {
        0 => float == 0.0,
        digits if digits > MOST_DIGITS => false,
        digits => {
            // The shortest digits of a float are not always its nearest ones of that length.
            let rounded = Decimal::read(&format!("{float:.*e}", digits - 1));
            let read = Decimal::read(text);
            read.is_some() && (read == rounded || read == Decimal::of(float))
        }
    }
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
