//! Columns of vectors, as fields of an index.

use super::design::Design;
use super::index::Distance;
use super::kind::{Item, Kind};
use super::look::Column;
use super::mapping::Mapping;
use crate::model::{Fidelity, Metric, VectorField, VectorName};

/// Describes each column of vectors as a field; `design` is what the table was, or is to be, made by.
pub(super) fn fields(mapping: &Mapping, design: Option<&Design>) -> Vec<VectorField> {
    let own = mapping.vectors.iter();
    own.map(|(name, column)| field(mapping, (name, column), design)).collect()
}

/// Leaves to an index with one field what the index says itself.
pub(super) fn leave_to_index(fields: &mut [VectorField]) {
    if let [only] = fields {
        (only.dimension, only.metric) = (None, None);
    }
}

fn field(
    mapping: &Mapping,
    (name, column): (&VectorName, &Column),
    design: Option<&Design>,
) -> VectorField {
    let indexes = mapping.table.indexes.iter();
    let own = || indexes.clone().filter(|one| one.column.as_ref() == Some(&column.name));
    let metrics: Vec<Metric> =
        own().filter_map(|one| one.distance.and_then(Distance::metric)).collect();
    let foreign = own().filter_map(|one| one.distance.filter(|one| one.metric().is_none()));
    let of_index = metrics.first().filter(|one| metrics.iter().all(|other| other == *one));
    let made = design.and_then(|one| one.vectors.iter().find(|made| made.name == column.name));
    let is_rounding = match column.kind {
        Kind::Halfvec => design.is_some_and(|design| design.is_rounding),
        Kind::List(Item::Float8) => mapping.is_rounding,
        _ => false,
    };
    let fidelity = if is_rounding { Fidelity::Lossy } else { Fidelity::Bits };
    VectorField {
        dimension: column.dimension,
        metric: made.map(|made| made.metric).or(of_index.copied()),
        foreign_metric: foreign.map(Distance::word).next(),
        element: column.kind.element(),
        fidelity,
        ..VectorField::usual(name.clone(), column.kind.of_vectors())
    }
}
