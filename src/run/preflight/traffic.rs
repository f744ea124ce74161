//! Checks that traffic can be moved. Where it is now is shown by `plan` and checked before each step.

use super::finding::Finding;
use super::inputs::Preflight;
use crate::plan::Stage;

pub(super) async fn find(preflight: &Preflight<'_>) -> Vec<Finding> {
    let is_moved = preflight.stages().any(Stage::moves_traffic);
    let Some(driver) = preflight.driver.filter(|_| is_moved) else { return Vec::new() };
    // Once the run has moved traffic, the stage that continues checks it.
    if preflight.state.traffic.is_touched() {
        return Vec::new();
    }
    let about = format!("traffic ({})", driver.describe());
    let problems = driver.check().await;
    problems.iter().map(|error| Finding::of(about.clone(), error)).collect()
}
