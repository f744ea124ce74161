//! Where the vectors of a record go: which field of the source becomes which of the target, decided once for a copy. `honest`
//! has what follows from what both fields are: how they are compared, and what a search finds.

mod honest;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{AnyVector, VectorField, VectorKind, VectorName, VectorType, Vectors};
use crate::plan::file::VectorChanges;

/// The place of each field of the source: that of its name, else that of the only one of its kind, as the plan leaves and
/// names them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    fields: Vec<(VectorField, Place)>,
    /// Whether records are written as they are.
    is_as_is: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// A field of the target, or of a target that is not known.
    Field(VectorName),
    /// The plan leaves it out.
    Dropped,
    /// The target has none for it. It stays as it is, and the target refuses the records that have it.
    None,
}

impl Places {
    /// Finds a place for each field of the source. Where nothing is known of the target, each keeps its name.
    ///
    /// # Errors
    /// `Invalid` if the plan names a field that is not there, or two would become one.
    pub fn find(
        source: &[VectorField],
        target: Option<&[VectorField]>,
        asked: &VectorChanges,
    ) -> Result<Self> {
        refuse_unknown(source, asked)?;
        let is_kept = |field: &VectorField| {
            let name = field.name.as_str();
            asked.pick.as_ref().is_none_or(|pick| pick == name)
                && !asked.drop.iter().any(|one| one == name)
        };
        let kept =
            |kind: VectorKind| source.iter().filter(move |one| one.kind == kind && is_kept(one));
        let mut fields = Vec::with_capacity(source.len());
        for field in source {
            let renamed = asked.rename.get(field.name.as_str());
            let place = match target {
                _ if !is_kept(field) => Place::Dropped,
                None => Place::Field(match renamed {
                    Some(new) => VectorName::of_several(new),
                    None => field.name.clone(),
                }),
                Some(target) => {
                    let wanted = renamed.map_or(field.name.as_str(), String::as_str);
                    let is_only = renamed.is_none() && kept(field.kind).count() == 1;
                    match place(target, field.kind, wanted, is_only) {
                        None if renamed.is_some() => {
                            return Err(no_such(wanted, target, "the target", "vectors"));
                        }
                        found => {
                            found.map_or(Place::None, |found| Place::Field(found.name.clone()))
                        }
                    }
                }
            };
            fields.push((field.clone(), place));
        }
        refuse_doubles(&fields)?;
        let is_own = |(field, place): &(VectorField, Place)| match place {
            Place::Field(name) => *name == field.name && name.is_only() == field.name.is_only(),
            Place::Dropped => false,
            Place::None => true,
        };
        let is_as_is = fields.iter().all(is_own);
        Ok(Self { fields, is_as_is })
    }

    /// Returns the vectors as the target is to have them.
    pub fn arrange(&self, vectors: Vectors) -> Vectors {
        if self.is_as_is {
            return vectors;
        }
        let arranged = vectors.into_iter().filter_map(|(name, vector)| match self.of(&name) {
            Some(Place::Field(new)) => Some((new.clone(), vector)),
            Some(Place::Dropped) => None,
            Some(Place::None) | None => Some((name, vector)),
        });
        arranged.collect()
    }

    /// Whether records are written with the vectors that they have.
    pub fn is_as_is(&self) -> bool {
        self.is_as_is
    }

    /// Returns the vectors that a query of `vectors` is made of: the first dense one with a place, and, where both sides take
    /// a sparse one beside it, the only sparse one; else the first that has a place.
    pub fn asked_with(&self, vectors: &Vectors, using: Option<&str>, is_hybrid: bool) -> Vectors {
        let has_place =
            |name: &VectorName| !matches!(self.of(name), Some(Place::Dropped | Place::None));
        let is_asked = |name: &VectorName| using.is_none_or(|using| name.as_str() == using);
        let placed = || {
            vectors
                .iter()
                .filter(|(name, one)| has_place(name) && is_asked(name) && !one.is_empty())
        };
        let of = |kind: VectorKind| placed().find(|(_, vector)| vector.kind() == kind);
        let dense = of(VectorKind::Dense);
        let sparse = of(VectorKind::Sparse).filter(|_| dense.is_none() || is_hybrid);
        let own = |(name, vector): (&VectorName, &AnyVector)| (name.clone(), vector.clone());
        dense.into_iter().chain(sparse).map(own).collect()
    }

