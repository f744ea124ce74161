//! Counts as they are measured.

use crate::assertion::Measured;
use crate::model::{IndexStats, Observed, Quality};

/// Measures how many records a side holds; of an index that estimates it, nothing is known.
pub(super) fn measure_records(measured: &mut Measured, side: &str, stats: &IndexStats) {
    let name = format!("{side}.records");
    match stats.quality {
        Quality::Exact | Quality::Lagging => measured.set(&name, Observed::count(stats.total), 1),
        Quality::Estimate => measured.set_not_measured(&name, "the index only estimates it"),
    };
}
