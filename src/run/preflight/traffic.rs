//! Whether traffic can be moved, and is still where it was before the run.

use super::{Finding, Preflight};
use crate::plan::file::StageKind;
use crate::traffic::{Standing, TrafficNow};

pub(super) async fn find(preflight: &Preflight<'_>) -> Vec<Finding> {
    let is_moved = preflight.stages().any(|(stage, _)| matches!(stage.kind, StageKind::Canary(_)));
    let Some(driver) = preflight.driver.filter(|_| is_moved) else { return Vec::new() };
    // What a run has moved is looked at by the stage that goes on with it.
    if preflight.state.traffic.is_touched() {
        return Vec::new();
    }
    let about = format!("traffic ({})", driver.describe());
    let problems = driver.check().await;
    if !problems.is_empty() {
        return problems.iter().map(|error| Finding::of(about.clone(), error)).collect();
    }
    match TrafficNow::look(driver, &preflight.state.traffic).await.standing {
        Standing::Changed(change) => {
            let problem = format!("{} before the run has set anything", change.now);
            vec![Finding::new(about, problem, &change.way_back())]
        }
        Standing::AsLeft | Standing::Unknown => Vec::new(),
    }
}
