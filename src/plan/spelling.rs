//! Plain scalars that two readers of YAML take for two things, or whose digits a number does not keep.
//!
//! `01234` is 668 in YAML 1.1, 1234 in YAML 1.2, and was meant as text; a zip code that loses its zero would be written
//! into every record. Where a value can have any type, such a spelling is reported instead of guessed.

use super::codes::{self, Code};
use super::node::{Scalar, Style, Word};

/// Reason why a spelling is not taken as it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    pub is_error: bool,
    pub message: String,
    /// The possible meanings, each as it should be written.
    pub label: String,
    /// The number that may be meant, in an unambiguous spelling.
    pub number: Option<String>,
}

impl Doubt {
    pub fn code(&self) -> &'static Code {
        if self.is_error { &codes::NUMBER_SPELLING } else { &codes::AMBIGUOUS }
    }

    fn new(is_error: bool, message: String, text: &str, number: Option<String>) -> Self {
        let label = match &number {
            Some(number) => format!("write \"{text}\" for the text, or `{number}` for the number"),
            None => format!("in quotes it is text: \"{text}\""),
        };
        Self { is_error, message, label, number }
    }
}

/// Returns what speaks against a scalar where any type can stand; `None` if it can only mean one thing.
pub(crate) fn doubt(scalar: &Scalar) -> Option<Doubt> {
    let text = scalar.text.as_str();
    match scalar.style {
        Style::Plain => lost(scalar).or_else(|| elsewhere(text)),
        _ => None,
    }
}

/// Returns what speaks against a scalar as a number.
pub(crate) fn lost(scalar: &Scalar) -> Option<Doubt> {
    let text = scalar.text.as_str();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if scalar.style != Style::Plain {
        return None;
    }
    let error = |message, number| Some(Doubt::new(true, message, text, number));
    match scalar.word() {
        Word::Integer(number) if has_leading_zero(digits) => {
            let octal = i128::from_str_radix(&text.replace('_', ""), 8).ok();
            let message = match octal.filter(|octal| *octal != number) {
                Some(octal) => {
                    format!("`{text}` is {number} to one reader of YAML and {octal} to another")
                }
                None => format!("`{text}` would become the number {number}"),
            };
            error(message, Some(number.to_string()))
        }
        Word::Float(number) if has_leading_zero(digits) => {
            error(format!("`{text}` would become the number {number}"), Some(number.to_string()))
        }
        Word::Integer(number) if number as f64 as i128 != number => {
            let kept = number as f64 as i128;
            error(
                format!("`{text}` has more digits than a number keeps: it would become {kept}"),
                None,
            )
        }
        Word::Text(_) => match other_base(digits) {
            Some(number) => {
                let sign = if text.starts_with('-') { "-" } else { "" };
                let message =
                    format!("`{text}` is text here and the number {sign}{number} elsewhere");
                error(message, Some(format!("{sign}{number}")))
            }
            None if is_no_number(digits) => error(
                format!("`{text}` is a number in YAML, and none that metadata can hold"),
                None,
            ),
            None => None,
        },
        _ => None,
    }
}

/// Finds text that YAML 1.1 and 1.2 read differently, or that loses its spelling as a number.
fn elsewhere(text: &str) -> Option<Doubt> {
    let warning = |message, number| Some(Doubt::new(false, message, text, number));
    let scalar = Scalar { text: text.into(), style: Style::Plain };
    let number = match scalar.word() {
        Word::Integer(number) => Some(number.to_string()),
        Word::Float(number) => Some(number.to_string()),
        _ => None,
    };
    let Some(number) = number else { return as_text(text).and_then(|what| warning(what, None)) };
    let has_exponent = text.contains(['e', 'E']);
    let is_padded = text.contains('.') && !has_exponent && text.ends_with('0');
    let why = match () {
        () if text.contains('_') => "and text in YAML 1.2",
        () if has_exponent => "and text in YAML 1.1",
        () if text.starts_with('+') || is_padded => "and loses its spelling",
        () => return None,
    };
    warning(format!("`{text}` is the number {number} here {why}"), Some(number))
}

