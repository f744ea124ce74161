//! The world a plan's `rehearsal:` block describes, for `rehearse` and `emulate --world`.

use crate::emulator::World;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::plan::file::Rehearsal;
use crate::provider::parquet;

/// The block, or what to do where there is none.
pub fn rehearsal_of(plan: &Plan) -> Result<&Rehearsal> {
    plan.file.rehearsal.as_ref().ok_or_else(|| {
        Error::invalid(format!("{} has no `rehearsal:` block", plan.path.display()))
            .with_hint("describe the source to build, for example `rehearsal: { source: { kind: pod, records: 1_000 } }`")
    })
}

/// The source index and its records, read from `data` or generated.
pub fn world_of(plan: &Plan) -> Result<World> {
    let source = &rehearsal_of(plan)?.source;
    let name = &plan.file.source.index;
    let create = plan.create_spec();
    let (dimension, metric) = (create.and_then(|spec| spec.dimension), create.and_then(|spec| spec.metric));
    let Some(data) = &source.data else {
        return World::generated(name, source, dimension, metric);
    };
    let batches = parquet::read(plan.resolve_path(data))?;
    let records = batches.flat_map(|batch| match batch {
        Ok(records) => records.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    });
    World::of_records(name, source, dimension, metric, records)
}
