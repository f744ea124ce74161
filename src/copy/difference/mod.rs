//! How two records differ: a single difference, in the form in which a verification's artifact stores it.

mod schema;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

pub use self::schema::{Drift, Schemas};
use self::values::{Apart, Furthest, Shape, between, same_metadata};
use crate::model::{
    Comparing, Enumeration, FieldName, FieldTally, Namespace, Record, RecordId, Shard, Value,
    VectorName,
};
use crate::text::{apart, named};

/// The most characters of a metadata value shown in a sentence, around the place where two differ; the artifact has all of
/// it.
const SHOWN_CHARS: usize = 40;

/// A single difference in one record: a line of the artifact. A record can have several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub source_namespace: Namespace,
    pub target_namespace: Namespace,
    pub id: RecordId,
    pub kind: DifferenceKind,
    /// The vector that differs, if its store has several of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<String>,
    /// The metadata field that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The component, or the index of the sparse value, that differs most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The size of that difference; absent if a value is missing or is not a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<f64>,
    /// The number of components or sparse values whose bits differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differing: Option<u64>,
    /// The value of the field, component or entry that should have arrived; `null` if there is none.
    #[serde(default)]
    pub source: Json,
    /// The value in the target.
    #[serde(default)]
    pub target: Json,
    /// The difference in a few words.
    pub detail: String,
}

/// The kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    Missing,
    Extra,
    Vector,
    Sparse,
    Metadata,
}

impl Difference {
    fn new(
        (source, target): (&Namespace, &Namespace),
        id: &RecordId,
        kind: DifferenceKind,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            source_namespace: source.clone(),
            target_namespace: target.clone(),
            id: id.clone(),
            kind,
            vector: None,
            field: None,
            index: None,
            difference: None,
            differing: None,
            source: Json::Null,
            target: Json::Null,
            detail: detail.into(),
        }
    }

    pub(super) fn missing(shard: &Shard, id: &RecordId) -> Self {
        let between = (&shard.source, &shard.target);
        Self::new(between, id, DifferenceKind::Missing, "not in the target")
    }

    pub(super) fn extra(source: &Namespace, target: &Namespace, id: &RecordId) -> Self {
        Self::new((source, target), id, DifferenceKind::Extra, "not in the source")
    }

    fn of_values(shard: &Shard, id: &RecordId, name: &VectorName, at: Furthest) -> Self {
        let (kind, thing) = match at.is_sparse {
            true => (DifferenceKind::Sparse, "sparse value"),
            false => (DifferenceKind::Vector, "component"),
        };
        let shown =
            |value: Option<f32>| value.map_or("absent".to_owned(), |value| format!("{value:?}"));
        let mut detail = format!(
            "{thing} {}{} is {}, not {}",
            at.index,
            of(name),
            shown(at.target),
            shown(at.source)
        );
        if at.by.is_finite() {
            detail.push_str(&format!(", off by {:.3e}", at.by));
        }
        if at.differing > 1 {
            detail.push_str(&format!("; {} differ", at.differing));
        }
        Self {
            vector: told(name),
            index: Some(at.index),
            difference: Some(at.by).filter(|by| by.is_finite()),
            differing: Some(at.differing),
            source: json!(at.source),
            target: json!(at.target),
            ..Self::new((&shard.source, &shard.target), id, kind, detail)
        }
    }

    fn of_shape(
        shard: &Shard,
        id: &RecordId,
        name: &VectorName,
        (source, target): (Shape, Shape),
    ) -> Self {
        let detail = format!("{source}{} became {target}", of(name));
        Self {
            vector: told(name),
            source: json!(source),
            target: json!(target),
            ..Self::new((&shard.source, &shard.target), id, DifferenceKind::Vector, detail)
        }
    }

    fn of_field(
        shard: &Shard,
        id: &RecordId,
        field: &str,
        (source, target): (Option<&Value>, Option<&Value>),
    ) -> Self {
        let words = |value: Option<&Value>| {
            value.map_or("absent".to_owned(), |value| {
                serde_json::to_string(value).unwrap_or_default()
            })
        };
        let [ours, theirs] = apart(&words(source), &words(target), SHOWN_CHARS);
        let detail = format!("metadata field `{}` is {theirs}, not {ours}", named(field));
        Self {
            field: Some(field.to_owned()),
            source: json!(source),
            target: json!(target),
            ..Self::new((&shard.source, &shard.target), id, DifferenceKind::Metadata, detail)
        }
    }
}