    /// Refuses to ask queries of a vector that is not copied.
    ///
    /// # Errors
    /// `Invalid`, naming those that are.
    pub fn refuse_using(&self, using: &str) -> Result<()> {
        let is_placed = |place: &Place| matches!(place, Place::Field(_));
        let mut placed = self.fields.iter().filter(|(_, place)| is_placed(place));
        if placed.clone().any(|(field, _)| field.name.as_str() == using) {
            return Ok(());
        }
        let all: Vec<_> = placed.by_ref().map(|(field, _)| field.name.as_str()).collect();
        let message = format!("`using: {using}` names no vector that is copied");
        Err(Error::invalid(message).with_hint(format!("these are: {}", all.join(", "))))
    }

    /// Refuses to copy vectors of a source whose records carry `carried` to a target that has no place for them, or whose
    /// lengths differ. Only a field that may hold nothing is left to the records that hold something.
    ///
    /// # Errors
    /// `Refused`, naming them, with the words of the plan that leave them out.
    pub fn refuse(&self, target: &[VectorField], carried: VectorType) -> Result<()> {
        let none: Vec<String> = self
            .fields
            .iter()
            .filter(|(field, place)| *place == Place::None && !may_be_empty(field, carried))
            .map(|(field, _)| format!("`{}`", field.name))
            .collect();
        if !none.is_empty() {
            let message = format!(
                "the target has no place for the vectors {} of the source; it has {}",
                none.join(", "),
                named(target)
            );
            let refused = Error::new(ErrorKind::Refused, message);
            return Err(refused.with_hint(
                "in the copy stage, `vectors: { pick: a }` copies one of them, `{ drop: [b] }` leaves it out, `{ rename: { a: x } }` says where it goes",
            ));
        }
        for (field, place) in &self.fields {
            let Place::Field(name) = place else { continue };
            let other = target.iter().find(|one| one.name == *name);
            let other = other.and_then(|other| other.dimension).zip(field.dimension);
            // Sparse values fit where their indices do, whatever the lengths.
            let is_dense = field.kind == VectorKind::Dense;
            let differ = |(theirs, ours): &(u32, u32)| is_dense && theirs != ours;
            let Some((theirs, ours)) = other.filter(differ) else {
                continue;
            };
            let message = format!(
                "the vector `{}` of the source has {ours} components, and `{name}` of the target takes {theirs}",
                field.name
            );
            return Err(Error::new(ErrorKind::Refused, message).with_hint(
                "name another field in `vectors: { rename: ... }`, or make it so long",
            ));
        }
        Ok(())
    }

