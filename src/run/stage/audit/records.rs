//! Sizes and shapes of sampled records.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::{IdKind, Namespace, Record, RecordId, Value};
use crate::run::sample::Sampled;

/// The number of largest records listed.
const LARGEST: usize = 5;

/// The size of one record.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RecordSize {
    pub namespace: Namespace,
    pub id: RecordId,
    /// The size billed by the service.
    pub bytes: usize,
    pub metadata_bytes: usize,
    pub sparse_values: usize,
}

/// Statistics of ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Ids {
    /// The kinds they are of.
    pub kinds: BTreeSet<IdKind>,
    /// Characters in the longest id.
    pub longest: usize,
    /// Ids with a space, a slash, a percent sign or a control character. The service accepts them, but tools that put
    /// ids into URLs or lines may not handle them.
    pub unusual: u64,
    pub unusual_example: Option<RecordId>,
}

/// Statistics of sparse values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Sparse {
    /// Records with sparse values.
    pub records: u64,
    /// The largest number of sparse values in a record.
    pub most_values: usize,
}

pub(super) fn largest(sampled: &[Sampled]) -> Vec<RecordSize> {
    let size = |one: &Sampled| RecordSize {
        namespace: one.mapping.source.clone(),
        id: one.record.id.clone(),
        bytes: one.record.stored_bytes(),
        metadata_bytes: one.record.metadata.json_bytes(),
        sparse_values: one.record.sparse().map_or(0, |sparse| sparse.len()),
    };
    let mut sizes: Vec<_> = sampled.iter().map(size).collect();
    sizes.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.id.cmp(&b.id)));
    sizes.truncate(LARGEST);
    sizes
}

impl Ids {
    pub fn of<'a>(ids: impl IntoIterator<Item = &'a RecordId>) -> Self {
        let mut all = Self::default();
        for id in ids {
            let text = id.text();
            all.longest = all.longest.max(text.chars().count());
            all.kinds.insert(id.kind());
            let is_unusual = text.contains(|letter: char| {
                matches!(letter, ' ' | '/' | '%') || letter.is_ascii_control()
            });
            if is_unusual {
                all.unusual += 1;
                all.unusual_example.get_or_insert_with(|| id.clone());
            }
        }
        all
    }
}

impl Sparse {
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        records.into_iter().filter_map(Record::sparse).fold(Self::default(), |all, sparse| Self {
            records: all.records + 1,
            most_values: all.most_values.max(sparse.len()),
        })
    }
}

/// Returns the fields that are nested in some record (an object, or a list of more than texts), and those that are null in
/// some, each in order.
pub(super) fn complex(sampled: &[Sampled]) -> (Vec<String>, Vec<String>) {
    let (mut nested, mut null) = (BTreeSet::new(), BTreeSet::new());
    for (name, value) in sampled.iter().flat_map(|one| &one.record.metadata.0) {
        let fields = match value {
            Value::Null => &mut null,
            Value::Map(_) => &mut nested,
            Value::List(items) if !items.iter().all(|item| matches!(item, Value::Text(_))) => {
                &mut nested
            }
            _ => continue,
        };
        if !fields.contains(name.as_str()) {
            fields.insert(name.to_string());
        }
    }
    (nested.into_iter().collect(), null.into_iter().collect())
}

pub(super) fn mean_bytes(sampled: &[Sampled]) -> f64 {
    let total: usize = sampled.iter().map(|one| one.record.stored_bytes()).sum();
    total as f64 / sampled.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_by_what_becomes_of_them() {
        let ids: Vec<RecordId> =
            ["a", "b c", "d/e", "f%", "g\n", "é", "h\0", ""].map(RecordId::new).to_vec();
        let mut long = vec![RecordId::new("x".repeat(512)), RecordId::new("y".repeat(513))];
        long.extend(ids);
        let all = Ids::of(&long);
        assert_eq!((all.longest, all.unusual), (513, 5));
        assert_eq!(all.unusual_example, Some(RecordId::new("b c")));
    }

    #[test]
    fn nested_fields_and_null_ones_are_named_once() {
        let sampled = |metadata: &str| Sampled {
            mapping: crate::copy::Mapping {
                source: Namespace::new("n"),
                target: Namespace::new("n"),
                records: 1,
            },
            record: Record {
                id: RecordId::new("a"),
                vectors: Default::default(),
                metadata: serde_json::from_str(metadata).unwrap(),
            },
        };
        let all = [
            sampled(r#"{"ok":1,"list":["a"],"mixed":["a",1],"object":{"a":1}}"#),
            sampled(r#"{"object":{},"none":null,"ok":null}"#),
        ];
        let (nested, null) = complex(&all);
        assert_eq!(nested, ["mixed", "object"]);
        assert_eq!(null, ["none", "ok"]);
    }
}
