//! Summarises metadata fields, for the audit's schema and for choosing fields to split a namespace by.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Record, Value};

/// The most distinct values counted per field; beyond that the field has "more".
const DISTINCT: usize = 1_000;
/// The most fields tracked, for indexes whose field names are data.
const MOST_FIELDS: usize = 1_000;
/// The number of most frequent values listed per field.
const TOP: usize = 10;
/// The longest string listed; longer ones are distinguished by their beginning and length.
const LONGEST_LISTED: usize = 64;
/// The largest integer up to which every integer is exact: numbers are f64.
const SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;

/// The summary of one metadata field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct FieldSummary {
    pub name: String,
    /// The number of records per type of value: `null`, `boolean`, `number`, `string`, `list`, `object`.
    pub types: BTreeMap<&'static str, u64>,
    /// Records that have the field.
    pub present: u64,
    pub present_share: f64,
    /// Distinct values, or distinct items for lists, counted up to 1,000.
    pub distinct: usize,
    /// Whether there are more than were counted.
    pub more_distinct: bool,
    /// The smallest number.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The most frequent values, most frequent first, then by value; long strings are left out.
    pub top_values: Vec<ValueCount>,
    /// The size of the largest value as compact JSON.
    pub largest_bytes: usize,
    /// Whole numbers beyond 2^53, where adjacent integers are no longer distinct.
    pub unsafe_integers: u64,
}

/// A value and the number of records that have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ValueCount {
    pub value: Value,
    pub records: u64,
}

/// Collects fields record by record. Memory is bounded: 1,000 fields with 1,000 values each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    records: u64,
    fields: BTreeMap<String, Field>,
    has_more: bool,
}

#[derive(Clone, Debug, Default)]
struct Field {
    types: BTreeMap<&'static str, u64>,
    present: u64,
    values: BTreeMap<String, ValueCount>,
    more_distinct: bool,
    min: Option<f64>,
    max: Option<f64>,
    largest_bytes: usize,
    unsafe_integers: u64,
}

impl Fields {
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut fields = Self::default();
        records.into_iter().for_each(|record| fields.add(record));
        fields
    }

    pub fn add(&mut self, record: &Record) {
        self.records += 1;
        for (name, value) in &record.metadata.0 {
            if let Some(field) = self.fields.get_mut(name.as_str()) {
                field.add(value);
            } else if self.fields.len() < MOST_FIELDS {
                self.fields.entry(name.to_string()).or_default().add(value);
            } else {
                self.has_more = true;
            }
        }
    }

    /// Returns whether there were more fields than are tracked.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Returns the summaries, ordered by field name.
    pub fn summaries(&self) -> Vec<FieldSummary> {
        let summary = |(name, field): (&String, &Field)| field.summary(name, self.records);
        self.fields.iter().map(summary).collect()
    }
}

impl Field {
    fn add(&mut self, value: &Value) {
        *self.types.entry(value.type_name()).or_default() += 1;
        self.present += 1;
        let text = serde_json::to_string(value).unwrap_or_default();
        self.largest_bytes = self.largest_bytes.max(text.len());
        match value {
            Value::List(items) => {
                for (at, item) in items.iter().enumerate().filter(|(_, item)| is_scalar(item)) {
                    // An item that occurs twice in a list is counted once per record.
                    if !items[..at].contains(item) {
                        self.count(item);
                    }
                }
            }
            value if is_scalar(value) => self.count(value),
            _ => {}
        }
    }

    fn count(&mut self, value: &Value) {
        if let Some(number) = value.nearest_f64() {
            self.min = Some(self.min.map_or(number, |min| min.min(number)));
            self.max = Some(self.max.map_or(number, |max| max.max(number)));
            let is_unsafe = number.fract() == 0.0 && number.abs() >= SAFE_INTEGER;
            self.unsafe_integers += u64::from(is_unsafe);
        }
        let key = key(value);
        if let Some(known) = self.values.get_mut(&key) {
            known.records += 1;
        } else if self.values.len() < DISTINCT {
            let listed = if is_listed(value) { value.clone() } else { Value::Null };
            self.values.insert(key, ValueCount { value: listed, records: 1 });
        } else {
            self.more_distinct = true;
        }
    }

