//! What follows from what a field of the source and that of the target are: how what arrives is compared, and whether a search
//! finds the same.

use super::{Places, no_such};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Comparing, FieldLikeness, Likeness, Metric, VectorField, VectorName};
use crate::plan::file::Tolerance;

impl Places {
    /// Returns how what arrives in these fields of the target is honestly compared: each by what both sides keep of it, and
    /// within the plan's tolerance where there is one.
    ///
    /// # Errors
    /// `Invalid` for a tolerance of what is not there; `Refused` if a side rounds a vector and the plan does not say by how
    /// much, or says so of one that no side rounds.
    pub fn comparing(
        &self,
        target: &[VectorField],
        tolerance: Option<&Tolerance>,
    ) -> Result<Comparing> {
        if let Some(Tolerance::Each(each)) = tolerance {
            let is_known = |name: &&String| target.iter().any(|one| one.name.as_str() == **name);
            if let Some(name) = each.keys().find(|name| !is_known(name)) {
                return Err(no_such(name, target, "the target", "tolerance"));
            }
        }
        let mut fields = Vec::new();
        for (source, field) in self.placed(target) {
            let (ours, theirs) = (source.fidelity, field.fidelity);
            let honest = Likeness::of(ours, theirs, None);
            let asked = match tolerance {
                None => None,
                Some(Tolerance::All(by)) => Some(*by),
                Some(Tolerance::Each(each)) => each.get(field.name.as_str()).copied(),
            };
            let is_own = matches!(tolerance, Some(Tolerance::Each(_))) && asked.is_some();
            if is_own && matches!(honest, Some(Likeness::Bits | Likeness::Unit)) {
                let message = format!("no side rounds the vector `{}`", field.name);
                return Err(Error::new(ErrorKind::Refused, message).with_hint(
                    "leave it out of `tolerance`: every bit of it can be compared, and a tolerance would hide what differs",
                ));
            }
            let Some(likeness) = Likeness::of(ours, theirs, asked) else {
                return Err(unbounded(&field.name));
            };
            let name = field.name.clone();
            fields.push(FieldLikeness { name, likeness, source: ours, target: theirs });
        }
        let rest = match tolerance {
            Some(Tolerance::All(by)) => Likeness::Tolerance(*by),
            Some(Tolerance::Each(_)) | None => Likeness::Bits,
        };
        Ok(Comparing::new(fields, rest))
    }

    /// Returns how a record that the target holds is compared with what it would keep of one that is written: where it rounds,
    /// bit by bit, since it rounds the same each time.
    pub fn comparing_kept(&self, target: &[VectorField]) -> Comparing {
        let of = |(source, field): (&VectorField, &VectorField)| {
            let (ours, theirs) = (source.fidelity, field.fidelity);
            let likeness = Likeness::of(ours, theirs, None).unwrap_or(Likeness::Bits);
            FieldLikeness { name: field.name.clone(), likeness, source: ours, target: theirs }
        };
        Comparing::new(self.placed(target).map(of).collect(), Likeness::Bits)
    }

    /// Returns the fields of the source that the target searches by another metric, with both.
    pub fn other_metrics<'a>(
        &'a self,
        target: &'a [VectorField],
    ) -> impl Iterator<Item = (&'a str, &'static str, &'static str)> {
        self.placed(target).filter_map(|(field, other)| {
            let (ours, theirs) = (field.measure()?, other.measure()?);
            (ours != theirs).then_some((field.name.as_str(), ours, theirs))
        })
    }

    /// Returns the fields of the source with their metric and that of the target's field, where both are known.
    pub fn metrics<'a>(
        &'a self,
        target: &'a [VectorField],
    ) -> impl Iterator<Item = (&'a str, Metric, Metric)> {
        self.placed(target)
            .filter_map(|(field, other)| Some((field.name.as_str(), field.metric?, other.metric?)))
    }

    /// Refuses to copy vectors into fields that are searched by another metric, unless the plan accepts it: the application
    /// would find other records.
    ///
    /// # Errors
    /// `Refused`, naming them and the word of the plan.
    pub fn refuse_metrics(&self, target: &[VectorField], accepted: &[String]) -> Result<()> {
        for (name, ours, theirs) in self.other_metrics(target) {
            if accepted.iter().any(|one| one == name) {
                continue;
            }
            let message = format!(
                "the vector `{name}` is searched by {ours} in the source and by {theirs} in the target: the nearest records are others, unless all its vectors have the length 1"
            );
            return Err(Error::new(ErrorKind::Refused, message).with_hint(format!(
                "make the target's field by {ours}, or say in the copy stage that other answers are meant: `vectors: {{ accept_metric: [{name}] }}`"
            )));
        }
        Ok(())
    }
}

