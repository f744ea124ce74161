use std::collections::BTreeMap;

use crate::journal::{Entry, Event};
use crate::model::MeasuredValue;

/// Returns what was last estimated of costs, by the names of the metrics: `cost.source_monthly`.
pub(super) fn costs(entries: &[Entry]) -> BTreeMap<String, MeasuredValue> {
    let of = |entry: &Entry| match &entry.event {
        Event::Observed { values, .. } => values.clone(),
        _ => BTreeMap::new(),
    };
    entries.iter().flat_map(of).filter(|(name, _)| name.starts_with("cost.")).collect()
}
