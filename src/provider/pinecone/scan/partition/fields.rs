//! Finds the fields by which a sample of records can be split, the most promising first.

use std::collections::BTreeMap;

use crate::model::filter::Scalar;
use crate::model::{Record, Value};

/// A metadata field of a sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub name: String,
    /// Its numbers in ascending order, with repetitions.
    pub numbers: Vec<f64>,
    /// Its other values, including the items of lists, with the number of records that have each.
    pub values: Vec<(Scalar, u64)>,
    /// Whether some record has a list.
    pub has_lists: bool,
    /// Records that have the field.
    pub present: u64,
    /// The number of sampled records in the largest group that shares one value or lacks the field.
    largest: u64,
}

impl Field {
    /// Returns whether it holds nothing but numbers.
    pub fn is_numeric(&self) -> bool {
        self.values.is_empty() && !self.numbers.is_empty()
    }
}

/// Returns the fields of `sampled` that can be filtered by, those that spread the records most evenly first, and
/// numbers first among equals.
pub(super) fn fields_of(sampled: &[Record], indexed: Option<&[String]>) -> Vec<Field> {
    let mut values: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (name, value) in sampled.iter().flat_map(|record| &record.metadata.0) {
        let is_indexed = indexed.is_none_or(|fields| fields.iter().any(|field| **field == **name));
        // A field named like an operator cannot be filtered by.
        if is_indexed && !name.starts_with('$') {
            values.entry(name).or_default().push(value);
        }
    }
    let mut fields: Vec<Field> = values
        .into_iter()
        .map(|(name, values)| field_of(name, &values, sampled.len() as u64))
        .filter(|field| !field.numbers.is_empty() || !field.values.is_empty())
        .collect();
    fields.sort_by(|a, b| {
        (a.largest, !a.is_numeric(), &a.name).cmp(&(b.largest, !b.is_numeric(), &b.name))
    });
    fields
}

fn field_of(name: &str, values: &[&Value], sampled: u64) -> Field {
    let mut numbers = Vec::new();
    let mut counts: BTreeMap<String, (Scalar, u64)> = BTreeMap::new();
    let mut has_lists = false;
    let mut add = |value: Scalar| {
        counts.entry(value.to_string()).or_insert((value, 0)).1 += 1;
    };
    let mut present = 0;
    for value in values {
        present += 1;
        match value {
            Value::Bool(value) => add(Scalar::Bool(*value)),
            Value::Text(text) => add(Scalar::Text(text.to_string())),
            Value::List(items) => {
                has_lists = true;
                for item in items {
                    if let Value::Text(text) = item {
                        add(Scalar::Text(text.to_string()));
                    }
                }
            }
            value => match value.as_f64() {
                Some(number) => numbers.push(number),
                None => present -= 1,
            },
        }
    }
    numbers.sort_by(f64::total_cmp);
    let mut values: Vec<(Scalar, u64)> = counts.into_values().collect();
    if !values.is_empty() {
        values.extend(runs(&numbers).map(|(number, count)| (Scalar::Number(number), count)));
    }
    let most_number = runs(&numbers).map(|(_, count)| count).max().unwrap_or(0);
    let most_value = values.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let largest = most_number.max(most_value).max(sampled - present);
    Field { name: name.to_owned(), numbers, values, has_lists, present, largest }
}

/// Groups equal numbers of a sorted list and counts each group.
fn runs(numbers: &[f64]) -> impl Iterator<Item = (f64, u64)> {
    numbers.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, RecordId, Vectors};
    use serde_json::{Value as Json, json};

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.to_owned())
    }

    fn records(metadata: &[Json]) -> Vec<Record> {
        let record = |metadata: &Json| Record {
            id: RecordId::new("a"),
            vectors: Vectors::default(),
            metadata: serde_json::from_value::<Metadata>(metadata.clone()).unwrap(),
        };
        metadata.iter().map(record).collect()
    }

    #[test]
    fn the_field_that_spreads_best_comes_first() {
        let sampled = records(&[
            json!({"kind": "a", "year": 1.0, "same": true, "rare": 1.0}),
            json!({"kind": "a", "year": 2.0, "same": true}),
            json!({"kind": "b", "year": 3.0, "same": true}),
            json!({"kind": "b", "year": 4.0, "same": true}),
        ]);
        let names: Vec<_> = fields_of(&sampled, None).into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["year", "kind", "rare", "same"]);
        let only = fields_of(&sampled, Some(&["same".to_owned()]));
        assert_eq!(only.len(), 1);
    }

    #[test]
    fn items_of_lists_count_and_mixed_fields_are_no_numbers() {
        let sampled = records(&[
            json!({"tags": ["a", "b"], "code": 1.0}),
            json!({"tags": ["b"], "code": "x"}),
            json!({"tags": [], "code": 1.0}),
        ]);
        let fields = fields_of(&sampled, None);
        let tags = fields.iter().find(|field| field.name == "tags").unwrap();
        assert!(tags.has_lists && tags.present == 3);
        assert_eq!(tags.values, [(text("a"), 1), (text("b"), 2)]);
        let code = fields.iter().find(|field| field.name == "code").unwrap();
        assert!(!code.is_numeric());
        assert_eq!(code.values, [(text("x"), 1), (Scalar::Number(1.0), 2)]);
    }
}
