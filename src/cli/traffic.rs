//! Reads where the traffic of a run is now, for commands that only look.

use std::path::Path;
use std::time::Duration;

use super::session::Session;
use crate::journal::RunState;
use crate::provider::language;
use crate::run::open_driver;
use crate::traffic::{TrafficNow, TrafficView};

/// The longest time that a driver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the driver of a run's plan; `None` if the run moved no traffic or was a rehearsal. `plan` is the file or name
/// given on the command line.
pub async fn traffic_now(
    session: &Session,
    plan: Option<&str>,
    state: &RunState,
) -> Option<TrafficView> {
    if !state.traffic.is_touched() || state.rehearsal {
        return None;
    }
    // A reviewed plan is not a plan file, but its run knows which plan it was made from.
    let is_plan = |plan: &&str| Path::new(plan).is_file() && !plan.ends_with(".json");
    let given = plan.filter(is_plan);
    let file = given.or(state.path.as_deref()).unwrap_or_default();
    let not_read = |why: &str| TrafficView {
        place: file.to_owned(),
        left: state.traffic.weight(),
        now: None,
        standing: "unknown",
        text: format!("unknown: {why}"),
    };
    let plan =
        session.inputs().ok().and_then(|inputs| language().read(Path::new(file), &inputs).ok());
    let Some(plan) = plan.map(|read| read.plan).filter(|plan| plan.name == state.plan) else {
        return Some(not_read("the plan cannot be read from here"));
    };
    let driver = match open_driver(&plan, &session.providers(&plan)) {
        Ok(Some(driver)) => driver,
        Ok(None) => return Some(not_read("the plan has no `traffic` any more")),
        Err(error) => return Some(not_read(&error.to_string())),
    };
    let look = TrafficNow::look(&*driver, &state.traffic);
    Some(match tokio::time::timeout(PATIENCE, look).await {
        Ok(now) => now.view(&state.traffic),
        Err(_) => not_read("the driver has not answered within 10 s"),
    })
}
