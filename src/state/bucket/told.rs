//! What is said of who holds a plan.

use std::time::Duration;

use super::head::Head;
use crate::error::{Error, ErrorKind};
use crate::journal::LockView;
use crate::model::duration;

/// Returns the error for a plan that somebody holds, who renewed `age` ago.
pub(super) fn locked(view: &LockView, age: Duration) -> Error {
    let message = format!(
        "another run holds this plan: {} since {:.0}, renewed {} ago, lock {}",
        view.holder,
        view.since,
        duration(age),
        view.id
    );
    Error::new(ErrorKind::Locked, message)
        .with_hint("wait for it, or look with `vecshift lock show`")
}

/// Returns the error for a plan whose holder did not let go of it, and is not known to be gone.
pub(super) fn unfinished(view: &LockView) -> Error {
    let message = format!("{} has not let go of this plan, lock {}", view.holder, view.id);
    Error::new(ErrorKind::Locked, message)
        .with_hint("see to its end, then `vecshift unlock` it; or go on with the run there")
}

/// Returns the error for a plan that this process held, by the head that is there now.
pub(super) fn lost(there: &Head) -> Error {
    let who = match (&there.holder, &there.lock) {
        (Some(holder), Some(lock)) => {
            format!("{holder} took it at {:.0}, lock {lock}", there.since)
        }
        _ => "its lock was removed, or somebody took the plan and has let go of it".to_owned(),
    };
    Error::new(ErrorKind::Locked, format!("this run no longer holds its plan: {who}")).with_hint(
        "what it was about to do it has not done; `vecshift status` says where the plan stands",
    )
}
