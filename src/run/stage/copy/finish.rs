//! What a target makes of its records once all of them are there.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Span;
use crate::run::Context;
use crate::run::context::poll::Patience;
use crate::run::taken::Taken;
use crate::store::Standing;

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
                Standing::UnderWay => Continue(made.state),
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
