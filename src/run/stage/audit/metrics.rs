//! Vectors that the target searches by another metric than the source.

use super::seen::Seen;
use crate::error::Result;
use crate::model::{AnyVector, Observed};
use crate::run::Context;
use crate::run::sides::{fields_of, transform};

/// How far the square of a length may be from 1, which rounding a unit vector to 32-bit floats leaves.
const ROUNDING: f64 = 1e-5;

/// Notes of how many sampled records the neighbours can be others, by vector.
///
/// # Errors
/// `Invalid` if the plan names what neither side has.
pub(super) fn see(context: &Context, seen: &Seen) -> Result<()> {
    let target = seen.target.as_ref().map(|seen| &seen.spec);
    let Some(fields) = fields_of(&context.plan, target) else { return Ok(()) };
    for selection in &seen.selections {
        let copy = &selection.copy;
        let transform = transform(&context.plan, copy, &seen.index.spec, target)?;
        let places = transform.places();
        for (name, ours, theirs) in places.other_metrics(&fields) {
            let own = seen.sampled.iter().filter(|one| selection.mappings.contains(&one.mapping));
            let all = own.filter_map(|one| one.record.vectors.get(name));
            let (mut looked_at, mut longer) = (0, 0);
            for vector in all {
                looked_at += 1;
                longer += u64::from(!is_unit(vector));
            }
            context.note(format!(
                "`{name}` is searched by {ours} in the source and by {theirs} in the target: the vectors of {} of {} records looked at have another length than 1, and the nearest of those are others",
                Observed::count(longer),
                Observed::count(looked_at)
            ))?;
        }
    }
    Ok(())
}

fn is_unit(vector: &AnyVector) -> bool {
    let values = match vector {
        AnyVector::Dense(dense) => dense,
        AnyVector::Sparse(sparse) => &sparse.values,
        AnyVector::Multi(_) => return false,
    };
    let square: f64 = values.values().map(|value| f64::from(value) * f64::from(value)).sum();
    (square - 1.0).abs() <= ROUNDING
}
