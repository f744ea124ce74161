//! Values in JSON. What a store keeps is read and written without loss ([`Metadata::from_json`], [`Metadata::write_json`]);
//! `Serialize` is for people, templates and services that know only floats: there, what JSON has not is a text.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::decimal::Decimal;
use super::{Metadata, Value};

/// The deepest nesting of lists and objects, which is that of `serde_json`.
const DEEPEST: usize = 128;

/// A number of at most so many characters, and without an exponent, is kept by an i64 or an f64.
const SHORT: usize = 15;

/// The most digits with which a float is written out (the longest has 767).
const MOST_DIGITS: usize = 800;

/// The origin of the text, which decides what a long number in it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// A server that keeps all digits: they stay as they are.
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
            Self::Text(value) | Self::Time(value) => put_as_json(text, value),
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

    /// Returns the length of what `Serialize` writes as compact JSON, without writing it: it is asked of every record.
    fn json_bytes(&self) -> usize {
        match self {
            Self::Null => "null".len(),
            Self::Bool(true) => "true".len(),
            Self::Bool(false) => "false".len(),
            Self::I64(number) => usize::from(*number < 0) + digits(number.unsigned_abs()),
            Self::U64(number) => digits(*number),
            Self::F64(number) => float_bytes(*number),
            Self::Decimal(digits) => self.as_f64().map_or_else(|| text_bytes(digits), float_bytes),
            Self::Text(text) | Self::Time(text) => text_bytes(text),
            Self::Bytes(bytes) => "\"\"".len() + bytes.len().div_ceil(3) * 4,
            Self::List(items) => {
                let bytes: usize = items.iter().map(Self::json_bytes).sum();
                "[]".len() + bytes + items.len().saturating_sub(1)
            }
            Self::Map(fields) => fields_bytes(fields),
        }
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

    /// Appends it to `text` as a JSON object. See [`Value::write_json`].
    ///
    /// # Errors
    /// The name of what JSON has not.
    pub fn write_json(&self, text: &mut String) -> Result<(), &'static str> {
        put_fields(text, &self.0)
    }

    /// Returns the size as compact JSON in bytes, which is what size limits count.
    pub fn json_bytes(&self) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        fields_bytes(&self.0)
    }
}

fn put_fields(text: &mut String, fields: &BTreeMap<String, Value>) -> Result<(), &'static str> {
    text.push('{');
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        put_as_json(text, name);
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

fn fields_bytes(fields: &BTreeMap<String, Value>) -> usize {
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

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

fn float_bytes(number: f64) -> usize {
    // Whole numbers of few digits are written out, with their sign and a zero behind the point.
    if number.fract() == 0.0 && number.abs() < 1e15 {
        let sign = usize::from(number.is_sign_negative());
        return sign + digits(number.abs() as u64) + ".0".len();
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
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or_default());
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = members.next_entry()? {
            fields.insert(name, value);
        }
        Ok(Value::Map(fields))
    }
}