    /// The fields of the source that have a place, each with the target's field that it becomes.
    fn placed<'a>(
        &'a self,
        target: &'a [VectorField],
    ) -> impl Iterator<Item = (&'a VectorField, &'a VectorField)> {
        self.fields.iter().filter_map(move |(field, place)| {
            let Place::Field(name) = place else { return None };
            Some((field, target.iter().find(|one| one.name == *name)?))
        })
    }

    /// Refuses to replace whole records of a target that holds vectors which the copy does not bring.
    ///
    /// # Errors
    /// `Refused`, naming them.
    pub fn refuse_overwriting(&self, target: &[VectorField]) -> Result<()> {
        let is_brought = |name: &VectorName| {
            self.fields.iter().any(|(_, place)| matches!(place, Place::Field(own) if own == name))
        };
        // Sparse values of a service that has this one field for them say nothing of its records, unless the plan leaves out
        // what would go there. What a table calls so is a column that somebody fills.
        let leaves_out = |field: &VectorField| {
            let of_kind = self.fields.iter().filter(|(own, _)| own.kind == field.kind);
            of_kind.clone().any(|(_, place)| *place == Place::Dropped)
        };
        let is_lost = |field: &&VectorField| {
            let is_service_own = field.kind == VectorKind::Sparse && field.name.is_nameless();
            !is_brought(&field.name) && (!is_service_own || leaves_out(field))
        };
        let lost: Vec<_> =
            target.iter().filter(is_lost).map(|field| format!("`{}`", field.name)).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the target holds records, and `existing: overwrite` would take the vectors {} from those that are replaced: \
             the copy brings none",
            lost.join(", ")
        );
        Err(Error::new(ErrorKind::Refused, message).with_hint(
            "copy these vectors too, say `existing: skip`, or copy into an index without them. Nothing was written",
        ))
    }

    fn of(&self, name: &VectorName) -> Option<&Place> {
        self.fields.iter().find(|(field, _)| field.name == *name).map(|(_, place)| place)
    }
}

/// Returns whether a field is the only one of its kind and an index can have it while no record holds one: sparse values
/// beside dense vectors, and a dense vector in an index of sparse ones.
fn may_be_empty(field: &VectorField, carried: VectorType) -> bool {
    let is_beside = match field.kind {
        VectorKind::Sparse => true,
        VectorKind::Dense => carried == VectorType::Sparse && field.dimension.is_none(),
        VectorKind::Multi => false,
    };
    is_beside && field.name.is_only()
}

/// Returns the target's field of this name, or its only one of this kind for the only one of the source.
fn place<'a>(
    target: &'a [VectorField],
    kind: VectorKind,
    wanted: &str,
    is_only: bool,
) -> Option<&'a VectorField> {
    let mut of_kind = target.iter().filter(|field| field.kind == kind);
    let same = of_kind.clone().find(|field| field.name.as_str() == wanted);
    same.or_else(|| of_kind.next().filter(|_| is_only && of_kind.next().is_none()))
}

fn refuse_unknown(source: &[VectorField], asked: &VectorChanges) -> Result<()> {
    let all = asked.pick.iter().chain(&asked.drop).chain(asked.rename.keys());
    let all = all.chain(&asked.accept_metric);
    let is_unknown = |name: &&String| !source.iter().any(|field| field.name.as_str() == **name);
    match all.into_iter().find(is_unknown) {
        Some(name) => Err(no_such(name, source, "the source", "vectors")),
        None => Ok(()),
    }
}

/// The name under which a field arrives.
fn arrives_as((field, place): &(VectorField, Place)) -> Option<&VectorName> {
    match place {
        Place::Field(name) => Some(name),
        Place::None => Some(&field.name),
        Place::Dropped => None,
    }
}

fn refuse_doubles(fields: &[(VectorField, Place)]) -> Result<()> {
    for (at, one) in fields.iter().enumerate() {
        let (field, Some(name)) = (&one.0, arrives_as(one)) else { continue };
        let other = fields[..at].iter().find(|other| arrives_as(other) == Some(name));
        if let Some((other, _)) = other {
            let message = format!(
                "the vectors `{}` and `{}` would both become `{name}`",
                other.name, field.name
            );
            return Err(Error::invalid(message)
                .with_hint("`vectors: { drop: [...] }` in the copy stage leaves one of them out"));
        }
    }
    Ok(())
}

fn no_such(name: &str, fields: &[VectorField], side: &str, word: &str) -> Error {
    Error::invalid(format!("{side} has no vector `{name}`, which `{word}` names"))
        .with_hint(format!("it has {}", named(fields)))
}