/// Finds text here that YAML 1.1 takes for something else.
fn as_text(text: &str) -> Option<String> {
    let what = match text.to_ascii_lowercase().as_str() {
        "yes" | "no" | "on" | "off" | "y" | "n" => "a boolean",
        _ if is_date(text) => "a date",
        _ if is_sexagesimal(text) => "a number in base 60",
        _ => return None,
    };
    Some(format!("`{text}` is text here and {what} in YAML 1.1"))
}

fn has_leading_zero(digits: &str) -> bool {
    let rest = digits.strip_prefix('0').unwrap_or_default();
    rest.starts_with(|c: char| c.is_ascii_digit() || c == '_')
}

fn other_base(digits: &str) -> Option<u128> {
    let base = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)];
    let (prefix, radix) = base.into_iter().find(|(prefix, _)| digits.starts_with(prefix))?;
    u128::from_str_radix(&digits[prefix.len()..].replace('_', ""), radix).ok()
}

fn is_no_number(digits: &str) -> bool {
    matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}

/// Returns whether the text is a date like `2026-11-26`, with or without a time behind it.
fn is_date(text: &str) -> bool {
    let day = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<_> = day.split('-').collect();
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    matches!(parts.as_slice(), [year, month, day] if year.len() == 4 && digits(year, 4) && digits(month, 2) && digits(day, 2))
}

/// Returns whether the text is like `12:30`, `1:59:00` or `190:20:30.15`.
fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.strip_prefix(['-', '+']).unwrap_or(text).split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let is_sixtieth = |part: &&str| {
        let whole = part.split('.').next().unwrap_or_default();
        (1..=2).contains(&whole.len()) && whole.parse::<u8>().is_ok_and(|value| value < 60)
    };
    !rest.is_empty()
        && !first.is_empty()
        && first.bytes().all(|byte| byte.is_ascii_digit())
        && rest.iter().all(is_sixtieth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<Doubt> {
        doubt(&Scalar { text: text.into(), style: Style::Plain })
    }

    #[test]
    fn what_two_readers_take_for_two_things_is_an_error() {
        for (text, number) in [
            ("01234", "1234"),
            ("007", "7"),
            ("-08", "-8"),
            ("00.5", "0.5"),
            ("0_1", "1"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("-0b11", "-3"),
        ] {
            let doubt = plain(text).unwrap_or_else(|| panic!("{text}"));
            assert!(doubt.is_error, "{text}");
            assert!(doubt.label.contains(&format!("`{number}`")), "{text}: {}", doubt.label);
        }
        assert!(plain("01234").unwrap().message.contains("668"));
        for text in [".inf", "-.INF", ".nan", "9007199254740993"] {
            assert!(plain(text).is_some_and(|doubt| doubt.is_error), "{text}");
        }
    }

    #[test]
    fn what_another_reader_takes_for_something_else_is_a_warning() {
        for text in [
            "1_000",
            "1e3",
            "1.5E3",
            "+49",
            "1.10",
            "2.0",
            "yes",
            "No",
            "off",
            "y",
            "2026-11-26",
            "2026-11-26T10:00:00Z",
            "12:30",
            "1:59:00",
            "190:20:30.15",
        ] {
            assert!(plain(text).is_some_and(|doubt| !doubt.is_error), "{text}");
        }
    }

    #[test]
    fn what_means_one_thing_is_taken() {
        for text in [
            "0",
            "7",
            "-7",
            "0.5",
            "-0.25",
            "9007199254740992",
            "true",
            "en",
            "a7",
            "none",
            "1.2.3",
            "08/15",
            "10:99",
            "host:80",
            "2026-11",
            "x0123",
            "0123abc",
            "1e",
            "~",
            "",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
        assert_eq!(doubt(&Scalar { text: "01234".into(), style: Style::Quoted }), None);
    }
}
