//! One value of a record's metadata, in the types that stores share.

use std::cmp::Ordering;

use bytes::Bytes;
use smol_str::{SmolStr, ToSmolStr};

use super::decimal::Decimal;
use super::fields::{FieldName, Named};

/// The fields of a record's metadata, or of an object in it.
pub type Fields = Named<Value>;

/// One value of a record's metadata. A store that knows fewer types gives those it knows, and refuses the others.
///
/// Two numbers are equal if they are the same number, in whatever type their stores keep them: `3` of a column of whole
/// numbers is `3.0` of a service that knows only floats. So is a time and its text.
#[derive(Clone, Debug, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    I64(i64),
    /// A whole number above the largest [`Value::I64`].
    U64(u64),
    F64(f64),
    /// The digits of a number that is none of the above.
    Decimal(SmolStr),
    /// Short texts, which most are, stand in the value itself.
    Text(SmolStr),
    Bytes(Bytes),
    /// A time as its store writes it, RFC 3339 where that can say it.
    Time(SmolStr),
    List(Vec<Value>),
    Map(Fields),
}

impl Value {
    /// Returns the name of the type, as plans and reports use it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::I64(_) | Self::U64(_) | Self::F64(_) => "number",
            Self::Decimal(_) if self.as_f64().is_some() => "number",
            Self::Decimal(_) => "long number",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Time(_) => "time",
            Self::List(_) => "list",
            Self::Map(_) => "object",
        }
    }

    /// Returns the number as a float; `None` if it is no number, or one that no float keeps.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::I64(number) => exact(i128::from(*number)),
            Self::U64(number) => exact(i128::from(*number)),
            Self::F64(number) => Some(*number),
            Self::Decimal(digits) => {
                let nearest = digits.parse().ok()?;
                (Decimal::of(nearest)? == Decimal::read(digits)?).then_some(nearest)
            }
            _ => None,
        }
    }

    /// Returns the number as the nearest float; `None` if it is no number.
    pub fn nearest_f64(&self) -> Option<f64> {
        match self {
            Self::I64(number) => Some(*number as f64),
            Self::U64(number) => Some(*number as f64),
            Self::F64(number) => Some(*number),
            Self::Decimal(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// Compares the number with a float, digit by digit; `None` if either is no number. A float has the shortest digits
    /// that read as it.
    pub fn compare(&self, float: f64) -> Option<Ordering> {
        match self {
            Self::I64(number) => whole_and_float(i128::from(*number), float),
            Self::U64(number) => whole_and_float(i128::from(*number), float),
            Self::F64(number) => number.partial_cmp(&float),
            Self::Decimal(_) => self.digits()?.partial_cmp(&Decimal::of(float)?),
            _ => None,
        }
    }

    /// Returns how many digits a number has behind its point; `None` if it is no number.
    pub fn decimals(&self) -> Option<u64> {
        self.digits().map(|digits| digits.decimals())
    }

    pub(super) fn digits(&self) -> Option<Decimal> {
        match self {
            Self::I64(number) => Decimal::read(&number.to_string()),
            Self::U64(number) => Decimal::read(&number.to_string()),
            Self::F64(number) => Decimal::of(*number),
            Self::Decimal(digits) => Decimal::read(digits),
            _ => None,
        }
    }

    /// Returns whether both are the same to the last bit: floats by their bits, so that `-0` is not `0`.
    pub fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::F64(a), Self::F64(b)) => a.to_bits() == b.to_bits(),
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_identical(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|((name, a), (other, b))| name == other && a.is_identical(b))
            }
            (a, b) => a == b && a.is_negative_zero() == b.is_negative_zero(),
        }
    }

    /// Returns a zero without its sign; `None` if it is no zero, or has no sign.
    pub fn unsigned_zero(&self) -> Option<Self> {
        match self {
            Self::F64(number) => {
                (*number == 0.0 && number.is_sign_negative()).then_some(Self::F64(0.0))
            }
            Self::Decimal(digits) => {
                let unsigned = digits.strip_prefix('-')?;
                let is_zero = Decimal::read(unsigned)? == Decimal::read("0")?;
                is_zero.then(|| Self::Decimal(unsigned.into()))
            }
            _ => None,
        }
    }

    fn is_negative_zero(&self) -> bool {
        self.unsigned_zero().is_some()
    }

    /// Returns the bytes that it takes in memory beside its own, about.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::I64(_) | Self::U64(_) | Self::F64(_) => 0,
            Self::Decimal(text) | Self::Text(text) | Self::Time(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items) => {
                items.iter().map(|item| size_of::<Self>() + item.held_bytes()).sum()
            }
            Self::Map(fields) => fields_held(fields),
        }
    }
}

/// Returns the bytes that fields take in memory, about. A name counts with each record that has it: only some are shared, and
/// who counts too much holds fewer records, not more than there is room for.
pub(super) fn fields_held(fields: &Fields) -> usize {
    let own = size_of::<(FieldName, Value)>();
    fields.iter().map(|(name, value)| own + name.held_bytes() + value.held_bytes()).sum()
}

fn exact(number: i128) -> Option<f64> {
    let float = number as f64;
    (float as i128 == number).then_some(float)
}

fn whole_and_float(number: i128, float: f64) -> Option<Ordering> {
    // Beyond the whole numbers here the cast is at an end of its range, and still in order.
    match float.fract() == 0.0 {
        true => Some(number.cmp(&(float as i128))),
        false => (number as f64).partial_cmp(&float),
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a) | Self::Time(a), Self::Text(b) | Self::Time(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::I64(a), Self::I64(b)) => a == b,
            (Self::U64(a), Self::U64(b)) => a == b,
            (Self::I64(a), Self::U64(b)) | (Self::U64(b), Self::I64(a)) => {
                u64::try_from(*a) == Ok(*b)
            }
            (Self::F64(float), number) | (number, Self::F64(float)) => {
                number.compare(*float) == Some(Ordering::Equal)
            }
            (Self::Decimal(a), Self::Decimal(b)) if a == b => true,
            (decimal @ Self::Decimal(_), number) | (number, decimal @ Self::Decimal(_)) => {
                decimal.digits().is_some_and(|digits| number.digits() == Some(digits))
            }
            _ => false,
        }
    }
}