fn named(fields: &[VectorField]) -> String {
    let all: Vec<String> = fields.iter().map(VectorField::to_string).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SparseVector, Vector};

    pub(super) fn several(names: &[&str]) -> Vec<VectorField> {
        let field =
            |name: &&str| VectorField::usual(VectorName::of_several(name), VectorKind::Dense);
        names.iter().map(field).collect()
    }

    pub(super) fn changes(json: serde_json::Value) -> VectorChanges {
        serde_json::from_value(json).unwrap()
    }

    fn record() -> Vectors {
        let dense = |value| AnyVector::Dense(Vector::from_values([value]));
        let name = VectorName::of_several;
        [(name("a"), dense(1.0)), (name("b"), dense(2.0))].into_iter().collect()
    }

    /// The names that the vectors of a record arrive under, in order of what they hold.
    fn arrived(target: Option<&[VectorField]>, asked: serde_json::Value) -> Result<Vec<String>> {
        let places = Places::find(&several(&["a", "b"]), target, &changes(asked))?;
        target.map_or(Ok(()), |target| places.refuse(target, VectorType::Dense))?;
        let mut all: Vec<_> = places.arrange(record()).into_iter().collect();
        all.sort_by_key(|(_, vector)| vector.dense().unwrap().values().next().unwrap() as u32);
        Ok(all.into_iter().map(|(name, _)| name.to_string()).collect())
    }

    #[test]
    fn a_field_goes_where_its_name_or_the_plan_says() {
        use serde_json::json;
        let (one, two) = (VectorField::plain(), several(&["b", "c"]));
        let of = |target: &[VectorField], asked| arrived(Some(target), asked).unwrap();
        assert_eq!(of(&several(&["a", "b"]), json!({})), ["a", "b"]);
        assert_eq!(of(&one, json!({ "pick": "b" })), ["values"]);
        assert_eq!(of(&one, json!({ "drop": ["b"] })), ["values"]);
        assert_eq!(of(&two, json!({ "rename": { "a": "c" } })), ["c", "b"]);
        assert_eq!(of(&two, json!({ "rename": { "a": "b", "b": "c" } })), ["b", "c"]);
        assert_eq!(of(&two, json!({ "pick": "a", "rename": { "a": "c" } })), ["c"]);
        assert_eq!(arrived(None, json!({ "rename": { "a": "x" } })).unwrap(), ["x", "b"]);
    }

    #[test]
    fn what_has_no_place_is_refused_by_name() {
        use serde_json::json;
        let refused = |target: &[VectorField], asked| {
            let error = arrived(Some(target), asked).unwrap_err();
            (error.kind(), error.to_string())
        };
        let plain = VectorField::plain();
        let (kind, text) = refused(&plain, json!({}));
        assert!(kind == ErrorKind::Refused && text.contains("`a`, `b`"), "{text}");
        for (target, asked, named) in [
            (&plain, json!({ "pick": "x" }), "no vector `x`"),
            (&plain, json!({ "drop": ["x"] }), "no vector `x`"),
            (&plain, json!({ "rename": { "a": "x" } }), "no vector `x`"),
            (&several(&["b", "c"]), json!({ "rename": { "a": "b" } }), "both become `b`"),
        ] {
            let (kind, text) = refused(target, asked);
            assert!(kind == ErrorKind::Invalid && text.contains(named), "{text}");
        }
    }

    #[test]
    fn an_only_dense_vector_needs_a_place() {
        let none = VectorChanges::default();
        let target = several(&["a", "b"]);
        let places = Places::find(&VectorField::plain(), Some(&target), &none).unwrap();
        let text = places.refuse(&target, VectorType::Dense).unwrap_err().to_string();
        assert!(text.contains("no place for the vectors `values` of the source"), "{text}");
    }

    /// What describes its records as sparse has no dense vector to lose; one of which a length is known has.
    #[test]
    fn an_index_of_sparse_vectors_needs_no_place_for_dense_ones() {
        let target = [VectorField::usual(VectorName::only("terms"), VectorKind::Sparse)];
        let refused = |source: &[VectorField], carried| {
            let places = Places::find(source, Some(&target), &VectorChanges::default()).unwrap();
            places.refuse(&target, carried).err().map(|error| error.to_string())
        };
        let mut plain = VectorField::plain();
        assert_eq!(refused(&plain, VectorType::Sparse), None);
        for (carried, dimension) in [(VectorType::Dense, None), (VectorType::Sparse, Some(3))] {
            plain[0].dimension = dimension;
            let text = refused(&plain, carried).unwrap_or_default();
            assert!(text.contains("no place for the vectors `values`"), "{text}");
        }
    }

    /// A record is replaced as a whole: what the copy does not bring would be gone.
    #[test]
    fn vectors_that_a_copy_does_not_bring_are_not_overwritten() {
        use serde_json::json;
        let plain = VectorField::plain;
        let own = |name, kind| VectorField::usual(VectorName::only(name), kind);
        let called_so = vec![own("a", VectorKind::Dense), own("sparse_values", VectorKind::Sparse)];
        for (source, target, asked, lost) in [
            (several(&["a", "b"]), several(&["a", "b"]), json!({}), None),
            (several(&["a", "b"]), several(&["a", "b"]), json!({ "pick": "a" }), Some("`b`")),
            (several(&["a", "b"]), several(&["a", "c"]), json!({ "drop": ["b"] }), Some("`c`")),
            (several(&["a"]), several(&["a", "b"]), json!({}), Some("`b`")),
            (plain()[..1].to_vec(), plain(), json!({}), None),
            (plain(), plain(), json!({ "pick": "values" }), Some("`sparse_values`")),
            (several(&["a"]), called_so, json!({}), Some("`sparse_values`")),
        ] {
            let places = Places::find(&source, Some(&target), &changes(asked.clone())).unwrap();
            let refused = places.refuse_overwriting(&target).err().map(|error| error.to_string());
            let is_so = match (&refused, lost) {
                (Some(text), Some(lost)) => text.contains(lost),
                (refused, lost) => refused.is_none() && lost.is_none(),
            };
            assert!(is_so, "{asked}: {refused:?}");
        }
    }

    /// A field that has no place must not arrive under the name of one that has.
    #[test]
    fn a_field_without_a_place_hides_no_other() {
        let sparse = VectorField::usual(VectorName::of_several("x"), VectorKind::Sparse);
        let source = [sparse, several(&["v"]).remove(0)];
        let target = several(&["x"]);
        let error = Places::find(&source, Some(&target), &changes(serde_json::json!({})));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("`x` and `v` would both become `x`"), "{text}");
        let drops = changes(serde_json::json!({ "drop": ["x"] }));
        assert!(Places::find(&source, Some(&target), &drops).is_ok());
    }

    #[test]
    fn another_length_is_refused_by_field() {
        let of =
            |dimension| VectorField { dimension: Some(dimension), ..several(&["a"]).remove(0) };
        let places = Places::find(&[of(3)], Some(&[of(4)]), &VectorChanges::default()).unwrap();
        let refused = places.refuse(&[of(4)], VectorType::Dense);
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("`a`") && text.contains('3') && text.contains('4'), "{text}");
    }

    #[test]
    fn the_only_one_of_a_kind_needs_no_word() {
        let own = [VectorField::usual(VectorName::only("embedding"), VectorKind::Dense)];
        let plain = VectorField::plain();
        let vectors = || Vectors::plain(Vector::from_values([1.0]), Some(SparseVector::default()));
        let none = VectorChanges::default();
        let into = Places::find(&plain, Some(&own), &none).unwrap();
        // The target has no sparse ones: it refuses the records that have some.
        assert!(into.refuse(&own, VectorType::Dense).is_ok());
        let names: Vec<_> = into.arrange(vectors()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [VectorName::only("embedding"), VectorName::SPARSE]);
        assert!(Places::find(&plain, Some(&plain), &none).unwrap().is_as_is());
    }
}