    fn summary(&self, name: &str, records: u64) -> FieldSummary {
        let mut top: Vec<_> =
            self.values.values().filter(|one| one.value != Value::Null).cloned().collect();
        // The map is ordered by value, and a stable sort keeps that order among equals.
        top.sort_by_key(|one| std::cmp::Reverse(one.records));
        top.truncate(TOP);
        FieldSummary {
            name: name.to_owned(),
            types: self.types.clone(),
            present: self.present,
            present_share: self.present as f64 / records.max(1) as f64,
            distinct: self.values.len(),
            more_distinct: self.more_distinct,
            min: self.min,
            max: self.max,
            top_values: top,
            largest_bytes: self.largest_bytes,
            unsafe_integers: self.unsafe_integers,
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Text(_)) || value.nearest_f64().is_some()
}

fn is_listed(value: &Value) -> bool {
    !matches!(value, Value::Text(text) if text.len() > LONGEST_LISTED)
}

/// Returns a short key for a value. Two long strings with the same beginning and length get the same key.
fn key(value: &Value) -> String {
    match value {
        Value::Text(text) if text.len() > LONGEST_LISTED => {
            let beginning: String = text.chars().take(LONGEST_LISTED).collect();
            format!("\"{beginning}…{}", text.len())
        }
        value => serde_json::to_string(value).unwrap_or_default(),
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

    fn summaries(records: &[&str]) -> BTreeMap<String, FieldSummary> {
        let records: Vec<_> = records.iter().map(|text| record(text)).collect();
        let all = Fields::of(&records).summaries();
        all.into_iter().map(|field| (field.name.clone(), field)).collect()
    }

    #[test]
    fn a_field_is_told_by_its_types_values_and_range() {
        let fields = summaries(&[
            r#"{"n":3,"s":"a","l":["x","y","x"]}"#,
            r#"{"n":-1.5,"s":"b","l":["x"]}"#,
            r#"{"n":"three","s":"a"}"#,
            r#"{"n":9007199254740993,"s":"a","o":{"p":1},"z":null}"#,
        ]);
        let n = &fields["n"];
        assert_eq!(n.types, [("number", 3), ("string", 1)].into());
        assert_eq!((n.min, n.max), (Some(-1.5), Some(9_007_199_254_740_992.0)));
        assert_eq!((n.distinct, n.unsafe_integers, n.present_share), (4, 1, 1.0));
        let top = &fields["s"].top_values;
        assert_eq!((top[0].records, &top[0].value), (3, &Value::Text("a".into())));
        let items: Vec<_> = fields["l"].top_values.iter().map(|one| one.records).collect();
        assert_eq!((items, fields["l"].present_share), (vec![2, 1], 0.5));
        assert_eq!((fields["o"].types["object"], fields["z"].types["null"]), (1, 1));
        assert_eq!((fields["o"].distinct, fields["z"].distinct), (0, 0));
    }

    #[test]
    fn memory_is_bounded_and_says_so() {
        let mut fields = Fields::default();
        for n in 0..DISTINCT + 5 {
            fields.add(&record(&format!(r#"{{"id":{n},"field {n}":1}}"#)));
        }
        let summary = fields.summaries().into_iter().find(|field| field.name == "id").unwrap();
        assert_eq!((summary.distinct, summary.more_distinct), (DISTINCT, true));
        assert_eq!((summary.max, summary.top_values.len()), (Some(1_004.0), TOP));
        assert_eq!((fields.summaries().len(), fields.has_more()), (MOST_FIELDS, true));
    }

    #[test]
    fn long_texts_are_counted_and_not_listed() {
        let text = |end: &str| format!(r#"{{"t":"{}{end}"}}"#, "x".repeat(70));
        let field = &summaries(&[&text(""), &text("y"), &text("")])["t"];
        assert_eq!((field.distinct, field.top_values.len(), field.largest_bytes), (2, 0, 73));
    }
}
