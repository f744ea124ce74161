//! The world of a plan's `rehearsal:` block.

use super::World;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::provider::Rehearsal;
use crate::provider::registry::connector;

impl World {
    /// Builds the source index that the plan is rehearsed with.
    ///
    /// # Errors
    /// `Invalid` if the plan has no `rehearsal:` or its source is not emulated; otherwise those of [`World::build`].
    pub fn of_plan(plan: &Plan) -> Result<Self> {
        let provider = &plan.source.provider;
        if connector(provider)?.rehearsal() != Rehearsal::Emulated {
            let message = format!("the source of `{}` is of {provider}, not emulated", plan.name);
            return Err(Error::invalid(message));
        }
        let rehearsal = plan.rehearsal.as_ref().ok_or_else(|| {
            Error::invalid(format!("the plan `{}` has no `rehearsal:`", plan.name))
                .with_hint("describe the source it is rehearsed with; see docs/plan.md")
        })?;
        let spec = plan.create_spec();
        let dimension = spec.and_then(|spec| spec.dimension);
        let metric = spec.and_then(|spec| spec.metric);
        Self::build(&plan.source.index, &rehearsal.source, dimension, metric, &plan.base)
    }
}
