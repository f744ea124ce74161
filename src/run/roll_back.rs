//! A rollback that somebody asks for.

use tokio_util::sync::CancellationToken;

use super::context::guard;
use super::execute::Executor;
use super::outcome::Outcome;
use super::prepare::PreparedRun;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Cause, Event, Phase};

/// Rolls a run back on request: takes the lock and undoes its stages, the last one first.
///
/// # Errors
/// `Refused` if there is nothing to roll back, or if the point of no return has passed.
pub async fn roll_back(
    run: PreparedRun,
    purge: bool,
    cancel: CancellationToken,
) -> Result<Outcome> {
    let recorder = run.recorder.clone();
    recorder.while_held(Box::pin(roll_back_while_held(run, purge, cancel))).await
}

async fn roll_back_while_held(
    run: PreparedRun,
    purge: bool,
    cancel: CancellationToken,
) -> Result<Outcome> {
    let mut executor = Executor::new(run, cancel);
    let state = executor.recorder.state();
    let is_deleted = guard::settle(&executor.now()).await?;
    executor.flush().await?;
    if is_deleted {
        return Err(Error::new(
            ErrorKind::Refused,
            "the source was deleted: the run is past the point of no return",
        )
        .with_hint("the snapshot of the decommission stage holds its records"));
    }
    let holder = executor.now().options.holder.to_string();
    match state.phase {
        Phase::Empty => {
            return Err(Error::new(ErrorKind::Refused, "there is no run to roll back"));
        }
        Phase::RolledBack if !purge => {
            return Err(Error::new(ErrorKind::Refused, "the run is rolled back already"));
        }
        // Its steps begin anew: another process took them.
        Phase::RollingBack => {
            executor.recorder.append(vec![Event::RunContinued { holder }]).await?;
        }
        _ => {
            let cause = Cause::Asked { by: holder, purge };
            executor.recorder.append(vec![Event::RollbackStarted { cause }]).await?;
        }
    }
    let outcome = executor.drive(false).await;
    match outcome {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Outcome::Interrupted),
        outcome => outcome,
    }
}
