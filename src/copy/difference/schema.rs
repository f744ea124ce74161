//! Compares the metadata fields of both sides and their types.

use std::collections::{BTreeMap, BTreeSet};

use super::stored;
use crate::model::{Record, Value};

/// The most fields tracked, for indexes whose field names are data; beyond that, the result says that there are more.
const MOST_FIELDS: usize = 10_000;

/// The metadata fields of both sides with their types, over records that exist on both.
///
/// Only sets of types are stored, so memory is bounded by the number of fields, of which at most 10,000 are tracked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schemas {
    fields: BTreeMap<String, [BTreeSet<&'static str>; 2]>,
    has_more: bool,
}

/// A field whose types differ between the sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    pub field: String,
    /// Type names in order; empty if the side does not have the field.
    pub source: Vec<&'static str>,
    pub target: Vec<&'static str>,
}

impl Schemas {
    /// Adds a record in the form in which it should have arrived and as it did.
    pub fn record(&mut self, expected: &Record, seen: &Record) {
        for (side, record) in [expected, seen].into_iter().enumerate() {
            for field in record.metadata.0.keys() {
                let Some(value) = stored(record, field) else { continue };
                self.insert(side, field, type_name(value));
            }
        }
    }

    fn insert(&mut self, side: usize, field: &str, name: &'static str) {
        if let Some(types) = self.fields.get_mut(field) {
            types[side].insert(name);
        } else if self.fields.len() < MOST_FIELDS {
            self.fields.entry(field.to_owned()).or_default()[side].insert(name);
        } else {
            self.has_more = true;
        }
    }

    pub fn add(&mut self, other: Self) {
        self.has_more |= other.has_more;
        for (field, sides) in other.fields {
            for (side, types) in sides.into_iter().enumerate() {
                types.into_iter().for_each(|name| self.insert(side, &field, name));
            }
        }
    }

    /// Returns the number of fields tracked.
    pub fn fields(&self) -> usize {
        self.fields.len()
    }

    /// Returns whether there were more fields than are tracked.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Returns the fields whose sets of types differ, ordered by name.
    pub fn drifts(&self) -> impl Iterator<Item = Drift> + '_ {
        self.fields.iter().filter(|(_, [source, target])| source != target).map(
            |(field, [source, target])| Drift {
                field: field.clone(),
                source: source.iter().copied().collect(),
                target: target.iter().copied().collect(),
            },
        )
    }
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |types: &[&'static str]| match types {
            [] => "absent".to_owned(),
            types => types.join(" or "),
        };
        write!(
            f,
            "metadata field `{}` is {} in the source and {} in the target",
            self.field,
            words(&self.source),
            words(&self.target)
        )
    }
}

/// Returns the type as a filter sees it; an empty list is still a list of strings.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::List(items) if items.iter().all(|item| matches!(item, Value::Text(_))) => {
            "list of strings"
        }
        value => value.type_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RecordId, Vectors};

    fn record(metadata: &str) -> Record {
        Record {
            id: RecordId::new("a"),
            vectors: Vectors::default(),
            metadata: serde_json::from_str(metadata).unwrap(),
        }
    }

    fn drifts(pairs: &[(&str, &str)]) -> Vec<String> {
        let mut schemas = Schemas::default();
        for (source, target) in pairs {
            let mut one = Schemas::default();
            one.record(&record(source), &record(target));
            schemas.add(one);
        }
        schemas.drifts().map(|drift| drift.to_string()).collect()
    }

    #[test]
    fn the_same_types_are_no_drift_whatever_the_values() {
        let source = r#"{"a":1,"b":"x","c":true,"d":["x"],"n":null}"#;
        assert!(drifts(&[(source, r#"{"a":2,"b":"","c":false,"d":[]}"#)]).is_empty());
        // Both types occur on each side, in different records.
        assert!(
            drifts(&[(r#"{"a":1}"#, r#"{"a":"x"}"#), (r#"{"a":"x"}"#, r#"{"a":1}"#)]).is_empty()
        );
    }

    #[test]
    fn a_type_that_only_one_side_has_is_a_drift() {
        let found = drifts(&[
            (r#"{"a":1,"b":1}"#, r#"{"a":"1","b":1}"#),
            (r#"{"b":"x"}"#, r#"{"b":2,"c":["x"]}"#),
        ]);
        assert_eq!(
            found,
            [
                "metadata field `a` is number in the source and string in the target",
                "metadata field `b` is number or string in the source and number in the target",
                "metadata field `c` is absent in the source and list of strings in the target",
            ]
        );
    }

    #[test]
    fn memory_is_bounded_by_fields() {
        let mut schemas = Schemas::default();
        for n in 0..MOST_FIELDS + 5 {
            let one = record(&format!(r#"{{"f{n}":1}}"#));
            schemas.record(&one, &one);
        }
        assert_eq!((schemas.fields(), schemas.has_more()), (MOST_FIELDS, true));
    }
}
