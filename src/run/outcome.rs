//! How a run ends.

use crate::error::Error;
use crate::journal::Hold;
use crate::model::StageId;

/// How a run ended, for now or for good.
#[derive(Debug)]
pub enum Outcome {
    /// All stages passed in this run.
    Done,
    /// All stages had passed before.
    NoChanges,
    /// The run waits; the same command goes on.
    Held {
        stage: StageId,
        hold: Hold,
    },
    /// An assertion failed and nothing needed undoing.
    Failed {
        stage: StageId,
        reason: String,
    },
    /// Something could not be done or measured. `stage` is `None` for a hook of the whole run.
    Erred {
        stage: Option<StageId>,
        error: Error,
    },
    RolledBack {
        cause: String,
    },
    Stuck {
        left_behind: Vec<String>,
    },
    Interrupted,
}
