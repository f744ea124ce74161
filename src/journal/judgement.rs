//! One judged assertion.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Span, StageId, Verdict};
use crate::plan::{Place, Severity};

/// A measured value with its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    Number(f64),
    Seconds(f64),
    Bytes(f64),
    Share(f64),
    PerSecond(f64),
    Dollars(f64),
    Bool(bool),
    Word(String),
}

/// What judging one assertion came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub stage: StageId,
    /// The canary step, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The stage's try, from 1.
    pub attempt: u32,
    /// The assertion's id in its stage.
    pub assertion: String,
    /// The assertion as the plan has it.
    pub text: String,
    pub severity: Severity,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// The right-hand side as it was applied, for example `< 100 ms` or `<= 1.2x source (83.1 ms)`.
    pub threshold: String,
    /// Samples behind the observed value.
    pub n: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// For example `1 of 2 tolerated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated: Option<String>,
    /// Why there is no observed value, or why it is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub place: Place,
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => f.write_str(&number(*value)),
            Self::Seconds(value) => f.write_str(&seconds(*value)),
            Self::Bytes(value) => f.write_str(&bytes(*value)),
            Self::Share(value) => write!(f, "{} %", significant(value * 100.0)),
            Self::PerSecond(value) => write!(f, "{}/s", significant(*value)),
            Self::Dollars(value) => write!(f, "${value:.2}"),
            Self::Bool(value) => value.fmt(f),
            Self::Word(value) => f.write_str(value),
        }
    }
}

/// Whole numbers in groups of three, others with four significant digits.
fn number(value: f64) -> String {
    if value.fract() != 0.0 || value.abs() >= 1e15 {
        return significant(value);
    }
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 { format!("-{grouped}") } else { grouped }
}

fn seconds(value: f64) -> String {
    match value {
        v if v >= 1.0 => format!("{} s", significant(v)),
        v => format!("{} ms", significant(v * 1000.0)),
    }
}

fn bytes(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{} GB", significant(v / 1e9)),
        v if v >= 1e6 => format!("{} MB", significant(v / 1e6)),
        v if v >= 1e3 => format!("{} kB", significant(v / 1e3)),
        v => format!("{v:.0} B"),
    }
}

/// At most four significant digits, without trailing zeros.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor() as i32;
    if magnitude < -4 {
        return format!("{value:.2e}");
    }
    let decimals = usize::try_from(3 - magnitude).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        let texts = [
            Observed::Number(1_204_311.0),
            Observed::Number(0.0),
            Observed::Number(0.9987),
            Observed::Seconds(0.0871),
            Observed::Seconds(12.5),
            Observed::Share(0.0041),
            Observed::Bytes(15_100_000_000.0),
            Observed::Dollars(60.4),
        ]
        .map(|observed| observed.to_string());
        assert_eq!(
            texts,
            ["1,204,311", "0", "0.9987", "87.1 ms", "12.5 s", "0.41 %", "15.1 GB", "$60.40"]
        );
    }
}
