//! The outcome of a run.

use crate::error::Error;
use crate::journal::Hold;
use crate::model::StageId;

/// The end of a run, for now or for good.
#[derive(Debug)]
pub enum Outcome {
    /// All stages have passed, the last of them in this process.
    Done,
    /// All stages had passed before.
    NoChanges,
    /// The run is waiting; the same command continues it.
    Held {
        stage: StageId,
        hold: Hold,
    },
    /// An assertion failed and nothing needed undoing.
    Failed {
        stage: StageId,
        reason: String,
    },
    /// A stage could not be performed or measured. `stage` is `None` for a hook of the whole run.
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
