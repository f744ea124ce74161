use jiff::Timestamp;
use serde::Serialize;

use super::words::time;
use super::{Ending, Waiting};
use crate::journal::{Hold, RunState, StageState};

/// Possibility of a rollback, until when, and what one left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rollback {
    pub is_possible: bool,
    /// The earliest time at which it may become impossible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// One sentence for people.
    pub text: String,
    /// Reason why a rollback began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Things it could not undo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
}

impl Rollback {
    /// Returns the rollback of a command that only looks, whatever the run it looks at has done.
    pub(super) fn of_a_look() -> Self {
        Self {
            is_possible: false,
            until: None,
            text: "nothing to roll back: this only looked".to_owned(),
            cause: None,
            left_behind: Vec::new(),
        }
    }

    pub(super) fn of(state: &RunState, ending: Ending, waiting: Option<&Waiting>) -> Self {
        let is_past = state.is_past_no_return();
        let until = waiting.and_then(|waiting| match &waiting.hold {
            Hold::Time { until } if !is_past => Some(*until),
            _ => None,
        });
        let has_changed = until.is_some() || has_changed(state);
        let text = match (ending, is_past, until) {
            (Ending::NotStarted, ..) => "nothing to roll back".to_owned(),
            _ if !has_changed => "nothing to roll back: nothing was changed".to_owned(),
            (_, true, _) => {
                "not possible: the deletion of the source was begun, the point of no return"
                    .to_owned()
            }
            (Ending::RolledBack, ..) => "done".to_owned(),
            (Ending::Stuck, ..) => {
                "stopped half-way; running it again tries what is left".to_owned()
            }
            (Ending::RollingBack, ..) => "going on".to_owned(),
            (_, false, Some(until)) => format!("possible, at least until {}", time(until)),
            (_, false, None) => "possible: the source was not deleted".to_owned(),
        };
        Self {
            is_possible: !is_past
                && has_changed
                && !matches!(ending, Ending::NotStarted | Ending::RolledBack),
            until,
            text,
            cause: state.cause.as_ref().map(ToString::to_string),
            left_behind: state.left_behind.clone(),
        }
    }
}

/// Returns whether anything was done, or begun, that a rollback would have to deal with.
fn has_changed(state: &RunState) -> bool {
    let acted = |stage: &StageState| {
        stage.created_index.is_some()
            || !stage.shards.is_empty()
            || stage.delete_intended
            || stage.undone.is_some()
    };
    state.traffic.is_touched()
        || state.cause.is_some()
        || !state.hooks.is_empty()
        || state.stages.iter().any(|stage| acted(stage))
}
