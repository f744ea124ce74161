//! Casts a metadata value to another type, or says why it cannot be cast. Nothing is rounded or guessed.

use crate::model::MetadataValue;
use crate::plan::file::Cast;

/// The largest integer up to which every integer is exact in an f64.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Converts `value` to `to`. Null stays null, since it is not a value.
///
/// # Errors
/// The reason, without the value, which may be personal.
pub(super) fn cast(value: MetadataValue, to: Cast) -> Result<MetadataValue, String> {
    if value == MetadataValue::Null {
        return Ok(value);
    }
    match to {
        Cast::Number => number(value),
        Cast::String => text(value).map(MetadataValue::String),
        Cast::Bool => boolean(value),
        Cast::List => list(value),
    }
}

fn number(value: MetadataValue) -> Result<MetadataValue, String> {
    match value {
        MetadataValue::Number(_) => Ok(value),
        MetadataValue::String(text) => match text.trim() {
            text if !is_decimal(text) => Err("the text is not a number".to_owned()),
            text => {
                let number: f64 =
                    text.parse().map_err(|_| "the text is not a number".to_owned())?;
                let is_exact = match text.parse::<i128>() {
                    Ok(whole) => number as i128 == whole,
                    Err(_) => !is_whole(text) && number.is_finite(),
                };
                match is_exact {
                    true => Ok(MetadataValue::Number(number)),
                    false => Err("the number has more digits than a number keeps".to_owned()),
                }
            }
        },
        other => Err(cannot(&other, "number")),
    }
}

/// Returns whether a text is a decimal number: digits with at most a sign, a point and an exponent, not `inf` or `nan`.
fn is_decimal(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

fn is_whole(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte))
}

fn text(value: MetadataValue) -> Result<String, String> {
    match value {
        MetadataValue::String(text) | MetadataValue::Digits(text) => Ok(text),
        MetadataValue::Bool(value) => Ok(value.to_string()),
        MetadataValue::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            Ok((number as i64).to_string())
        }
        MetadataValue::Number(number) => match serde_json::Number::from_f64(number) {
            Some(number) => Ok(number.to_string()),
            None => Err("the number is not finite".to_owned()),
        },
        other => Err(cannot(&other, "string")),
    }
}

fn boolean(value: MetadataValue) -> Result<MetadataValue, String> {
    let is_true = match &value {
        MetadataValue::Bool(value) => *value,
        MetadataValue::Number(number) if *number == 1.0 => true,
        MetadataValue::Number(number) if *number == 0.0 => false,
        MetadataValue::Number(_) => return Err("the number is neither 0 nor 1".to_owned()),
        MetadataValue::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err("the text is neither `true` nor `false`".to_owned()),
        },
        other => return Err(cannot(other, "bool")),
    };
    Ok(MetadataValue::Bool(is_true))
}

/// Converts to a list of strings, the only kind of list an index stores. A single value becomes a list of one.
fn list(value: MetadataValue) -> Result<MetadataValue, String> {
    let items = match value {
        MetadataValue::List(items) => items,
        MetadataValue::Object(_) => return Err(cannot(&value, "list")),
        single => vec![single],
    };
    let items = items.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    Ok(MetadataValue::List(items.into_iter().map(MetadataValue::String).collect()))
}

fn cannot(value: &MetadataValue, to: &str) -> String {
    format!("a {} cannot become a {to}", value.type_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cast_json(value: serde_json::Value, to: Cast) -> Result<serde_json::Value, String> {
        cast(MetadataValue::from(&value), to).map(|value| json!(value))
    }

    #[test]
    fn what_can_be_cast() {
        for (from, to, expected) in [
            (json!("2020"), Cast::Number, json!(2020.0)),
            (json!(" -1.5e3 "), Cast::Number, json!(-1500.0)),
            (json!(7), Cast::Number, json!(7.0)),
            (json!(2020), Cast::String, json!("2020")),
            (json!(0.5), Cast::String, json!("0.5")),
            (json!(true), Cast::String, json!("true")),
            (json!("TRUE"), Cast::Bool, json!(true)),
            (json!(0), Cast::Bool, json!(false)),
            (json!("a"), Cast::List, json!(["a"])),
            (json!([1, "b", true]), Cast::List, json!(["1", "b", "true"])),
            (json!([]), Cast::List, json!([])),
            (json!(null), Cast::Number, json!(null)),
        ] {
            assert_eq!(cast_json(from.clone(), to), Ok(expected), "{from}");
        }
    }

    #[test]
    fn what_would_be_guessed_or_rounded_is_refused() {
        for (from, to) in [
            (json!(""), Cast::Number),
            (json!("nan"), Cast::Number),
            (json!("inf"), Cast::Number),
            (json!("1e999"), Cast::Number),
            (json!("12 000"), Cast::Number),
            (json!("9007199254740993"), Cast::Number),
            (json!("1".repeat(60)), Cast::Number),
            (json!(true), Cast::Number),
            (json!(["a"]), Cast::String),
            (json!("yes"), Cast::Bool),
            (json!(2), Cast::Bool),
            (json!({"a": 1}), Cast::List),
            (json!([["a"]]), Cast::List),
        ] {
            assert!(cast_json(from.clone(), to).is_err(), "{from} to {to:?}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn a_number_survives_being_text(number in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
            let text = cast(MetadataValue::Number(number), Cast::String).unwrap();
            // -0 is printed as 0.
            proptest::prop_assert_eq!(cast(text, Cast::Number), Ok(MetadataValue::Number(number)));
        }
    }
}
