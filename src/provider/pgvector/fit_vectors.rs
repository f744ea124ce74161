//! Whether a table takes the vectors of a record, and how they travel.

use std::collections::BTreeSet;

use bytes::BufMut as _;
use half::f16;

use super::cell::put_sized;
use super::kind::Kind;
use super::look::Column;
use super::mapping::Mapping;
use super::misfit::{Misfit, Strictness};
use super::vector_codec;
use crate::model::{AnyVector, Record, SparseVector, Vector, VectorName};
use crate::store::Refusal;

/// Appends the vectors of a record, a column of the table after the other.
///
/// # Errors
/// Why the table would not take one of them.
pub(super) fn vectors(
    mapping: &Mapping,
    strictness: Strictness,
    record: &Record,
    into: &mut Vec<u8>,
) -> Result<(), Misfit> {
    for (name, vector) in record.vectors.iter() {
        match mapping.place(name, vector) {
            Some(column) if !column.is_generated => {}
            _ if vector.is_empty() => {}
            Some(column) => {
                let why = "the server makes the column's values itself";
                return Err(Misfit::new("vector_without_column", &column.name, why));
            }
            None => {
                let reason = Refusal::of_vector(name).reason;
                return Err(Misfit::new("vector_without_column", name.as_str(), reason));
            }
        }
    }
    for (_, column) in mapping.vectors.iter().filter(|(_, column)| !column.is_generated) {
        let is_own = |(name, vector): &(&VectorName, &AnyVector)| {
            mapping.place(name, vector).is_some_and(|place| std::ptr::eq(place, column))
        };
        let mut own = record.vectors.iter().filter(is_own);
        let Some((_, vector)) = own.next() else {
            absent(column, "no_vector", into)?;
            continue;
        };
        if own.next().is_some() {
            let why = "two vectors of the record are for it";
            return Err(Misfit::new("vector_without_column", &column.name, why));
        }
        if let Some((rule, why)) = misfit_of_vector(column, strictness, vector) {
            return Err(Misfit::new(rule, &column.name, why));
        }
        put_sized(into, |into| {
            vector_codec::encode(column.kind, column.dimension, vector, into);
            Ok(())
        })?;
    }
    Ok(())
}

/// Appends that there is no value for a column.
///
/// # Errors
/// That it must have one, under the word of `rule`.
pub(super) fn absent(
    column: &Column,
    rule: &'static str,
    into: &mut Vec<u8>,
) -> Result<(), Misfit> {
    // A default stands in only where the column is not written at all, and here it is.
    match column.is_nullable {
        true => {
            into.put_i32(-1);
            Ok(())
        }
        false => Err(Misfit::new(
            rule,
            &column.name,
            "the record has no value for it, and it must not be null",
        )),
    }
}

fn misfit_of_vector(
    column: &Column,
    strictness: Strictness,
    vector: &AnyVector,
) -> Option<(&'static str, String)> {
    match (column.kind, vector) {
        (Kind::Sparsevec, AnyVector::Sparse(sparse)) => sparse_misfit(column, strictness, sparse),
        (Kind::Sparsevec, _) => {
            Some(("vector_kind", "a dense vector, and the column holds sparse ones".to_owned()))
        }
        (_, AnyVector::Multi(_)) => {
            Some(("vector_kind", "several vectors, and the column holds one".to_owned()))
        }
        (_, AnyVector::Sparse(_)) => {
            Some(("vector_kind", "a sparse vector, and the column holds dense ones".to_owned()))
        }
        (_, AnyVector::Dense(vector)) => dense_misfit(column, strictness, vector),
    }
}

fn dense_misfit(
    column: &Column,
    strictness: Strictness,
    vector: &Vector,
) -> Option<(&'static str, String)> {
    let of = |rule, message: &str| Some((rule, message.to_owned()));
    let dimension = vector.dimension();
    if let Some(wanted) = column.dimension.filter(|wanted| dimension != *wanted as usize) {
        return Some(("dimension", format!("it has {dimension} components and not {wanted}")));
    }
    if column.kind.limit().is_some_and(|most| dimension > most as usize) {
        return Some((
            "dimension",
            format!("it has {dimension} components, more than the column can hold"),
        ));
    }
    match column.kind {
        Kind::Bit if vector.values().any(|value| value != 0.0 && value != 1.0) => {
            return of("bits", "it holds numbers other than 0 and 1");
        }
        Kind::List(_) => return zero_misfit(strictness, vector),
        _ => {}
    }
    if !vector.is_finite() {
        return of("not_finite", "it holds a number that is none, or infinite in 32 bits");
    }
    if column.kind == Kind::Halfvec {
        if vector.values().any(|value| f16::from_f32(value).is_infinite()) {
            return of("overflow", "it holds a number beyond the half precision's largest, 65504");
        }
        if strictness.refuses_rounding
            && vector.values().any(|value| f16::from_f32(value).to_f32() != value)
        {
            return of("rounding", "it holds a number that half precision would round");
        }
        // Rounding may be accepted; that a vector has no direction any more, and is found by no query, is another thing.
        if vector.values().all(|value| f16::from_f32(value).to_f32() == 0.0)
            && vector.values().any(|value| value != 0.0)
        {
            return of("zero_vector", "half precision would make zeros of all its numbers");
        }
    }
    zero_misfit(strictness, vector)
}

fn zero_misfit(strictness: Strictness, vector: &Vector) -> Option<(&'static str, String)> {
    let is_refused = strictness.refuses_zero_vectors && vector.values().all(|value| value == 0.0);
    is_refused
        .then(|| ("zero_vector", "all its components are zero, and it has no direction".to_owned()))
}

fn sparse_misfit(
    column: &Column,
    strictness: Strictness,
    sparse: &SparseVector,
) -> Option<(&'static str, String)> {
    let of = |rule, message: &str| Some((rule, message.to_owned()));
    let Some(dimension) = column.dimension else {
        return of(
            "dimension",
            "the column does not say how many dimensions its sparse vectors have",
        );
    };
    if sparse.indices.iter().any(|index| *index >= dimension) {
        return Some((
            "dimension",
            format!("it has an index beyond the column's {dimension} dimensions"),
        ));
    }
    if sparse.len() > 16_000 {
        return of("dimension", "it has more than 16000 components");
    }
    if sparse.indices.iter().collect::<BTreeSet<_>>().len() < sparse.len() {
        return of("sparse_indices", "it has an index twice");
    }
    if !sparse.values.is_finite() {
        return of("not_finite", "it holds a number that is none, or infinite in 32 bits");
    }
    if sparse.values.values().any(|value| value == 0.0) {
        return of("sparse_zero", "it holds a zero, which a sparse vector here cannot");
    }
    let is_refused = strictness.refuses_zero_vectors && sparse.is_empty();
    is_refused.then(|| ("zero_vector", "it has no component".to_owned()))
}
