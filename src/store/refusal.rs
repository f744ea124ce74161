//! Reasons why a target refuses a record, counted by rule.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{IdKind, Namespace, Rare, RecordId, Value, VectorName, plural};

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
    /// A few refused records, those that came first, and as many reasons as there is room for.
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
        let (namespace, id, reason) = (namespace.clone(), id.clone(), reason.to_owned());
        refused.show(Example { namespace, id, reason });
    }

    /// Returns a sentence for each rule: how many, and which ids for which reasons.
    pub fn sentences(&self) -> Vec<String> {
        self.0.iter().map(|(rule, refused)| refused.sentence(*rule)).collect()
    }
}

impl Refused {
    /// Takes an example if there is room, or one of a new reason in the place of one whose reason has others.
    fn show(&mut self, example: Example) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(example);
            return;
        }
        let of = |reason: &str| self.examples.iter().filter(|one| one.reason == reason).count();
        if of(&example.reason) > 0 {
            return;
        }
        let shared = self.examples.iter().rposition(|one| of(&one.reason) > 1);
        if let Some(at) = shared {
            self.examples[at] = example;
        }
    }

    fn sentence(&self, rule: Rule) -> String {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for example in &self.examples {
            match reasons.iter_mut().find(|(reason, _)| *reason == example.reason) {
                Some((_, ids)) => ids.push(example.shown()),
                None => reasons.push((&example.reason, vec![example.shown()])),
            }
        }
        let is_all = self.records == self.examples.len() as u64;
        if let ([(_, ids)], false) = (&mut reasons[..], is_all) {
            ids.push("…".to_owned());
        }
        let more = if is_all || reasons.len() == 1 { "" } else { "; …" };
        let reasons = reasons.iter().map(|(reason, ids)| format!("{}: {reason}", ids.join(", ")));
        format!(
            "{} ({}): {}{more}",
            plural(self.records, "record"),
            rule.words(),
            reasons.collect::<Vec<_>>().join("; ")
        )
    }
}

impl Example {
    /// Writes `a` in `n`.
    fn shown(&self) -> String {
        format!("`{}` in `{}`", self.id.shown(), self.namespace)
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

    /// A record is never shown with the reason of another.
    #[test]
    fn each_reason_has_examples_of_its_own() {
        let mut refusals = Refusals::default();
        let mut add = |id: &str, reason: &str| {
            refusals.add(&Namespace::new("n"), &RecordId::from(id), Rule::Id, reason);
        };
        for id in ["a", "b", "c", "d", "e", "f"] {
            add(id, "the id is long");
        }
        add("", "the id is empty");
        let long = "x".repeat(5_000);
        add(&long, "the id is odd");
        add("\u{1b}[2J", "the id is odd");
        let long = RecordId::from(long).shown();
        assert_eq!(
            refusals.sentences(),
            [format!(
                "9 records (id): `a` in `n`, `b` in `n`, `c` in `n`: the id is long; `{long}` in `n`: the id is odd; `` in `n`: the id is empty; …"
            )]
        );
    }
}