/// Whether some number in the text, or what looks like one, is long or has an exponent.
fn has_long_number(text: &str) -> bool {
    let (mut run, mut last) = (0, 0_u8);
    text.bytes().any(|byte| {
        let is_power = matches!(byte, b'e' | b'E') && last.is_ascii_digit();
        run = if matches!(byte, b'0'..=b'9' | b'.') { run + 1 } else { 0 };
        last = byte;
        is_power || run > SHORT
    })
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
            let mut object = BTreeMap::new();
            for (name, raw) in members {
                if numbers == Numbers::Written && object.contains_key(&name) {
                    let twice = format!("an object with the field `{name}` twice");
                    return Err(serde_json::Error::custom(twice));
                }
                object.insert(name, within(raw)?);
            }
            Value::Map(object)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            Value::List(items.into_iter().map(within).collect::<serde_json::Result<_>>()?)
        }
        Some(b'"') => Value::Text(serde_json::from_str(text)?),
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
        (Numbers::Exact, _) => Decimal::read(text) == Decimal::of(*float),
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
        None => Value::Decimal(text.to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Metadata {
        Metadata::from_json(text, Numbers::Written).unwrap()
    }

    fn decimal(digits: &str) -> Value {
        Value::Decimal(digits.to_owned())
    }

    #[test]
    fn json_is_read_without_loss() {
        let read = written(r#" {"a":9007199254740993, "b":9.5,"c":[-1,"x\n",null]} "#);
        assert_eq!(read.get("a"), Some(&Value::I64(9_007_199_254_740_993)));
        assert_eq!(read.get("b"), Some(&Value::F64(9.5)));
        let list = [Value::I64(-1), Value::Text("x\n".into()), Value::Null];
        assert_eq!(read.get("c"), Some(&Value::List(list.to_vec())));
        let read = written(r#"{"d":{"e\u0041":true},"f":false}"#);
        let inner = [("eA".to_owned(), Value::Bool(true))];
        assert_eq!(read.get("d"), Some(&Value::Map(inner.into())));
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
        assert!(Metadata::from_json(&deep, Numbers::Exact).unwrap_err().is_data());
        for text in ["{", r#"{"a":01}"#, "", "{} {}"] {
            for numbers in [Numbers::Written, Numbers::Exact] {
                let error = Metadata::from_json(text, numbers).unwrap_err();
                assert!(!error.is_data(), "{error}");
            }
        }
        let last = Metadata::from_json(twice, Numbers::Floats).unwrap();
        assert_eq!(last.get("a"), Some(&Value::F64(2.0)));
    }

    /// What somebody wrote, what a server keeps with all its digits, and what a service of floats says.
    #[test]
    fn a_number_is_what_its_origin_means_by_its_digits() {
        let float = Value::F64;
        for (text, of_file, of_server, of_service) in [
            ("-0", float(-0.0), float(-0.0), float(-0.0)),
            ("7", Value::I64(7), Value::I64(7), float(7.0)),
            ("7.0", float(7.0), float(7.0), float(7.0)),
            ("1.10", float(1.1), float(1.1), float(1.1)),
            ("0.0e-400", float(0.0), float(0.0), float(0.0)),
            ("1e2", float(100.0), float(100.0), float(100.0)),
            ("0.30000000000000004", float(0.1 + 0.2), float(0.1 + 0.2), float(0.1 + 0.2)),
            ("0.10000000000000001", float(0.1), decimal("0.10000000000000001"), float(0.1)),
            (
                "0.100000000000000005",
                decimal("0.100000000000000005"),
                decimal("0.100000000000000005"),
                float(0.1),
            ),
            (
                "0.1000000000000000055511151231257827",
                float(0.1),
                decimal("0.1000000000000000055511151231257827"),
                float(0.1),
            ),
            ("1.7976931348623157e308", float(f64::MAX), float(f64::MAX), float(f64::MAX)),
        ] {
            let wanted = [of_file, of_server, of_service];
            let origins = [Numbers::Written, Numbers::Exact, Numbers::Floats];
            for (numbers, wanted) in origins.into_iter().zip(wanted) {
                let read = Value::from_json(text, numbers).unwrap();
                let is_same = std::mem::discriminant(&read) == std::mem::discriminant(&wanted);
                assert!(is_same && read.is_identical(&wanted), "{text} {numbers:?}: {read:?}");
            }
        }
    }

    #[test]
    fn a_number_that_no_float_keeps_keeps_its_digits() {
        let large = 18_446_744_073_709_551_616.0;
        for (text, wanted) in [
            ("9007199254740993", Value::I64(9_007_199_254_740_993)),
            ("18446744073709551615", Value::U64(u64::MAX)),
            ("18446744073709551616", Value::F64(large)),
            ("18446744073709551617", decimal("18446744073709551617")),
            ("-18446744073709551617", decimal("-18446744073709551617")),
            ("340282366920938463463374607431768211456", Value::F64(2f64.powi(128))),
            (
                "340282366920938463463374607431768211457",
                decimal("340282366920938463463374607431768211457"),
            ),
            ("1e400", decimal("1e400")),
            ("-1E+400", decimal("-1E+400")),
            ("1e-400", decimal("1e-400")),
        ] {
            for numbers in [Numbers::Written, Numbers::Floats] {
                assert_eq!(Value::from_json(text, numbers).unwrap(), wanted, "{text} {numbers:?}");
            }
        }
        // Somebody's number, or the shortest digits of a float and zeros.
        let text = "12345678901234567000";
        let read = |numbers| Value::from_json(text, numbers).unwrap();
        assert_eq!(read(Numbers::Written), Value::U64(12_345_678_901_234_567_000));
        assert_eq!(read(Numbers::Floats), Value::F64(12_345_678_901_234_567_000.0));
    }

    #[test]
    fn what_a_server_keeps_comes_back_with_every_digit() {
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
            let mut written = String::new();
            Value::from_json(text, Numbers::Exact).unwrap().write_json(&mut written).unwrap();
            assert_eq!(written, text);
        }
        for none in [Value::F64(f64::NAN), Value::List(vec![Value::Bytes("x".into())])] {
            assert!(none.write_json(&mut String::new()).is_err());
        }
    }

    #[test]
    fn json_keeps_every_type_that_it_has() {
        let text =
            r#"{"a":null,"b":true,"c":1.5,"d":"x","e":["y"],"f":{"g":2},"h":18446744073709551615}"#;
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
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..9),
            is_true in proptest::bool::ANY,
        ) {
            let floats = [whole as f64, (whole % 100_000) as f64, -0.0, 0.0, 1e15, 999_999_999_999_999.0];
            let whole = [Value::I64(whole), Value::U64(whole.unsigned_abs()), Value::I64(0)];
            let numbers = numbers.into_iter().chain(floats).map(Value::F64).chain(whole).collect();
            let mut fields: BTreeMap<_, _> =
                texts.into_iter().map(|(name, text)| (name, Value::Text(text))).collect();
            fields.insert("list".to_owned(), Value::List(numbers));
            fields.insert("none".to_owned(), Value::List(vec![]));
            fields.insert("flag".to_owned(), Value::Bool(is_true));
            fields.insert("null".to_owned(), Value::Null);
            fields.insert("digits".to_owned(), decimal("9007199254740993"));
            fields.insert("price".to_owned(), decimal("1.10"));
            fields.insert("bytes".to_owned(), Value::Bytes(bytes.into()));
            fields.insert("inner".to_owned(), Value::Map(fields.clone()));
            let metadata = Metadata(fields);
            let text = serde_json::to_string(&metadata).unwrap();
            proptest::prop_assert_eq!(metadata.json_bytes(), text.len(), "{}", text);
        }

        #[test]
        fn every_finite_float_comes_back(bits in proptest::num::u64::ANY) {
            let value = Value::F64(f64::from_bits(bits));
            let mut text = String::new();
            proptest::prop_assume!(value.write_json(&mut text).is_ok());
            for numbers in [Numbers::Exact, Numbers::Written, Numbers::Floats] {
                let read = Value::from_json(&text, numbers).unwrap();
                proptest::prop_assert!(read.is_identical(&value), "{} {:?}", text, read);
            }
        }
    }
}
