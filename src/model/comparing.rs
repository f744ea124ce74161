//! How records are compared, field by field: each vector by what both sides keep of it.

use serde::{Deserialize, Serialize};

use super::{Fidelity, Likeness, VectorName};

/// How the vectors of one field are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldLikeness {
    /// Its name in the target.
    pub name: VectorName,
    pub likeness: Likeness,
    pub source: Fidelity,
    pub target: Fidelity,
}

/// How records of two stores are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparing {
    fields: Vec<FieldLikeness>,
    /// What holds for a vector of any other name.
    rest: Likeness,
}

impl Comparing {
    /// Compares these fields each in its own way, and any other vector like `rest`. Under a tolerance for all, numbers of
    /// metadata are compared as numbers, so that `-0` is `0`; else every bit of metadata counts.
    pub fn new(fields: Vec<FieldLikeness>, rest: Likeness) -> Self {
        Self { fields, rest }
    }

    /// Compares every vector like this.
    pub fn all(likeness: Likeness) -> Self {
        Self::new(Vec::new(), likeness)
    }

    /// Returns how a vector is compared.
    pub fn of(&self, name: &str) -> Likeness {
        self.field(name).map_or(self.rest, |field| field.likeness)
    }

    pub fn field(&self, name: &str) -> Option<&FieldLikeness> {
        self.fields.iter().find(|field| field.name.as_str() == name)
    }

    /// Whether floats of metadata are compared bit by bit.
    pub fn is_exact(&self) -> bool {
        !matches!(self.rest, Likeness::Tolerance(_))
    }

    /// Whether there is a choice between fields, so that what is said of one is not said of all.
    pub fn has_several(&self) -> bool {
        self.fields.iter().any(|field| !field.name.is_only())
    }

    pub fn fields(&self) -> &[FieldLikeness] {
        &self.fields
    }

    /// Returns the comparison that says the least.
    pub fn weakest(&self) -> Likeness {
        let all = self.fields.iter().map(|field| field.likeness);
        all.reduce(Likeness::weaker).unwrap_or(self.rest)
    }

    /// Returns what is known of records that were compared in either way: of each field the comparison that says less.
    pub fn or(mut self, other: Self) -> Self {
        for field in other.fields {
            match self.fields.iter_mut().find(|own| own.name == field.name) {
                Some(own) if own.likeness.weaker(field.likeness) != own.likeness => *own = field,
                Some(_) => {}
                None => self.fields.push(field),
            }
        }
        self.rest = self.rest.weaker(other.rest);
        self
    }

    /// Describes the comparison that says the least, and its reason.
    pub fn sentence(&self) -> String {
        let weakest = self.weakest();
        match self.fields.iter().find(|field| field.likeness == weakest) {
            Some(field) => weakest.sentence(field.source, field.target),
            None => weakest.to_string(),
        }
    }
}

/// What the comparison of a part of records came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FieldTally {
    /// Records that have it on either side.
    pub compared: u64,
    pub differing: u64,
    /// The largest difference of one component; infinite if a value is missing or is no number.
    pub max_difference: f64,
}

impl FieldTally {
    pub fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.differing += other.differing;
        self.max_difference = self.max_difference.max(other.max_difference);
    }
}

/// What the comparison of one vector field came to, as the journal and the report keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldCompared {
    /// Its name in the target.
    pub vector: String,
    /// `bits`, `unit`, `direction` or `tolerance`.
    pub comparison: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Records that have it on either side.
    pub compared: u64,
    pub differing: u64,
    /// The largest difference of one component; absent if a value was missing or no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_difference: Option<f64>,
}

impl FieldCompared {
    pub fn new(name: &VectorName, likeness: Likeness, tally: FieldTally) -> Self {
        let tolerance = match likeness {
            Likeness::Tolerance(by) => Some(by),
            Likeness::Bits | Likeness::Unit | Likeness::Direction => None,
        };
        Self {
            vector: name.to_string(),
            comparison: likeness.name().to_owned(),
            tolerance,
            compared: tally.compared,
            differing: tally.differing,
            max_difference: Some(tally.max_difference).filter(|by| by.is_finite()),
        }
    }
}

