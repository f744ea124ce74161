use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::Holder;
use crate::model::StageId;

/// Options of a run that come from the command line rather than the plan.
#[derive(Clone, Debug)]
pub struct RunOptions {
    pub holder: Holder,
    /// The last stage to run; nothing is started after it has passed.
    pub until: Option<StageId>,
    /// Ends with the run on hold instead of waiting for bakes, retention or people.
    pub no_wait: bool,
    /// Stops waiting after this long and ends with the run on hold.
    pub detach_after: Option<Duration>,
    /// The index whose deletion is confirmed, followed by [`TRAFFIC_UNKNOWN`] if the weight cannot be read.
    pub confirm: Option<String>,
    /// The digest that the plan must have.
    pub expect: Option<String>,
    /// Accepts a plan that was changed while its run is open.
    pub adopt: bool,
    /// Treats warnings as failures.
    pub strict: bool,
    /// Grants every approval and confirmation automatically. For rehearsals only, where nothing can be lost.
    pub is_rehearsal: bool,
    /// The environment from which hooks and drivers may be given variables.
    pub environment: BTreeMap<String, String>,
}

/// The suffix of a confirmation given although the traffic driver cannot read the weight.
pub const TRAFFIC_UNKNOWN: &str = "+traffic-unknown";

impl RunOptions {
    /// The confirmed index, if any.
    pub fn confirmed_index(&self) -> Option<&str> {
        let given = self.confirm.as_deref()?;
        Some(given.strip_suffix(TRAFFIC_UNKNOWN).unwrap_or(given))
    }

    /// Returns whether the deletion of `index` was confirmed. With `traffic_unknown`, the confirmation has to say that
    /// the weight cannot be read.
    pub fn confirms(&self, index: &str, traffic_unknown: bool) -> bool {
        self.confirm.as_deref().is_some_and(|given| match given.strip_suffix(TRAFFIC_UNKNOWN) {
            Some(given) => given == index,
            None => given == index && !traffic_unknown,
        })
    }

    pub fn new(holder: Holder) -> Self {
        Self {
            holder,
            until: None,
            no_wait: false,
            detach_after: None,
            confirm: None,
            expect: None,
            adopt: false,
            strict: false,
            is_rehearsal: false,
            environment: BTreeMap::new(),
        }
    }
}
