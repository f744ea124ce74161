//! What a target makes of its records once all of them are there.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use crate::clock::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Span, StageId};
use crate::run::taken::Taken;
use crate::run::{Context, Note, Progress};
use crate::store::{Finishing, Standing};

/// The longest that making it may take.
const LIMIT: Duration = Duration::from_secs(24 * 3600);
const PAUSE: Duration = Duration::from_millis(500);

/// Asks for it, or how far it is, once, in the step of this name.
///
/// # Errors
/// `Failed` if it cannot be made; `Timeout` after a day; any error of the target.
pub(super) async fn see_finished(context: &Context, step: &str) -> Result<Taken> {
    let Some(admin) = context.world.target.admin() else { return Ok(Taken::Done) };
    let look = async {
        Ok(match admin.finish().await? {
            None => Break(()),
            Some(made) => match made.standing {
                Standing::Done => Break(()),
                Standing::UnderWay => {
                    context.progress(&shown(context.id(), &made));
                    Continue(made.state)
                }
                Standing::Failed => {
                    let message = format!("the target cannot be made ready: {}", made.state);
                    return Err(Error::new(ErrorKind::Failed, message));
                }
            },
        })
    };
    let late = |state: String| {
        let message = format!("the target was not made ready within {}: {state}", Span(LIMIT));
        Error::new(ErrorKind::Timeout, message)
            .with_hint("run the same command again to go on waiting")
    };
    let patience = Patience { limit: LIMIT, pause: PAUSE };
    let seen = context.look_again(step, patience, look, late).await?;
    Ok(seen.into())
}

fn shown(stage: StageId, made: &Finishing) -> Progress {
    let note = Some(Note::WaitsFor(made.state.clone()));
    Progress { stage, unit: "indexes made", done: made.done, total: made.total, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_made_is_shown_with_how_far_it_is() {
        let state = "building index: loading tuples, 63 %".to_owned();
        let made = Finishing { standing: Standing::UnderWay, done: 1, total: 2, state };
        let progress = shown("copy".into(), &made);
        assert!(progress.is_waiting());
        assert_eq!((progress.done, progress.total, progress.unit), (1, 2, "indexes made"));
        let note = progress.note.unwrap().to_string();
        assert_eq!(note, "waiting for building index: loading tuples, 63 %");
    }
}
