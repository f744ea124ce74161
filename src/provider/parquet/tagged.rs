//! Values that JSON has not, in files of our own: each stands as an object of one field that says what it is.
//!
//! The file's note says that there are such objects. An object of the record that looks like one stands in another, so that
//! nothing is taken for what it is not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::error::{Error, Result};
use crate::model::{Fields, Metadata, Value};

/// Bytes, as base64.
const BYTES: &str = "$bytes";
/// A number that is infinite or none, as its word.
const NUMBER: &str = "$number";
/// An object that looks like a tag.
const MAP: &str = "$map";

const INFINITE: [(&str, f64); 3] =
    [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

/// Returns metadata whose values are all of JSON; `None` if they are already.
pub(super) fn tag(metadata: &Metadata) -> Option<Metadata> {
    tag_fields(&metadata.0).map(Metadata)
}

/// Returns metadata as it was before [`tag`].
///
/// # Errors
/// `Invalid`, naming the field whose tag cannot be read.
pub(super) fn untag(Metadata(fields): Metadata) -> Result<Metadata> {
    untag_fields(fields).map(Metadata)
}

fn tag_value(value: &Value) -> Option<Value> {
    match value {
        Value::Bytes(bytes) => Some(of(BYTES, Value::Text(BASE64_STANDARD.encode(bytes).into()))),
        Value::F64(number) if !number.is_finite() => {
            let is_it =
                |one: &f64| one.is_nan() == number.is_nan() && (one.is_nan() || one == number);
            let word = INFINITE.iter().find(|(_, one)| is_it(one)).map_or("NaN", |(word, _)| word);
            Some(of(NUMBER, Value::Text(word.into())))
        }
        Value::List(items) => {
            let tagged: Vec<_> = items.iter().map(tag_value).collect();
            tagged.iter().any(Option::is_some).then(|| {
                let all = tagged.into_iter().zip(items);
                Value::List(
                    all.map(|(tagged, item)| tagged.unwrap_or_else(|| item.clone())).collect(),
                )
            })
        }
        Value::Map(fields) if is_like_a_tag(fields) => {
            let inside = tag_fields(fields).unwrap_or_else(|| fields.clone());
            Some(of(MAP, Value::Map(inside)))
        }
        Value::Map(fields) => tag_fields(fields).map(Value::Map),
        _ => None,
    }
}

fn tag_fields(fields: &Fields) -> Option<Fields> {
    let tagged: Vec<_> = fields.iter().map(|(_, value)| tag_value(value)).collect();
    tagged.iter().any(Option::is_some).then(|| {
        let all = tagged.into_iter().zip(fields);
        all.map(|(tagged, (name, value))| (name.clone(), tagged.unwrap_or_else(|| value.clone())))
            .collect()
    })
}

fn of(tag: &str, value: Value) -> Value {
    Value::Map(Fields::from([(tag, value)]))
}

fn is_like_a_tag(fields: &Fields) -> bool {
    fields.len() == 1 && fields.keys().all(|name| [BYTES, NUMBER, MAP].contains(&name.as_str()))
}

fn untag_value(value: Value) -> Result<Value> {
    Ok(match value {
        Value::List(items) => {
            Value::List(items.into_iter().map(untag_value).collect::<Result<_>>()?)
        }
        Value::Map(fields) if is_like_a_tag(&fields) => {
            let unread = || Error::invalid("a value of the metadata cannot be read by its tag");
            let (name, value) = fields.into_iter().next().ok_or_else(unread)?;
            match (name.as_str(), value) {
                (BYTES, Value::Text(text)) => {
                    let bytes = BASE64_STANDARD.decode(text.as_bytes());
                    Value::Bytes(bytes.map_err(|error| unread().with_source(error))?.into())
                }
                (NUMBER, Value::Text(word)) => {
                    let found = INFINITE.iter().find(|(known, _)| *known == &*word);
                    Value::F64(found.ok_or_else(unread)?.1)
                }
                (MAP, Value::Map(inside)) => Value::Map(untag_fields(inside)?),
                _ => return Err(unread()),
            }
        }
        Value::Map(fields) => Value::Map(untag_fields(fields)?),
        other => other,
    })
}

fn untag_fields(fields: Fields) -> Result<Fields> {
    let untagged = fields.into_iter().map(|(name, value)| {
        let value = untag_value(value).map_err(|error| error.with_context("field", &name))?;
        Ok((name, value))
    });
    untagged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(value: Value) -> Metadata {
        Metadata(Fields::from([("field", value), ("other", Value::Null)]))
    }

    #[test]
    fn what_json_has_stays_as_it_is() {
        let plain = Value::Map(Fields::from([("$bytes", Value::Null), ("b", Value::U64(1))]));
        for value in [Value::Text("text".into()), Value::F64(0.5), Value::List(vec![plain])] {
            assert_eq!(tag(&metadata(value)), None);
        }
    }

    #[test]
    fn what_json_has_not_comes_back_and_nothing_is_taken_for_it() {
        let bytes = Value::Bytes(b"\x00\xff".as_slice().into());
        let like_one = of(BYTES, Value::Text("AP8=".into()));
        let values = [
            bytes.clone(),
            Value::F64(f64::INFINITY),
            Value::F64(f64::NEG_INFINITY),
            like_one.clone(),
            of(MAP, of(MAP, bytes.clone())),
            of(NUMBER, Value::U64(1)),
            Value::List(vec![Value::Null, bytes, like_one]),
        ];
        for value in values {
            let tagged = tag(&metadata(value.clone())).unwrap();
            tagged.write_json(&mut String::new()).unwrap();
            assert_eq!(untag(tagged).unwrap(), metadata(value));
        }
        let none = untag(tag(&metadata(Value::F64(f64::NAN))).unwrap()).unwrap();
        assert!(matches!(none.get("field"), Some(Value::F64(number)) if number.is_nan()));
    }

    #[test]
    fn a_tag_that_was_tampered_with_is_an_error() {
        for value in [Value::Text("not base64!".into()), Value::U64(1)] {
            assert!(untag(metadata(of(BYTES, value))).is_err());
        }
        assert!(untag(metadata(of(NUMBER, Value::Text("many".into())))).is_err());
    }
}
