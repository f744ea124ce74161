use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::Holder;
use crate::model::StageId;

/// How a run behaves; what the command line says beside the plan.
#[derive(Clone, Debug)]
pub struct RunOptions {
    pub holder: Holder,
    /// After this stage has passed nothing more is started.
    pub until: Option<StageId>,
    /// Do not wait for bakes, retention or people: end as waiting.
    pub no_wait: bool,
    /// End as waiting after this long.
    pub detach_after: Option<Duration>,
    /// The index whose deletion is confirmed, with [`TRAFFIC_UNKNOWN`] after it where that is known.
    pub confirm: Option<String>,
    /// The digest the plan must have.
    pub expect: Option<String>,
    /// Take a plan up that was changed in mid-run.
    pub adopt: bool,
    /// Warnings count as failures.
    pub strict: bool,
    /// Approve by itself and confirm by itself; only in a rehearsal, where nothing can be lost.
    pub is_rehearsal: bool,
    /// The environment that hooks and drivers may be given parts of.
    pub environment: BTreeMap<String, String>,
}

/// What a confirmation ends with where it is given although the traffic driver cannot read the weight.
pub const TRAFFIC_UNKNOWN: &str = "+traffic-unknown";

impl RunOptions {
    /// The index that was confirmed, if any.
    pub fn confirmed_index(&self) -> Option<&str> {
        let given = self.confirm.as_deref()?;
        Some(given.strip_suffix(TRAFFIC_UNKNOWN).unwrap_or(given))
    }

    /// Whether the deletion of `index` was confirmed; where the weight cannot be read, with the knowledge of that.
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