impl FieldLikeness {
    /// Describes what came of it: `vector \`heading\`: within 0.001, 0 of 270 differ, by at most 4.8e-4 (the target rounds
    /// components)`.
    pub fn words(&self, tally: FieldTally) -> String {
        let by = match tally.max_difference {
            0.0 => String::new(),
            by if by.is_finite() => format!(", by at most {by:.1e}"),
            _ => ", at least one by a missing value or length".to_owned(),
        };
        let because = self.because().map(|why| format!(" ({why})")).unwrap_or_default();
        format!(
            "vector `{}`: {}, {} of {} differ{by}{because}",
            self.name,
            self.likeness.short(),
            super::Observed::count(tally.differing),
            super::Observed::count(tally.compared),
        )
    }

    /// Returns why not every bit was compared: by what a side does, or, where none does anything, by the plan.
    fn because(&self) -> Option<String> {
        if self.likeness == Likeness::Bits {
            return None;
        }
        let of_sides = Likeness::of(self.source, self.target, None);
        Some(match self.target {
            _ if of_sides == Some(Likeness::Bits) => "as the plan says of all vectors".to_owned(),
            Fidelity::Bits => format!("the source {}", self.source.words()),
            target => format!("the target {}", target.words()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, likeness: Likeness, target: Fidelity) -> FieldLikeness {
        let name = VectorName::of_several(name);
        FieldLikeness { name, likeness, source: Fidelity::Bits, target }
    }

    #[test]
    fn each_field_has_its_own_and_the_weakest_speaks_for_all() {
        let within = Likeness::Tolerance(0.001);
        let fields = vec![
            field("a", Likeness::Bits, Fidelity::Bits),
            field("b", within, Fidelity::Lossy),
            field("c", Likeness::Unit, Fidelity::Unit),
        ];
        let comparing = Comparing::new(fields, Likeness::Bits);
        let of = |name| comparing.of(name);
        assert_eq!(
            (of("a"), of("b"), of("c"), of("d")),
            (Likeness::Bits, within, Likeness::Unit, Likeness::Bits)
        );
        assert_eq!(comparing.weakest(), within);
        assert!(comparing.sentence().contains("the target rounds components"));
        assert!(comparing.is_exact() && comparing.has_several());
        assert!(!Comparing::all(within).is_exact());
    }

    #[test]
    fn a_line_of_the_report_fits_a_terminal() {
        let tally = FieldTally { compared: 2_000_000, differing: 1_200, max_difference: 4.8e-4 };
        let line = field("heading", Likeness::Tolerance(0.001), Fidelity::Lossy).words(tally);
        insta::assert_snapshot!(line, @"vector `heading`: within 0.001, 1,200 of 2,000,000 differ, by at most 4.8e-4 (the target rounds components)");
        let line = field("body", Likeness::Bits, Fidelity::Bits).words(FieldTally::default());
        insta::assert_snapshot!(line, @"vector `body`: every bit, 0 of 0 differ");
    }

    /// That both sides keep every bit is no reason for a comparison that looks at less.
    #[test]
    fn the_reason_is_the_one_that_there_was() {
        let within = Likeness::Tolerance(0.001);
        let line = field("body", within, Fidelity::Bits).words(FieldTally::default());
        insta::assert_snapshot!(line, @"vector `body`: within 0.001, 0 of 0 differ (as the plan says of all vectors)");
        let all = Comparing::new(vec![field("body", within, Fidelity::Bits)], within);
        insta::assert_snapshot!(all.sentence(), @"components were compared as numbers, equal within the plan's tolerance of 0.001, although each side keeps every bit");
    }
}
