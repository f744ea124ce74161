use serde::Serialize;

use crate::journal::{Phase, RunState, StageStatus};

/// Ending or present state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    NotStarted,
    /// The run is in progress, or its process is gone; running the plan again continues it.
    Running,
    /// The run waits for time, a person or measurements.
    Waiting,
    Done,
    /// An assertion failed and nothing needed undoing.
    Failed,
    /// Something could not be done or measured.
    Erred,
    RollingBack,
    RolledBack,
    /// A rollback could not undo everything.
    Stuck,
}

impl Ending {
    /// Returns the ending that a state shows; `is_held` means that the run last said that it waits.
    pub(super) fn of(state: &RunState, is_held: bool) -> Self {
        let has_failed =
            state.stages.iter().any(|stage| matches!(stage.status, StageStatus::Failed(_)));
        match state.phase {
            Phase::Empty => Self::NotStarted,
            Phase::Running if is_held => Self::Waiting,
            Phase::Running => Self::Running,
            Phase::Stopped if state.must_roll_back.is_some() => Self::RollingBack,
            Phase::Stopped if has_failed => Self::Failed,
            Phase::Stopped => Self::Erred,
            Phase::RollingBack => Self::RollingBack,
            Phase::Done => Self::Done,
            Phase::RolledBack => Self::RolledBack,
            Phase::Stuck => Self::Stuck,
        }
    }

    /// Returns the words of the report's first line.
    pub fn title(self) -> &'static str {
        match self {
            Self::NotStarted => "Not started",
            Self::Running => "Not finished",
            Self::Waiting => "Waiting",
            Self::Done => "Done",
            Self::Failed => "Failed",
            Self::Erred => "Error",
            Self::RollingBack => "Rolling back",
            Self::RolledBack => "Rolled back",
            Self::Stuck => "Stuck",
        }
    }

    /// Returns a symbol, which always stands before [`Ending::title`].
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Done => "✓",
            Self::Failed | Self::RolledBack | Self::Stuck => "✗",
            Self::Erred => "!",
            Self::NotStarted | Self::Running | Self::Waiting | Self::RollingBack => "…",
        }
    }
}
