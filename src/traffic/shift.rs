//! Sets a weight and determines what came of it.

use std::convert::Infallible;
use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use super::driver::{Driver, Seen};
use super::weight;
use crate::clock::{Clock, Patience, ask};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Aftermath;
use crate::model::Share;

/// The result of setting a weight.
#[derive(Debug)]
pub enum Shift {
    /// The weight was read back.
    Set {
        print: Option<String>,
        /// The error that the driver returned although the weight is set.
        despite: Option<Error>,
    },
    /// The driver returned no error but cannot read the weight back.
    Requested,
    /// The weight is not what was asked for, or is unknown.
    NotSet { error: Error, after: Aftermath },
}

/// How long a weight that was set may take until it can be read, and how often it is looked for. It is looked for within
/// the step that set it: between the two, nobody would know which side answers how much of the traffic.
const SETTLING: Patience =
    Patience { limit: Duration::from_secs(30), pause: Duration::from_secs(1) };

/// Sets a weight and reads it back, even after an error, because a failed set may have taken effect. What was set without
/// an error may take a while to be seen.
///
/// # Errors
/// `Invalid` if it is not a weight; the driver was not asked then.
pub async fn shift(driver: &dyn Driver, weight: Share, clock: &Clock) -> Result<Shift> {
    weight::check(weight)?;
    let failure = match driver.set(weight).await {
        Ok(()) => None,
        Err(error) if error.kind() == ErrorKind::Invalid => {
            return Ok(Shift::NotSet { error, after: Aftermath::Unchanged });
        }
        Err(error) => Some(error.with_operation("set the weight")),
    };
    let read = match &failure {
        None => settled(driver, weight, clock).await,
        Some(_) => read(driver).await,
    };
    Ok(match (failure, read) {
        (despite, Ok(Seen::Weight { share, print })) if share.is_same(weight) => {
            Shift::Set { print, despite }
        }
        (None, Ok(Seen::Mute)) => Shift::Requested,
        (failure, Ok(Seen::Weight { share, print })) => Shift::NotSet {
            error: failure.unwrap_or_else(|| other(driver, weight, &share.to_string())),
            after: Aftermath::Read { weight: share, print },
        },
        (Some(error), _) if driver.is_all_or_nothing() => {
            Shift::NotSet { error, after: Aftermath::Unchanged }
        }
        (Some(error), _) | (None, Err(error)) => Shift::NotSet { error, after: Aftermath::Unknown },
        (None, Ok(Seen::Unset(what) | Seen::Foreign(what))) => {
            Shift::NotSet { error: other(driver, weight, &what), after: Aftermath::Unknown }
        }
    })
}

async fn read(driver: &dyn Driver) -> Result<Seen> {
    driver.read().await.map_err(|error| error.with_operation("read the weight"))
}

/// Reads until the weight is the one that was set. Something that is no weight at all does not become one by waiting, and a
/// file shows what was written to it at once.
async fn settled(driver: &dyn Driver, weight: Share, clock: &Clock) -> Result<Seen> {
    let look = || async {
        let seen = read(driver).await;
        let may_change = match &seen {
            Ok(Seen::Weight { share, .. }) => !share.is_same(weight),
            Ok(Seen::Unset(_) | Seen::Foreign(_) | Seen::Mute) => false,
            Err(_) => true,
        };
        let is_last = !may_change || driver.is_all_or_nothing();
        Ok::<_, Infallible>(if is_last { Break(seen) } else { Continue(seen) })
    };
    let rest = || async {
        clock.sleep(SETTLING.pause).await;
        Ok(())
    };
    match ask(SETTLING.from_now(clock), look, rest).await {
        Ok(Break(seen) | Continue(seen)) => seen,
    }
}

fn other(driver: &dyn Driver, asked: Share, read: &str) -> Error {
    Error::new(ErrorKind::Failed, format!("{asked} was set, and read back: {read}"))
        .with_operation("read the weight")
        .with_context("driver", driver.describe())
}
