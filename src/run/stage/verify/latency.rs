//! Times that no load of queries tells.

use crate::clock::Stopwatch;
use crate::model::{Operation, Outcome, Sample, Side};
use crate::run::Context;
use crate::run::stage::sampling::Sampled;

/// Fetches that are timed.
const FETCHES: usize = 50;

pub(super) async fn time_fetches(
    context: &Context,
    sampled: &[Sampled],
    sink: &mut (dyn FnMut(Sample) + Send),
) {
    for one in sampled.iter().take(FETCHES) {
        let watch = Stopwatch::start();
        let ids = std::slice::from_ref(&one.record.id);
        let answer = context.world.measured_target.fetch(&one.mapping.target, ids).await;
        sink(Sample {
            at: context.clock.now(),
            side: Side::Target,
            operation: Operation::Fetch,
            latency: watch.elapsed(),
            outcome: answer
                .map_or_else(|error| Outcome::Failed(error.kind()), |_| Outcome::Answered),
            overlaps: Vec::new(),
            is_filtered: false,
        });
    }
}
