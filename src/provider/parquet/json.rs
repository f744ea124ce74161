//! Metadata in JSON text, read without loss: a whole number keeps its digits, and no field occurs twice.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result};
use crate::model::{Metadata, MetadataValue};

/// Reads the metadata of one record. Empty text and `null` are none.
pub(super) fn metadata(text: &str) -> Result<Metadata> {
    if text.is_empty() {
        return Ok(Metadata::default());
    }
    let not = |why: &str| Error::invalid(format!("the metadata is {why}"));
    match serde_json::from_str(text).map_err(|error| not("not JSON").with_source(error))? {
        Exact(MetadataValue::Object(fields)) => Ok(Metadata(fields)),
        Exact(MetadataValue::Null) => Ok(Metadata::default()),
        Exact(other) => Err(not(&format!("a {}, not a JSON object", other.type_name()))),
    }
}

struct Exact(MetadataValue);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ExactVisitor).map(Self)
    }
}

struct ExactVisitor;

impl<'de> Visitor<'de> for ExactVisitor {
    type Value = MetadataValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<MetadataValue, E> {
        Ok(MetadataValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<MetadataValue, E> {
        Ok(MetadataValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<MetadataValue, E> {
        Ok(i128::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<MetadataValue, E> {
        Ok(i128::from(value).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<MetadataValue, E> {
        Ok(MetadataValue::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<MetadataValue, E> {
        Ok(MetadataValue::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<MetadataValue, A::Error> {
        let mut list = Vec::new();
        while let Some(Exact(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(MetadataValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<MetadataValue, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((name, Exact(value))) = fields.next_entry::<String, Exact>()? {
            match object.entry(name) {
                Entry::Vacant(free) => _ = free.insert(value),
                Entry::Occupied(taken) => {
                    let twice = format!("the field `{}` is there twice", taken.key());
                    return Err(A::Error::custom(twice));
                }
            }
        }
        Ok(MetadataValue::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_without_a_loss() {
        let read = metadata(r#"{"a":9007199254740993,"b":9007199254740992,"c":[-1,"x",null]}"#);
        let read = read.unwrap();
        assert_eq!(read.get("a"), Some(&MetadataValue::Digits("9007199254740993".into())));
        assert_eq!(read.get("b"), Some(&MetadataValue::Number(9_007_199_254_740_992.0)));
        let list =
            [MetadataValue::Number(-1.0), MetadataValue::String("x".into()), MetadataValue::Null];
        assert_eq!(read.get("c"), Some(&MetadataValue::List(list.to_vec())));
        assert!(metadata("").unwrap().is_empty() && metadata("null").unwrap().is_empty());
        for (text, part) in
            [("[1]", "a list, not a JSON object"), ("{", "not JSON"), (r#"{"a":1,"a":1}"#, "twice")]
        {
            let error = metadata(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
