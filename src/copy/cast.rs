//! Casts a metadata value to another type, or says why it cannot be cast. Nothing is rounded or guessed.

use smol_str::{SmolStr, ToSmolStr};

use crate::model::Value;
use crate::plan::file::Cast;

/// The largest integer up to which every integer is exact in an f64.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Converts `value` to `to`. Null stays null, since it is not a value.
///
/// # Errors
/// The reason, without the value, which may be personal.
pub(super) fn cast(value: Value, to: Cast) -> Result<Value, String> {
    if value == Value::Null {
        return Ok(value);
    }
    match to {
        Cast::Number => number(value),
        Cast::String => text(value).map(Value::Text),
        Cast::Bool => boolean(value),
        Cast::List => list(value),
    }
}

fn number(value: Value) -> Result<Value, String> {
    match value {
        Value::I64(_) | Value::U64(_) | Value::F64(_) => Ok(value),
        Value::Decimal(_) => match value.as_f64() {
            Some(number) => Ok(Value::F64(number)),
            None => Err("the number has more digits than a number keeps".to_owned()),
        },
        Value::Text(text) => match text.trim() {
            text if !is_decimal(text) => Err("the text is not a number".to_owned()),
            text => {
                let number: f64 =
                    text.parse().map_err(|_| "the text is not a number".to_owned())?;
                let is_exact = match text.parse::<i128>() {
                    Ok(whole) => number as i128 == whole,
                    Err(_) => !is_whole(text) && number.is_finite(),
                };
                match is_exact {
                    true => Ok(Value::F64(number)),
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

fn text(value: Value) -> Result<SmolStr, String> {
    match value {
        Value::Text(text) | Value::Decimal(text) | Value::Time(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_smolstr()),
        Value::I64(number) => Ok(number.to_smolstr()),
        Value::U64(number) => Ok(number.to_smolstr()),
        Value::F64(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            Ok((number as i64).to_smolstr())
        }
        Value::F64(number) => match serde_json::Number::from_f64(number) {
            Some(number) => Ok(number.to_smolstr()),
            None => Err("the number is not finite".to_owned()),
        },
        other => Err(cannot(&other, "string")),
    }
}

fn boolean(value: Value) -> Result<Value, String> {
    let is_true = match &value {
        Value::Bool(value) => *value,
        number if *number == Value::I64(1) => true,
        number if *number == Value::I64(0) => false,
        Value::I64(_) | Value::U64(_) | Value::F64(_) => {
            return Err("the number is neither 0 nor 1".to_owned());
        }
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err("the text is neither `true` nor `false`".to_owned()),
        },
        other => return Err(cannot(other, "bool")),
    };
    Ok(Value::Bool(is_true))
}

/// Converts to a list of strings, the only kind of list an index stores. A single value becomes a list of one.
fn list(value: Value) -> Result<Value, String> {
    let items = match value {
        Value::List(items) => items,
        Value::Map(_) => return Err(cannot(&value, "list")),
        single => vec![single],
    };
    let items = items.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::List(items.into_iter().map(Value::Text).collect()))
}

fn cannot(value: &Value, to: &str) -> String {
    format!("a {} cannot become a {to}", value.type_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cast_json(value: serde_json::Value, to: Cast) -> Result<serde_json::Value, String> {
        cast(Value::from(&value), to).map(|value| json!(value))
    }

    #[test]
    fn what_can_be_cast() {
        for (from, to, expected) in [
            (json!("2020"), Cast::Number, json!(2020.0)),
            (json!(" -1.5e3 "), Cast::Number, json!(-1500.0)),
            (json!(7), Cast::Number, json!(7)),
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
            let text = cast(Value::F64(number), Cast::String).unwrap();
            // -0 is printed as 0.
            proptest::prop_assert_eq!(cast(text, Cast::Number), Ok(Value::F64(number)));
        }
    }
}
