//! Values with their units, printed for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::number;

/// An observed value, in the base unit of its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    Seconds(#[serde(with = "number")] f64),
    /// A part of the whole, 0 to 1.
    Share(#[serde(with = "number")] f64),
    Number(#[serde(with = "number")] f64),
    Bytes(#[serde(with = "number")] f64),
    /// US dollars.
    Dollars(#[serde(with = "number")] f64),
    /// Events a second.
    PerSecond(#[serde(with = "number")] f64),
    Bool(bool),
    Word(String),
    /// A latency that is not known, because the query at that rank was never answered. Meets no threshold.
    Unanswered,
}

/// One measured metric, or why it could not be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredValue {
    /// `samples` is the number of things looked at: 0 of 0 is no data, whatever the value says.
    Value {
        observed: Observed,
        samples: u64,
    },
    NotMeasured {
        reason: String,
    },
}

/// Writes a count of things: `1 namespace`, `1,204 queries`.
pub fn plural(number: u64, word: &str) -> String {
    let number_of = Observed::count(number);
    match (number, word.strip_suffix("ry")) {
        (1, _) => format!("{number_of} {word}"),
        (_, Some(stem)) => format!("{number_of} {stem}ries"),
        (_, None) => format!("{number_of} {word}s"),
    }
}

impl Observed {
    /// Returns a count as an [`Observed::Number`].
    pub fn count(count: u64) -> Self {
        Self::Number(count as f64)
    }

    /// Returns the number in its base unit; `None` for words, truth values and unanswered queries.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Seconds(value)
            | Self::Share(value)
            | Self::Number(value)
            | Self::Bytes(value)
            | Self::Dollars(value)
            | Self::PerSecond(value) => Some(*value),
            Self::Bool(_) | Self::Word(_) | Self::Unanswered => None,
        }
    }

    /// Returns the same kind of value with another number; words and truth values stay as they are.
    pub fn with_number(&self, number: f64) -> Self {
        match self {
            Self::Seconds(_) => Self::Seconds(number),
            Self::Share(_) => Self::Share(number),
            Self::Number(_) => Self::Number(number),
            Self::Bytes(_) => Self::Bytes(number),
            Self::Dollars(_) => Self::Dollars(number),
            Self::PerSecond(_) => Self::PerSecond(number),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(value) if value.abs() >= 1.0 => write!(f, "{} s", rounded(*value)),
            Self::Seconds(value) => write!(f, "{} ms", rounded(value * 1e3)),
            Self::Share(value) => write!(f, "{} %", rounded(value * 100.0)),
            Self::Number(value) => f.write_str(&rounded(*value)),
            Self::Bytes(value) => fmt_bytes(f, *value),
            Self::Dollars(value) if *value < 0.0 => {
                write!(f, "-${}", grouped(&format!("{:.2}", -value)))
            }
            Self::Dollars(value) => write!(f, "${}", grouped(&format!("{value:.2}"))),
            Self::PerSecond(value) => write!(f, "{}/s", rounded(*value)),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Word(word) => f.write_str(word),
            Self::Unanswered => f.write_str("no answer"),
        }
    }
}

fn fmt_bytes(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    match units.iter().find(|(_, factor)| value.abs() >= *factor) {
        Some((unit, factor)) => write!(f, "{} {unit}", rounded(value / factor)),
        None => write!(f, "{} B", rounded(value)),
    }
}

/// Writes whole numbers in full, others with about four significant digits, thousands apart. Tiny ones in scientific notation.
fn rounded(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return value.to_string();
    }
    if size != 0.0 && size < 1e-3 {
        return format!("{value:.2e}");
    }
    let decimals = match size {
        _ if value.fract() == 0.0 => 0,
        s if s >= 1000.0 => 0,
        s if s >= 10.0 => 1,
        s if s >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    grouped(text)
}

fn grouped(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (digits, String::new()),
    };
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        let cases = [
            (Observed::Seconds(0.0872), "87.2 ms"),
            (Observed::Seconds(0.00042), "0.42 ms"),
            (Observed::Seconds(12.34), "12.3 s"),
            (Observed::Share(0.004), "0.4 %"),
            (Observed::Share(1.0), "100 %"),
            (Observed::Share(0.99749), "99.7 %"),
            (Observed::Number(1_204_311.0), "1,204,311"),
            (Observed::Number(-1234.0), "-1,234"),
            (Observed::Number(0.9931), "0.9931"),
            (Observed::Number(0.0), "0"),
            (Observed::Number(3e-7), "3.00e-7"),
            (Observed::Bytes(40_960.0), "41 kB"),
            (Observed::Dollars(60.4), "$60.40"),
            (Observed::Dollars(-1204.5), "-$1,204.50"),
            (Observed::PerSecond(1200.0), "1,200/s"),
            (Observed::Bool(true), "true"),
            (Observed::Word("cosine".into()), "cosine"),
            (Observed::Unanswered, "no answer"),
        ];
        for (observed, text) in cases {
            assert_eq!(observed.to_string(), text);
        }
    }

    #[test]
    fn json_brings_every_value_back() {
        for value in [0.1, 5.0, f64::INFINITY, f64::NEG_INFINITY] {
            let text = serde_json::to_string(&Observed::Number(value)).unwrap();
            assert_eq!(
                serde_json::from_str::<Observed>(&text).unwrap(),
                Observed::Number(value),
                "{text}"
            );
        }
        let text = serde_json::to_string(&Observed::Share(f64::NAN)).unwrap();
        let back: Observed = serde_json::from_str(&text).unwrap();
        assert!(matches!(back, Observed::Share(value) if value.is_nan()));
    }
}