fn unbounded(name: &VectorName) -> Error {
    let (of, hint) = match name.is_only() {
        true => (
            "vectors".to_owned(),
            "say how far a component may be off: `tolerance: 0.001` in the verify stage".to_owned(),
        ),
        false => (
            format!("the vector `{name}`"),
            format!(
                "say how far a component of it may be off: `tolerance: {{ {name}: 0.001 }}` in the verify stage"
            ),
        ),
    };
    let message = format!(
        "a side rounds the components of {of}, so that comparing every bit would prove nothing"
    );
    Error::new(ErrorKind::Refused, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{changes, several};
    use super::*;
    use crate::model::Fidelity;
    use crate::plan::file::VectorChanges;

    fn kept(name: &str, fidelity: Fidelity) -> VectorField {
        VectorField { fidelity, ..several(&[name]).remove(0) }
    }

    #[test]
    fn each_is_compared_by_its_own_and_a_tolerance_is_for_what_rounds() {
        use serde_json::json;
        let source = several(&["a", "b"]);
        let target = [kept("a", Fidelity::Bits), kept("x", Fidelity::Lossy)];
        let renamed = changes(json!({ "rename": { "b": "x" } }));
        let places = Places::find(&source, Some(&target), &renamed).unwrap();
        let of = |tolerance: Option<serde_json::Value>| {
            let tolerance = tolerance.map(|json| serde_json::from_value(json).unwrap());
            places.comparing(&target, tolerance.as_ref())
        };
        let within = Likeness::Tolerance(0.5);
        let each = of(Some(json!({ "x": 0.5 }))).unwrap();
        assert_eq!((each.of("a"), each.of("x")), (Likeness::Bits, within));
        assert!(each.is_exact());
        let all = of(Some(json!(0.5))).unwrap();
        assert_eq!((all.of("a"), all.of("x")), (within, within));
        for (tolerance, kind, named) in [
            (None, ErrorKind::Refused, "the vector `x`"),
            (
                Some(json!({ "a": 0.5, "x": 0.5 })),
                ErrorKind::Refused,
                "no side rounds the vector `a`",
            ),
            (Some(json!({ "b": 0.5, "x": 0.5 })), ErrorKind::Invalid, "no vector `b`"),
        ] {
            let error = of(tolerance).unwrap_err();
            assert!(error.kind() == kind && error.to_string().contains(named), "{error}");
        }
        // What is there already is compared with what the target rounds to.
        let kept = places.comparing_kept(&target);
        assert_eq!((kept.of("a"), kept.of("x")), (Likeness::Bits, Likeness::Bits));
    }

    #[test]
    fn another_metric_is_refused_by_field_until_it_is_accepted() {
        let by = |name: &str, metric| VectorField { metric, ..several(&[name]).remove(0) };
        let source = [by("a", Some(Metric::Cosine)), by("b", Some(Metric::Cosine)), by("c", None)];
        let target = [
            by("a", Some(Metric::Cosine)),
            by("b", Some(Metric::Euclidean)),
            by("c", Some(Metric::Cosine)),
        ];
        let places = Places::find(&source, Some(&target), &VectorChanges::default()).unwrap();
        let error = places.refuse_metrics(&target, &[]).unwrap_err();
        assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("`b`"), "{error}");
        assert!(places.refuse_metrics(&target, &["b".to_owned()]).is_ok());
    }
}
