//! Values of the metadata in the server's binary form and ours.

use bytes::{BufMut, Bytes};
use uuid::Uuid;

use super::kind::{Item, Kind};
use super::vector_codec::{Items, Wrong, items, length, put_list_header};
use crate::model::{Numbers, Value};

const CUT: Wrong = "it is cut off";

/// Reads a value of a column of this kind; one that travels as text arrives as that.
pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Result<Value, Wrong> {
    Ok(match kind {
        Kind::Text | Kind::Other | Kind::Bit => Value::Text(text(bytes)?.into()),
        Kind::Int2 => Value::I64(i16::from_be_bytes(sized(bytes)?).into()),
        Kind::Int4 => Value::I64(i32::from_be_bytes(sized(bytes)?).into()),
        Kind::Int8 => Value::I64(i64::from_be_bytes(sized(bytes)?)),
        Kind::Float4 => Value::F64(f32::from_be_bytes(sized(bytes)?).into()),
        Kind::Float8 => Value::F64(f64::from_be_bytes(sized(bytes)?)),
        Kind::Bool => Value::Bool(sized::<1>(bytes)? != [0]),
        Kind::Numeric => numeric(text(bytes)?),
        Kind::Uuid => Value::Text(Uuid::from_bytes(sized(bytes)?).to_string().into()),
        Kind::Timestamptz => Value::Time(time(text(bytes)?).into()),
        Kind::Timestamp => Value::Text(civil(text(bytes)?).into()),
        Kind::Bytea => Value::Bytes(Bytes::copy_from_slice(bytes)),
        Kind::Json | Kind::Jsonb => json(bytes)?,
        Kind::List(item) => list(item, bytes)?,
        Kind::Vector | Kind::Halfvec | Kind::Sparsevec => {
            return Err("a vector is no value of the metadata");
        }
    })
}