impl From<i128> for Value {
    fn from(number: i128) -> Self {
        if let Ok(number) = i64::try_from(number) {
            return Self::I64(number);
        }
        if let Ok(number) = u64::try_from(number) {
            return Self::U64(number);
        }
        // The cast back is at the end of its range for the upper bound, which is no float.
        match exact(number).filter(|_| number != i128::MAX) {
            Some(float) => Self::F64(float),
            None => Self::Decimal(number.to_smolstr()),
        }
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(value) => match (value.as_i64(), value.as_u64()) {
                (Some(number), _) => Self::I64(number),
                (None, Some(number)) => Self::U64(number),
                (None, None) => Self::F64(value.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(value) => Self::Text(value.into()),
            Json::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Json::Object(fields) => Self::Map(
                fields.iter().map(|(name, value)| (name.as_str(), value.into())).collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_in_every_type_that_keeps_it() {
        let decimal = |digits: &str| Value::Decimal(digits.into());
        let limit = 1_i64 << 53;
        for (a, b, is_same) in [
            (Value::I64(3), Value::F64(3.0), true),
            (Value::I64(0), Value::F64(-0.0), true),
            (Value::I64(limit + 1), Value::F64(limit as f64), false),
            (Value::I64(-3), Value::F64(-3.5), false),
            (Value::U64(u64::MAX), Value::F64(u64::MAX as f64), false),
            (Value::U64(1 << 63), Value::F64(2f64.powi(63)), true),
            (Value::I64(i64::MAX), Value::F64(f64::INFINITY), false),
            (Value::F64(f64::NAN), Value::F64(f64::NAN), false),
            (decimal("1.10"), decimal("1.1"), true),
            (decimal("10.0"), Value::I64(10), true),
            (decimal("1.10"), Value::F64(1.1), true),
            (decimal("1.10"), Value::F64(1.2), false),
            (decimal("0.1000000000000000055511151231257827"), Value::F64(0.1), false),
            (decimal("-1e400"), Value::F64(f64::NEG_INFINITY), false),
            (Value::Text("1".into()), Value::I64(1), false),
            (Value::Text("1".into()), Value::Time("1".into()), true),
        ] {
            assert_eq!(a == b, is_same, "{a:?} {b:?}");
            assert_eq!(b == a, is_same, "{b:?} {a:?}");
        }
    }

    #[test]
    fn identical_is_to_the_last_bit() {
        let list = |number| Value::List(vec![Value::F64(number)]);
        assert!(list(0.0).is_identical(&list(0.0)) && !list(0.0).is_identical(&list(-0.0)));
        assert!(!list(0.1).is_identical(&list(0.1_f64.next_up())));
        assert!(Value::I64(3).is_identical(&Value::F64(3.0)));
        assert!(!Value::I64(0).is_identical(&Value::F64(-0.0)));
        assert!(Value::F64(f64::NAN).is_identical(&Value::F64(f64::NAN)));
        let decimal = |digits: &str| Value::Decimal(digits.into());
        for (digits, float) in [("-0.00", -0.0), ("0.00", 0.0), ("-1.10", -1.1)] {
            let (padded, kept) = (decimal(digits), Value::F64(float));
            assert!(padded.is_identical(&kept) && kept.is_identical(&padded), "{digits}");
            assert!(!decimal("-0.00").is_identical(&Value::F64(0.0)));
        }
    }

    #[test]
    fn numbers_are_compared_with_all_their_digits() {
        let limit = 2f64.powi(53);
        for (number, float, order) in [
            (Value::I64((1 << 53) + 1), limit, Some(Ordering::Greater)),
            (Value::I64(2), 2.5, Some(Ordering::Less)),
            (Value::U64(u64::MAX), 2f64.powi(64), Some(Ordering::Less)),
            (Value::I64(1), f64::NEG_INFINITY, Some(Ordering::Greater)),
            (Value::I64(1), f64::NAN, None),
            (Value::Decimal("0.30".into()), 0.3, Some(Ordering::Equal)),
            (Value::Decimal("-12.5".into()), -12.25, Some(Ordering::Less)),
            (Value::Decimal("1e-400".into()), 0.0, Some(Ordering::Greater)),
            (Value::Text("1".into()), 1.0, None),
        ] {
            assert_eq!(number.compare(float), order, "{number:?} {float}");
        }
    }

    #[test]
    fn a_whole_number_gets_the_smallest_type_that_keeps_it() {
        let name = |number: i128| match Value::from(number) {
            Value::I64(_) => "i64",
            Value::U64(_) => "u64",
            Value::F64(_) => "f64",
            Value::Decimal(digits) if digits == number.to_string() => "decimal",
            other => panic!("{other:?}"),
        };
        for (number, expected) in [
            (0, "i64"),
            (i128::from(i64::MIN), "i64"),
            (i128::from(i64::MAX) + 1, "u64"),
            (i128::from(u64::MAX), "u64"),
            (1 << 100, "f64"),
            ((1 << 100) + 1, "decimal"),
            (i128::from(i64::MIN) - 1, "decimal"),
            (i128::MAX, "decimal"),
            (i128::MIN, "f64"),
        ] {
            assert_eq!(name(number), expected, "{number}");
        }
    }
}
