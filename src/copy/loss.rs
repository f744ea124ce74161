//! What becomes of values that the target does not keep, in the plan's words.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use crate::model::{FieldName, Fields, Rare, Value};
use crate::plan::file::{AsBytes, AsLists, AsNested, AsNulls, AsNumbers, AsTimes, MetadataChanges};

/// The plan's words, each for all fields of all records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Losses {
    nulls: Option<AsNulls>,
    nested: Option<AsNested>,
    lists: Option<AsLists>,
    numbers: Option<AsNumbers>,
    times: Option<AsTimes>,
    bytes: Option<AsBytes>,
}

impl Losses {
    pub fn new(asked: &MetadataChanges) -> Self {
        Self {
            nulls: asked.nulls,
            nested: asked.nested,
            lists: asked.lists,
            numbers: asked.numbers,
            times: asked.times,
            bytes: asked.bytes,
        }
    }

    /// Returns whether fields of an object become fields of the record.
    pub fn flattens(&self) -> bool {
        self.nested == Some(AsNested::Flatten)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Changes all fields.
    ///
    /// # Errors
    /// The reason why a field cannot be changed, without its value, which may be personal.
    pub fn change(&self, fields: Fields) -> Result<Fields, String> {
        let mut changed = Fields::default();
        for (name, value) in fields {
            self.put(name, value, &mut changed)?;
        }
        Ok(changed)
    }

    fn put(&self, name: FieldName, value: Value, into: &mut Fields) -> Result<(), String> {
        let value = match (value, self.nested) {
            (Value::Map(members), Some(AsNested::Flatten)) => {
                for (member, value) in members {
                    self.put(format!("{name}.{member}").into(), value, into)?;
                }
                return Ok(());
            }
            (Value::Map(_), Some(AsNested::Drop)) => return Ok(()),
            (nested @ Value::Map(_), Some(AsNested::JsonText)) => {
                self.json(&name, nested).map(Some)
            }
            (value, _) => self.value(&name, value),
        };
        let Some(value) = value? else { return Ok(()) };
        match into.insert(name.clone(), value) {
            None => Ok(()),
            Some(_) => {
                Err(format!("cannot flatten the metadata: the record has two fields `{name}` then"))
            }
        }
    }

    /// Changes a value that is not flattened; `None` leaves it out.
    fn value(&self, name: &str, value: Value) -> Result<Option<Value>, String> {
        let value = match value {
            Value::Null => return Ok((self.nulls != Some(AsNulls::Drop)).then_some(Value::Null)),
            Value::Bytes(_) if self.bytes == Some(AsBytes::Drop) => return Ok(None),
            Value::List(items) => {
                let items = items.into_iter().map(|item| Ok(self.number(self.within(name, item)?)));
                Value::List(items.collect::<Result<_, String>>()?)
            }
            value => self.number(self.within(name, value)?),
        };
        match self.lists.filter(|_| value.rare() == Some(Rare::List)) {
            Some(AsLists::Drop) => Ok(None),
            Some(AsLists::JsonText) => self.json(name, value).map(Some),
            None => Ok(Some(value)),
        }
    }

    /// Changes times and bytes, at any depth.
    fn within(&self, name: &str, value: Value) -> Result<Value, String> {
        Ok(match value {
            Value::Time(text) => match self.times {
                None => Value::Time(text),
                Some(AsTimes::Text) => Value::Text(text),
                Some(AsTimes::EpochMs) => {
                    let instant: Timestamp = text.parse().map_err(|_| {
                        format!("cannot make milliseconds of the metadata field `{name}`: it is no moment in time")
                    })?;
                    Value::I64(instant.as_millisecond())
                }
            },
            Value::Bytes(bytes) if self.bytes == Some(AsBytes::Base64) => {
                Value::Text(BASE64_STANDARD.encode(bytes).into())
            }
            Value::List(items) => {
                let items = items.into_iter().map(|item| self.within(name, item));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Value::Map(fields) => {
                let fields = fields
                    .into_iter()
                    .map(|(member, value)| Ok((member, self.within(name, value)?)));
                Value::Map(fields.collect::<Result<_, String>>()?)
            }
            value => value,
        })
    }

    fn number(&self, value: Value) -> Value {
        let is_long = value.nearest_f64().is_some_and(f64::is_finite) && value.as_f64().is_none();
        match self.numbers.filter(|_| is_long) {
            None => value,
            Some(AsNumbers::Round) => value.nearest_f64().map_or(value, Value::F64),
            Some(AsNumbers::Text) => {
                let mut digits = String::new();
                // A finite number can be written.
                let _ = value.write_json(&mut digits);
                Value::Text(digits.into())
            }
        }
    }

    fn json(&self, name: &str, value: Value) -> Result<Value, String> {
        let mut text = String::new();
        let value = self.within(name, value)?;
        let written = value.write_json(&mut text);
        written.map_err(|what| {
            format!("cannot write the metadata field `{name}` as JSON: it holds {what}")
        })?;
        Ok(Value::Text(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> Fields {
        let bytes = || Value::Bytes(vec![0, 255].into());
        let time = || Value::Time("2026-01-01T00:00:00.25Z".into());
        let nested = [
            ("a", Value::I64(1)),
            ("b", Value::Map([("c", time())].into())),
            ("none", Value::Null),
        ];
        [
            ("bytes", bytes()),
            ("long", Value::I64(9_007_199_254_740_993)),
            ("mixed", Value::List(vec![Value::Text("x".into()), Value::I64(2), time()])),
            ("nested", Value::Map(nested.map(|(name, value)| (name.to_owned(), value)).into())),
            ("none", Value::Null),
            ("price", Value::Decimal("1.10".into())),
            ("tags", Value::List(vec![Value::Text("x".into())])),
            ("time", time()),
            ("years", Value::List(vec![time()])),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn changed(words: serde_json::Value) -> Result<serde_json::Value, String> {
        let asked: MetadataChanges = serde_json::from_value(words).unwrap();
        Losses::new(&asked).change(fields()).map(|fields| json!(fields))
    }

    fn rare(fields: &Fields) -> Vec<Rare> {
        let mut found: Vec<_> = fields.values().filter_map(Value::rare).collect();
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn without_a_word_nothing_changes() {
        let asked = MetadataChanges::default();
        assert!(Losses::new(&asked).is_empty());
        assert_eq!(Losses::new(&asked).change(fields()), Ok(fields()));
        let all = [Rare::Null, Rare::Nested, Rare::List, Rare::Number, Rare::Time, Rare::Bytes];
        assert_eq!(rare(&fields()), all);
    }

    #[test]
    fn each_word_is_about_its_own_kind() {
        let of = |words| changed(words).unwrap();
        let none = of(json!({ "nulls": "drop" }));
        assert!(none.get("none").is_none() && none["nested"].get("none").is_some());
        let flat = of(json!({ "nested": "flatten" }));
        assert_eq!((&flat["nested.a"], flat.get("nested")), (&json!(1), None));
        assert_eq!(flat["nested.b.c"], json!("2026-01-01T00:00:00.25Z"));
        let text = of(json!({ "nested": "json_text", "times": "epoch_ms" }));
        assert_eq!(text["nested"], json!(r#"{"a":1,"b":{"c":1767225600250},"none":null}"#));
        assert_eq!(text["time"], json!(1_767_225_600_250_i64));
        assert!(of(json!({ "nested": "drop" })).get("nested").is_none());
        let lists = of(json!({ "lists": "json_text" }));
        assert_eq!(lists["mixed"], json!(r#"["x",2,"2026-01-01T00:00:00.25Z"]"#));
        assert_eq!(lists["tags"], json!(["x"]));
        assert!(of(json!({ "lists": "drop" })).get("mixed").is_none());
        assert_eq!(of(json!({ "numbers": "text" }))["long"], json!("9007199254740993"));
        let rounded = of(json!({ "numbers": "round" }));
        assert_eq!(
            (&rounded["long"], &rounded["price"]),
            (&json!(9_007_199_254_740_992.0), &json!(1.1))
        );
        assert_eq!(of(json!({ "bytes": "base64" }))["bytes"], json!("AP8="));
        assert!(of(json!({ "bytes": "drop" })).get("bytes").is_none());
    }

    #[test]
    fn all_words_together_leave_nothing_rare() {
        let words = json!({
            "nulls": "drop", "nested": "flatten", "lists": "json_text", "numbers": "text", "times": "text", "bytes": "base64"
        });
        let asked: MetadataChanges = serde_json::from_value(words).unwrap();
        let changed = Losses::new(&asked).change(fields()).unwrap();
        assert_eq!(rare(&changed), []);
        // A list of times is one of texts then.
        assert!(matches!(changed.get("years"), Some(Value::List(_))));
    }

    #[test]
    fn what_cannot_be_changed_is_refused_with_the_field() {
        let losses = |words: serde_json::Value| {
            Losses::new(&serde_json::from_value::<MetadataChanges>(words).unwrap())
        };
        let twice: Fields = [
            ("a".to_owned(), Value::Map([("b".to_owned(), Value::I64(1))].into())),
            ("a.b".to_owned(), Value::I64(2)),
        ]
        .into();
        let flatten = losses(json!({ "nested": "flatten" }));
        assert!(flatten.change(twice).unwrap_err().contains("two fields `a.b`"));
        let never: Fields = [("t".to_owned(), Value::Time("infinity".into()))].into();
        let epoch = losses(json!({ "times": "epoch_ms" }));
        assert!(epoch.change(never).unwrap_err().contains("`t`"));
    }
}