/// What the comparison of each vector field came to, by its name in the target.
pub type Tallies = BTreeMap<VectorName, FieldTally>;

/// Returns whether two records are equal in this comparison.
pub(super) fn is_same(expected: &Record, seen: &Record, comparing: &Comparing) -> bool {
    let namespace = Namespace::new("");
    let shard = Shard {
        source: namespace.clone(),
        cell: 0,
        target: namespace,
        enumeration: Enumeration::Collection,
        expected: 0,
    };
    differences(&shard, expected, seen, comparing, &mut Tallies::new()).is_empty()
}

/// Returns every difference between a record as it should have arrived and as it is. The tallies have the largest difference
/// of one component, even if the comparison lets it pass.
pub(super) fn differences(
    shard: &Shard,
    expected: &Record,
    seen: &Record,
    comparing: &Comparing,
    tallies: &mut Tallies,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for name in names(expected, seen) {
        let likeness = comparing.of(name.as_str());
        let (ours, theirs) = (expected.vectors.get(name.as_str()), seen.vectors.get(name.as_str()));
        let (by, difference) = match between(likeness, ours, theirs) {
            None => (0.0, None),
            Some(Apart::At(at)) => {
                let of = || Difference::of_values(shard, &expected.id, name, at);
                (at.by, at.is_beyond(likeness).then(of))
            }
            Some(Apart::Shape(ours, theirs)) => {
                let of = Difference::of_shape(shard, &expected.id, name, (ours, theirs));
                (f64::INFINITY, Some(of))
            }
        };
        let differing = u64::from(difference.is_some());
        let one = FieldTally { compared: 1, differing, max_difference: by };
        match tallies.get_mut(name.as_str()) {
            Some(tally) => tally.add(one),
            None => _ = tallies.insert(name.clone(), one),
        }
        found.extend(difference);
    }
    found.extend(fields(shard, expected, seen, comparing.is_exact()));
    found
}

/// The names of the vectors of both sides, in order.
fn names<'a>(expected: &'a Record, seen: &'a Record) -> BTreeSet<&'a VectorName> {
    expected.vectors.iter().chain(seen.vectors.iter()).map(|(name, _)| name).collect()
}

/// The name where it says something.
fn told(name: &VectorName) -> Option<String> {
    (!name.is_only()).then(|| name.to_string())
}

fn of(name: &VectorName) -> String {
    told(name).map(|name| format!(" of `{name}`")).unwrap_or_default()
}

fn fields<'a>(
    shard: &'a Shard,
    expected: &'a Record,
    seen: &'a Record,
    is_exact: bool,
) -> impl Iterator<Item = Difference> + 'a {
    let names: BTreeSet<&FieldName> =
        expected.metadata.0.keys().chain(seen.metadata.0.keys()).collect();
    names.into_iter().filter_map(move |name| {
        let (ours, theirs) = (stored(expected, name), stored(seen, name));
        let is_same = match (ours, theirs) {
            (Some(ours), Some(theirs)) => same_metadata(ours, theirs, is_exact),
            (None, None) => true,
            _ => false,
        };
        (!is_same).then(|| Difference::of_field(shard, &expected.id, name, (ours, theirs)))
    })
}

/// Returns a field as an index stores it: members that are null are dropped.
fn stored<'a>(record: &'a Record, field: &str) -> Option<&'a Value> {
    record.metadata.get(field).filter(|value| **value != Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Likeness, Metadata, Vector, Vectors};

    #[test]
    fn a_record_of_which_a_store_keeps_the_direction_is_the_same_record() {
        let record = |values: [f32; 2]| Record {
            id: RecordId::from("a"),
            vectors: Vectors::plain(Vector::from_values(values), None),
            metadata: Metadata::default(),
        };
        let (given, kept, other) = (record([3.0, 4.0]), record([0.6, 0.8]), record([0.8, 0.6]));
        for (likeness, wanted) in [
            (Likeness::Bits, false),
            (Likeness::Unit, true),
            (Likeness::Direction, true),
            (Likeness::Tolerance(0.1), false),
        ] {
            let comparing = Comparing::all(likeness);
            assert_eq!(is_same(&given, &kept, &comparing), wanted, "{likeness:?}");
            assert!(!is_same(&given, &other, &comparing), "{likeness:?}");
        }
    }
}
