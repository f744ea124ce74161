//! Quantities with their units, as a plan writes them: `90s 10m 24h 7d`, `2 MB`, `2 MiB`, `20/s`, `5%`, `$150`.
//!
//! Each parses from and prints to the same words, so a resolved plan is stable text.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reason why a text is not the quantity it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError {
    pub message: String,
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UnitError {}

/// A length of time: `250ms`, `90s`, `10m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes: `2 MB` is 2,000,000, `2 MiB` is 2,097,152.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Events a second: `20/s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

/// A part of the whole, 0 to 1 inside and `0%` to `100%` outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// US dollars: `$150`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Money(pub f64);

impl Share {
    /// The smallest difference of two shares that counts.
    const TOLERANCE: f64 = 1e-6;

    pub fn percent(self) -> f64 {
        self.0 * 100.0
    }

    /// Returns whether both are the same apart from rounding errors.
    pub fn is_same(self, other: Self) -> bool {
        (self.0 - other.0).abs() < Self::TOLERANCE
    }
}

const SPANS: [(&str, f64); 5] =
    [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

const NANOS: [(&str, u128); 5] = [
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SIZES: [(&str, f64); 9] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

/// Splits `12.5 MB` into the digits and the unit; digits may be grouped with `_`.
fn parts(text: &str) -> (String, &str) {
    let text = text.trim();
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    (text[..end].replace('_', ""), text[end..].trim())
}

/// Splits a text as [`parts`] does and reads the digits as a number.
fn split(text: &str) -> Option<(f64, &str)> {
    let (digits, unit) = parts(text);
    Some((digits.parse().ok()?, unit))
}

fn scaled(text: &str, units: &[(&str, f64)], what: &str, example: &str) -> Result<f64, UnitError> {
    let names = || units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let (number, unit) = split(text)
        .ok_or_else(|| UnitError { message: format!("not {what}: write it like `{example}`") })?;
    if unit.is_empty() {
        let message =
            format!("a bare number is not {what}: add a unit ({}), like `{example}`", names());
        return Err(UnitError { message });
    }
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => Ok(number * factor),
        None => Err(UnitError {
            message: format!("unknown unit `{unit}` for {what}: use one of {}", names()),
        }),
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        scaled(text, &SPANS, "a duration", "90s")?;
        let (digits, unit) = parts(text);
        let factor = NANOS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        factor
            .and_then(|factor| nanos(&digits, factor))
            .and_then(|nanos| u64::try_from(nanos).ok())
            .map(|nanos| Self(Duration::from_nanos(nanos)))
            .ok_or_else(|| UnitError { message: "a duration this long cannot be kept".into() })
    }
}

/// Reads digits with an optional fraction as nanoseconds, exactly: a float would lose some.
fn nanos(digits: &str, factor: u128) -> Option<u128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<u128>().ok(),
    };
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = number(fraction)?.checked_mul(factor)? / scale;
    number(whole)?.checked_mul(factor)?.checked_add(part)
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let bytes = scaled(text, &SIZES, "a size", "2 MB")?;
        Ok(Self(bytes.round() as u64))
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let units = [("/s", 1.0), ("/m", 1.0 / 60.0), ("/h", 1.0 / 3600.0)];
        scaled(text, &units, "a rate", "20/s").map(Self)
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let percent = scaled(text, &[("%", 1.0)], "a share", "5%")?;
        if percent > 100.0 {
            return Err(UnitError { message: "a share is at most 100%".into() });
        }
        Ok(Self(percent / 100.0))
    }
}

impl FromStr for Money {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || match split(text) {
            Some((_, "")) => UnitError {
                message: "a bare number is not an amount of money: add the currency, like `$150`"
                    .into(),
            },
            _ => UnitError { message: "not an amount of money: write it like `$150`".into() },
        };
        let digits = text.trim().strip_prefix('$').ok_or_else(error)?;
        match split(digits) {
            Some((dollars, "")) => Ok(Self(dollars)),
            _ => Err(error()),
        }
    }
}

/// Writes the number with the largest unit that keeps it whole, else with the smallest one.
fn fmt_scaled(
    f: &mut fmt::Formatter<'_>,
    value: f64,
    units: &[(&str, f64)],
    gap: &str,
) -> fmt::Result {
    let whole = |factor: f64| {
        let scaled = value / factor;
        scaled >= 1.0 && (scaled - scaled.round()).abs() < 1e-9
    };
    let (name, factor) = units.iter().rev().find(|(_, factor)| whole(*factor)).unwrap_or(&units[0]);
    let scaled = value / factor;
    if (scaled - scaled.round()).abs() < 1e-9 {
        write!(f, "{}{gap}{name}", scaled.round())
    } else {
        write!(f, "{scaled}{gap}{name}")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        match NANOS.iter().rev().find(|(_, factor)| nanos.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", nanos / factor),
            None => {
                let fraction = format!("{:06}", nanos % 1_000_000);
                write!(f, "{}.{}ms", nanos / 1_000_000, fraction.trim_end_matches('0'))
            }
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_scaled(f, self.0 as f64, &[("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)], " ")
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = (self.percent() * 1e9).round() / 1e9;
        write!(f, "{percent}%")
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.fract() == 0.0 { write!(f, "${}", self.0) } else { write!(f, "${:.2}", self.0) }
    }
}

macro_rules! as_text {
    ($($name:ident $format:literal $example:literal)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "examples": [$example] })
            }
        }
    )*};
}

as_text! {
    Span "vecshift-duration" "90s"
    ByteSize "vecshift-size" "2 MB"
    Rate "vecshift-rate" "20/s"
    Share "vecshift-share" "5%"
    Money "vecshift-money" "$150"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_were() {
        for text in ["250ms", "90s", "10m", "24h", "7d"] {
            let span: Span = text.parse().unwrap();
            let again: Span = span.to_string().parse().unwrap();
            assert_eq!(span, again, "{text}");
        }
        assert_eq!("1.5ms".parse::<Span>().unwrap().to_string(), "1.5ms");
        assert_eq!("1.5h".parse::<Span>().unwrap().to_string(), "90m");
        assert_eq!("24h".parse::<Span>().unwrap().to_string(), "1d");
        assert_eq!("2 MB".parse::<ByteSize>().unwrap(), ByteSize(2_000_000));
        assert_eq!("2 MiB".parse::<ByteSize>().unwrap(), ByteSize(2_097_152));
        assert_eq!("5%".parse::<Share>().unwrap().to_string(), "5%");
        assert_eq!("20/s".parse::<Rate>().unwrap(), Rate(20.0));
        assert_eq!("$150".parse::<Money>().unwrap().to_string(), "$150");
    }

    #[test]
    fn a_bare_number_says_which_units_fit() {
        let error = "90".parse::<Span>().unwrap_err();
        assert_eq!(
            error.message,
            "a bare number is not a duration: add a unit (ms, s, m, h, d), like `90s`"
        );
    }
}
