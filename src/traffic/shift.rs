//! Setting a weight and looking what came of it.

use super::driver::{Driver, Seen};
use super::weight;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Aftermath;
use crate::model::Share;

/// What came of setting a weight.
#[derive(Debug)]
pub enum Shift {
    /// The weight was read back.
    Set {
        print: Option<String>,
        /// What the driver said although the weight is set.
        despite: Option<Error>,
    },
    /// The driver reported no error and cannot read back.
    Requested,
    /// The weight is not what was asked for, or nobody knows.
    NotSet { error: Error, after: Aftermath },
}

/// Sets a weight and reads it back, also after an error: a set that fails may have had its effect.
///
/// # Errors
/// `Invalid` for what is no weight; nothing was asked of the driver then.
pub async fn shift(driver: &dyn Driver, weight: Share) -> Result<Shift> {
    weight::check(weight)?;
    let failure = match driver.set(weight).await {
        Ok(()) => None,
        Err(error) if error.kind() == ErrorKind::Invalid => {
            return Ok(Shift::NotSet { error, after: Aftermath::Unchanged });
        }
        Err(error) => Some(error.with_operation("set the weight")),
    };
    let read = driver.read().await.map_err(|error| error.with_operation("read the weight"));
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

fn other(driver: &dyn Driver, asked: Share, read: &str) -> Error {
    Error::new(ErrorKind::Failed, format!("{asked} was set, and read back: {read}"))
        .with_operation("read the weight")
        .with_context("driver", driver.describe())
}