/// Reads the text of a `json` or `jsonb` column.
pub(super) fn json(bytes: &[u8]) -> Result<Value, Wrong> {
    Value::from_json(text(bytes)?, Numbers::Exact).map_err(|error| match error.is_data() {
        true => "its JSON has a field twice, or is nested too deeply",
        false => "its JSON cannot be read",
    })
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Wrong> {
    std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8")
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Wrong> {
    bytes.try_into().map_err(|_| CUT)
}

/// Keeps every digit: `1.10` is not `1.1` to whoever wrote it.
fn numeric(text: &str) -> Value {
    match text {
        "NaN" => return Value::F64(f64::NAN),
        "Infinity" => return Value::F64(f64::INFINITY),
        "-Infinity" => return Value::F64(f64::NEG_INFINITY),
        _ => {}
    }
    let is_shortest = !text.contains('.') || !text.ends_with('0');
    match Value::from_json(text, Numbers::Exact) {
        Ok(value) if is_shortest => value,
        _ => Value::Decimal(text.into()),
    }
}

/// Makes RFC 3339 of what the server writes in UTC; what that cannot say (infinity, years before 1 and after 9999) stays
/// as it is.
fn time(text: &str) -> String {
    let is_plain = text.len() >= 22 && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b' ';
    match text.strip_suffix("+00").filter(|_| is_plain) {
        Some(instant) => format!("{}Z", instant.replacen(' ', "T", 1)),
        None => text.to_owned(),
    }
}

/// The same of a time without a zone.
fn civil(text: &str) -> String {
    let is_plain = text.len() >= 19 && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b' ';
    match is_plain && !text.ends_with(" BC") {
        true => text.replacen(' ', "T", 1),
        false => text.to_owned(),
    }
}

fn list(item: Item, bytes: &[u8]) -> Result<Value, Wrong> {
    let Items { dimensions, items } = items(bytes)?;
    let kind = match item {
        Item::Text => Kind::Text,
        Item::Int2 => Kind::Int2,
        Item::Int4 => Kind::Int4,
        Item::Int8 => Kind::Int8,
        Item::Float4 => Kind::Float4,
        Item::Float8 => Kind::Float8,
        Item::Bool => Kind::Bool,
    };
    let read = |item: Option<&[u8]>| item.map_or(Ok(Value::Null), |bytes| decode(kind, bytes));
    let mut values = items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    // The innermost dimension runs fastest.
    for length in dimensions.iter().skip(1).rev() {
        let mut rest = values.into_iter();
        let mut outer = Vec::new();
        loop {
            let inner: Vec<_> = rest.by_ref().take(*length).collect();
            match inner.is_empty() {
                true => break,
                false => outer.push(Value::List(inner)),
            }
        }
        values = outer;
    }
    Ok(Value::List(values))
}

/// Appends a value as a column of this kind takes it.
///
/// # Errors
/// Why the column cannot hold it.
pub(super) fn encode(kind: Kind, value: &Value, into: &mut Vec<u8>) -> Result<(), Wrong> {
    match (kind, value) {
        (Kind::Json | Kind::Jsonb, value) => {
            let mut text = String::new();
            value.write_json(&mut text)?;
            put_json(kind, &text, into)?;
        }
        (Kind::Text, Value::Text(value) | Value::Time(value)) => put_text(value, into)?,
        (Kind::Bool, Value::Bool(value)) => into.put_u8(u8::from(*value)),
        (Kind::Int2, value) => into.put_i16(whole(value)?),
        (Kind::Int4, value) => into.put_i32(whole(value)?),
        (Kind::Int8, value) => into.put_i64(whole(value)?),
        (Kind::Float4, value) => into.put_f32(single(value)?),
        (Kind::Float8, value) => into.put_f64(double(value)?),
        (Kind::Numeric, value) => into.put_slice(digits(value)?.as_bytes()),
        (Kind::Uuid, Value::Text(text)) => {
            // In any other form it would come back as another text.
            let uuid = Uuid::try_parse(text).ok().filter(|uuid| uuid.to_string() == *text);
            into.put_slice(uuid.ok_or("it is no uuid in lower case with hyphens")?.as_bytes());
        }
        (Kind::Bytea, Value::Bytes(bytes)) => into.put_slice(bytes),
        (Kind::Timestamptz, Value::Time(text) | Value::Text(text)) => put_text(text, into)?,
        (Kind::Timestamp, Value::Text(text)) => put_text(text, into)?,
        (Kind::Other | Kind::Bit, Value::Text(text) | Value::Time(text)) => put_text(text, into)?,
        (Kind::List(item), Value::List(values)) => put_list(item, values, into)?,
        _ => return Err("its type is not the column's"),
    }
    Ok(())
}

pub(super) fn put_text(text: &str, into: &mut Vec<u8>) -> Result<(), Wrong> {
    if text.contains('\0') {
        return Err("it holds a NUL");
    }
    into.put_slice(text.as_bytes());
    Ok(())
}

/// Appends JSON; `jsonb` has the number of its form before it.
pub(super) fn put_json(kind: Kind, text: &str, into: &mut Vec<u8>) -> Result<(), Wrong> {
    if has_nul_escape(text) {
        return Err("it holds a NUL");
    }
    if kind == Kind::Jsonb {
        into.put_u8(1);
    }
    into.put_slice(text.as_bytes());
    Ok(())
}

/// Whether a text of JSON holds an escaped NUL and not an escaped backslash before `u0000`.
fn has_nul_escape(text: &str) -> bool {
    text.match_indices("\\u0000").any(|(at, _)| {
        let before = text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        before % 2 == 0
    })
}

fn whole<T: TryFrom<i128>>(value: &Value) -> Result<T, Wrong> {
    let number = match value {
        Value::I64(number) => i128::from(*number),
        Value::U64(number) => i128::from(*number),
        // A float that holds a whole number exactly: stores that know floats only write whole numbers so.
        Value::F64(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            *number as i128
        }
        Value::Decimal(digits) => match (digits.parse(), value.as_f64()) {
            (Ok(number), _) => number,
            (Err(_), Some(number)) => return whole(&Value::F64(number)),
            (Err(_), None) => return Err("it is no whole number that the column can hold"),
        },
        Value::F64(_) => return Err("it is no whole number that the column can hold"),
        _ => return Err("its type is not the column's"),
    };
    T::try_from(number).map_err(|_| "it is no whole number that the column can hold")
}

fn double(value: &Value) -> Result<f64, Wrong> {
    let exact = |number: i128| {
        let double = number as f64;
        (double as i128 == number)
            .then_some(double)
            .ok_or("its digits do not fit a double precision")
    };
    match value {
        Value::F64(number) => Ok(*number),
        Value::I64(number) => exact((*number).into()),
        Value::U64(number) => exact((*number).into()),
        Value::Decimal(_) => value.as_f64().ok_or("its digits do not fit a double precision"),
        _ => Err("its type is not the column's"),
    }
}

fn single(value: &Value) -> Result<f32, Wrong> {
    let number = double(value)?;
    let single = number as f32;
    match f64::from(single) == number || number.is_nan() {
        true => Ok(single),
        false => Err("its digits do not fit a real"),
    }
}

/// Writes a number with all its digits.
pub(super) fn digits(value: &Value) -> Result<String, Wrong> {
    Ok(match value {
        Value::I64(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::F64(number) if number.is_nan() => "NaN".to_owned(),
        Value::F64(number) if number.is_infinite() => {
            if *number > 0.0 {
                "Infinity".to_owned()
            } else {
                "-Infinity".to_owned()
            }
        }
        Value::F64(number) => number.to_string(),
        Value::Decimal(digits) => digits.to_string(),
        _ => return Err("its type is not the column's"),
    })
}

fn put_list(item: Item, values: &[Value], into: &mut Vec<u8>) -> Result<(), Wrong> {
    let kind = match item {
        Item::Text => Kind::Text,
        Item::Int2 => Kind::Int2,
        Item::Int4 => Kind::Int4,
        Item::Int8 => Kind::Int8,
        Item::Float4 => Kind::Float4,
        Item::Float8 => Kind::Float8,
        Item::Bool => Kind::Bool,
    };
    let has_nulls = values.contains(&Value::Null);
    put_list_header(into, item, values.len(), has_nulls);
    for value in values {
        if *value == Value::Null {
            into.put_i32(-1);
            continue;
        }
        put_sized(into, |into| encode(kind, value, into))?;
    }
    Ok(())
}

/// Appends what `put` writes, with its length before it.
pub(super) fn put_sized<E>(
    into: &mut Vec<u8>,
    put: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = into.len();
    into.put_u32(0);
    put(into)?;
    let size = length(into.len() - start - 4);
    into[start..start + 4].copy_from_slice(&size.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_where_that_can_say_them() {
        for (from, to) in [
            ("2020-01-02 03:04:05+00", "2020-01-02T03:04:05Z"),
            ("2020-01-02 03:04:05.000001+00", "2020-01-02T03:04:05.000001Z"),
            ("infinity", "infinity"),
            ("12020-01-02 03:04:05+00", "12020-01-02 03:04:05+00"),
        ] {
            assert_eq!(time(from), to);
        }
    }

    #[test]
    fn times_without_a_zone_have_the_same_form() {
        for (from, to) in [
            ("2020-01-02 03:04:05", "2020-01-02T03:04:05"),
            ("2020-01-02 03:04:05.25", "2020-01-02T03:04:05.25"),
            ("-infinity", "-infinity"),
            ("0020-01-02 03:04:05 BC", "0020-01-02 03:04:05 BC"),
            ("12020-01-02 03:04:05", "12020-01-02 03:04:05"),
        ] {
            assert_eq!(civil(from), to);
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(numeric("1.10"), Value::Decimal("1.10".into()));
        assert_eq!(numeric("1.1"), Value::F64(1.1));
        assert_eq!(numeric("100"), Value::I64(100));
        assert_eq!(numeric("18446744073709551616"), Value::Decimal("18446744073709551616".into()));
        assert_eq!(digits(&Value::F64(1e21)), Ok("1000000000000000000000".into()));
    }

    #[test]
    fn a_number_that_would_be_rounded_is_refused() {
        assert_eq!(whole::<i64>(&Value::F64(3.0)), Ok(3));
        assert!(whole::<i64>(&Value::F64(3.5)).is_err());
        assert!(whole::<i64>(&Value::U64(u64::MAX)).is_err());
        assert!(whole::<i16>(&Value::I64(40_000)).is_err());
        assert!(double(&Value::I64(9_007_199_254_740_993)).is_err());
        assert!(single(&Value::F64(0.1)).is_err());
        assert_eq!(single(&Value::F64(0.5)), Ok(0.5));
    }

    #[test]
    fn an_escaped_nul_is_told_from_a_backslash() {
        assert!(has_nul_escape(r#"{"a":"\u0000"}"#));
        assert!(!has_nul_escape(r#"{"a":"\\u0000"}"#));
        assert!(has_nul_escape(r#"{"a":"\\\u0000"}"#));
    }
}
