//! Reasons why a target refuses a record, counted by rule.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{IdKind, Namespace, Observed, Rare, RecordId, Value, VectorName};

/// Most ids that are shown as examples.
const EXAMPLES: usize = 5;

/// A rule that a record breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A namespace that the target has no place for.
    Namespace,
    /// The length or the characters of the id.
    Id,
    /// The kind of the id: text, number or UUID.
    IdKind,
    /// A metadata field that is called like an operator of filters.
    MetadataKey,
    /// A value that an index does not keep: a number that is none, or what its column does not take.
    MetadataValue,
    /// Null, where the target keeps none.
    NullValue,
    /// An object, where the target keeps none.
    NestedValue,
    /// A list of more than texts, where the target keeps none.
    ListValue,
    /// A number that no float keeps, where the target keeps floats.
    LongNumber,
    /// A time, where the target keeps none.
    TimeValue,
    /// Bytes, where the target keeps none.
    BytesValue,
    MetadataSize,
    /// No vector, or no sparse values, in an index that wants some.
    NoVector,
    /// A different number of components than the index has.
    Dimension,
    /// A component that is no finite number.
    NotFinite,
    /// A vector of zeros only.
    ZeroVector,
    /// A vector that the target has no field for.
    VectorField,
    /// A number or a time that the target would round.
    Rounding,
    /// Too many sparse values, one index twice, or an index that keeps none.
    SparseValues,
    /// A change that the plan asks for and that cannot be made.
    Change,
    /// A rule of the service's own.
    Service,
}

impl Rule {
    /// Describes the rule in the words of a report.
    pub fn words(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Id => "id",
            Self::IdKind => "kind of id",
            Self::MetadataKey => "metadata key",
            Self::MetadataValue => "metadata value",
            Self::NullValue => "null",
            Self::NestedValue => "nested value",
            Self::ListValue => "list",
            Self::LongNumber => "long number",
            Self::TimeValue => "time",
            Self::BytesValue => "bytes",
            Self::MetadataSize => "size of the metadata",
            Self::NoVector => "no vector",
            Self::Dimension => "dimension",
            Self::Rounding => "rounding",
            Self::NotFinite => "not finite",
            Self::ZeroVector => "only zeros",
            Self::VectorField => "a vector without a place",
            Self::SparseValues => "sparse values",
            Self::Change => "a change of the plan",
            Self::Service => "refused by the service",
        }
    }
}

/// Reason why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub rule: Rule,
    /// Sentence with the details: `the vector has 5 dimensions; the index has 4`.
    pub reason: String,
}

impl Refusal {
    pub fn new(rule: Rule, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }

    /// The refusal of an id by a target whose ids are of another kind, with the words of the plan that change it.
    pub fn of_id(id: &RecordId, wanted: IdKind) -> Self {
        let reason = format!(
            "the id is a {}, and the target's ids are of the kind {wanted}; `ids: {{ to: {wanted} }}` keeps its text",
            id.kind()
        );
        Self::new(Rule::IdKind, reason)
    }

    /// The refusal of a vector that the target has no field for, with the words of the plan that leave it out.
    pub fn of_vector(name: &VectorName) -> Self {
        let reason = format!(
            "the target has no place for the vector `{name}`; under `vectors`, `drop: [{name}]` leaves it out, and `rename` says where it goes"
        );
        Self::new(Rule::VectorField, reason)
    }

    /// The refusal of a value by a target that does not keep its kind, with the words of the plan that change it.
    pub fn of_value(field: &str, value: &Value, rare: Rare) -> Self {
        let (rule, what, words) = match rare {
            Rare::Null => (Rule::NullValue, "is null", "`nulls: drop` leaves it out"),
            Rare::Nested => (
                Rule::NestedValue,
                "is an object",
                "`nested: flatten` makes a field of each member, `json_text` makes text of it, `drop` leaves it out",
            ),
            Rare::List => (
                Rule::ListValue,
                "is a list of more than strings",
                "`lists: json_text` makes text of it, `drop` leaves it out",
            ),
            Rare::Number if value.nearest_f64().is_none_or(|number| !number.is_finite()) => {
                let reason = format!("metadata field `{field}` is no finite number");
                return Self::new(Rule::MetadataValue, reason);
            }
            Rare::Number => {
                let mut digits = String::new();
                // A finite number can be written.
                let _ = value.write_json(&mut digits);
                let reason = format!(
                    "metadata field `{field}` is {digits}, and a 64-bit float does not keep these digits; `metadata: {{ numbers: text }}` keeps them as text, `round` takes the nearest float"
                );
                return Self::new(Rule::LongNumber, reason);
            }
            Rare::Time => (
                Rule::TimeValue,
                "is a time",
                "`times: text` makes text of it, `epoch_ms` a number of milliseconds",
            ),
            Rare::Bytes => (
                Rule::BytesValue,
                "holds bytes",
                "`bytes: base64` makes text of them, `drop` leaves them out",
            ),
        };
        let reason = format!(
            "metadata field `{field}` {what}, which the target does not keep; under `metadata`, {words}"
        );
        Self::new(rule, reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Refusals, counted by rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Refusals(BTreeMap<Rule, Refused>);

/// Refusals by one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Refused {
    pub records: u64,
    /// The first few refused records.
    pub examples: Vec<Example>,
}

/// A record that was refused.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    pub namespace: Namespace,
    pub id: RecordId,
    pub reason: String,
}

impl Refusals {
    pub fn add(&mut self, namespace: &Namespace, id: &RecordId, rule: Rule, reason: &str) {
        let refused = self.0.entry(rule).or_default();
        refused.records += 1;
        if refused.examples.len() < EXAMPLES {
            let (namespace, id) = (namespace.clone(), id.clone());
            refused.examples.push(Example { namespace, id, reason: reason.to_owned() });
        }
    }

    /// Returns a sentence for each rule: how many, which ids, and the reason of the first.
    pub fn sentences(&self) -> Vec<String> {
        self.0.iter().map(|(rule, refused)| refused.sentence(*rule)).collect()
    }
}

impl Refused {
    fn sentence(&self, rule: Rule) -> String {
        let ids: Vec<_> = self.examples.iter().map(Example::shown).collect();
        let more = if self.records > ids.len() as u64 { ", …" } else { "" };
        let reason = self.examples.first().map_or("", |example| example.reason.as_str());
        let s = if self.records == 1 { "" } else { "s" };
        format!(
            "{} record{s} ({}): {}{more}: {reason}",
            Observed::count(self.records),
            rule.words(),
            ids.join(", ")
        )
    }
}

impl Example {
    /// Writes `a` in `n`, with characters escaped that a terminal could not show.
    fn shown(&self) -> String {
        let id: String = self.id.text().chars().take(40).collect();
        format!("`{}` in `{}`", id.escape_debug(), self.namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_their_rule() {
        let mut refusals = Refusals::default();
        for number in 0..7 {
            let id = RecordId::from(format!("r{number}"));
            refusals.add(
                &Namespace::new("n"),
                &id,
                Rule::ZeroVector,
                "the vector holds only zeros",
            );
        }
        refusals.add(&Namespace::new(""), &RecordId::from("x"), Rule::Id, "the id is empty");
        assert_eq!(
            refusals.sentences(),
            [
                "1 record (id): `x` in `__default__`: the id is empty",
                "7 records (only zeros): `r0` in `n`, `r1` in `n`, `r2` in `n`, `r3` in `n`, `r4` in `n`, …: the vector holds only zeros",
            ]
        );
    }
}
