//! What a table refuses, in the words of every store.

use super::design::Design;
use super::fit::fits;
use super::keys::Row;
use super::made::planned;
use super::mapping::Mapping;
use super::misfit::{Misfit, Strictness};
use super::place::Place;
use crate::model::{IndexSpec, Namespace, Record};
use crate::store::{Refusal, Rule};

/// What is refused that the server would take: a value that it would round, unless the plan accepts that.
pub(super) fn strictness(design: &Design) -> Strictness {
    Strictness { refuses_zero_vectors: false, refuses_rounding: !design.is_rounding }
}

/// Returns why a table would refuse a record, as far as that is known before it is sent.
pub(super) fn rejects(
    mapping: &Mapping,
    strictness: Strictness,
    record: (&Namespace, &Record),
) -> Option<Refusal> {
    fits(mapping, strictness, record).err().map(refusal)
}

/// Returns why the table that is planned would refuse a record.
pub(super) fn planned_rejects(
    place: &Place,
    row: &Row,
    spec: &IndexSpec,
    record: (&Namespace, &Record),
) -> Option<Refusal> {
    let mapping = planned(place, row, spec).ok()?;
    let design = Design::of(&spec.deployment).unwrap_or_default();
    let (namespace, record) = record;
    rejects(&mapping, strictness(&design), (&place.within(namespace), record))
}

/// A refusal, in the words of every store.
pub(super) fn refusal(misfit: Misfit) -> Refusal {
    let rule = match misfit.rule {
        "partition" => Rule::Namespace,
        "id" | "id_length" => Rule::Id,
        "id_kind" => Rule::IdKind,
        "dimension" => Rule::Dimension,
        "rounding" | "bits" => Rule::Rounding,
        "not_finite" | "overflow" => Rule::NotFinite,
        "no_vector" => Rule::NoVector,
        "zero_vector" => Rule::ZeroVector,
        "sparse_indices" | "sparse_zero" => Rule::SparseValues,
        "vector_without_column" | "vector_kind" => Rule::VectorField,
        "field_without_column" | "json" | "type" | "length" | "altered" | "nul" | "missing" => {
            Rule::MetadataValue
        }
        "time" => Rule::TimeValue,
        "bytes" => Rule::BytesValue,
        _ => Rule::Service,
    };
    // What is said of these names the field itself, or is about no column.
    let is_named =
        matches!(rule, Rule::IdKind | Rule::VectorField | Rule::TimeValue | Rule::BytesValue);
    let field = misfit.field.filter(|_| !is_named);
    let column = field.map(|field| format!("`{field}`: ")).unwrap_or_default();
    Refusal::new(rule, format!("{column}{}", misfit.message))
}
