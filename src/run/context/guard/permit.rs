use std::time::Duration;

use futures::future::BoxFuture;

use super::{Effect, Look, TABLE, confirmation, contents, identity, ownership, traffic};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::run::Context;

/// The most attempts at an effect that fails in a way that may pass.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The right to carry out one effect, once, after the checks in its row of the table.
///
/// Only [`permit`] creates one.
#[derive(Debug)]
#[must_use]
pub(super) struct Permit(Effect);

impl Permit {
    pub fn effect(&self) -> &Effect {
        &self.0
    }
}

/// The reason why an effect may not happen.
#[derive(Debug)]
pub(in crate::run) struct Refusal {
    look: Option<Look>,
    error: Error,
}

impl Refusal {
    /// Returns whether the thing does not belong to this run: it is then left alone, which is not a failure.
    pub fn leaves_it_alone(&self) -> bool {
        let is_foreign =
            matches!(self.look, Some(Look::Identity | Look::Ownership | Look::Contents));
        is_foreign && self.error.kind() == ErrorKind::Refused
    }

    /// Lets only a failed ownership check mean "leave it alone"; any other refusal is an obstacle.
    pub(super) fn of_ownership_alone(self) -> Self {
        Self { look: self.look.filter(|look| *look == Look::Ownership), ..self }
    }

    /// Leaves alone what the provider refuses to touch because somebody else holds it.
    pub(super) fn of_another(error: Error) -> Self {
        Self { look: Some(Look::Ownership), error }
    }

    /// Returns why, and what can be done about it: `MESSAGE: HINT`.
    pub fn reason(&self) -> String {
        match self.error.hint() {
            Some(hint) => format!("{}: {hint}", self.error.message()),
            None => self.error.message().to_owned(),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { look: None, error }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// Makes every check that the table lists for `effect`, in order.
pub(super) async fn permit(context: &Context, effect: &Effect) -> Result<Permit, Refusal> {
    let row = TABLE.iter().find(|row| row.effect == effect.name());
    let row = row.ok_or_else(|| Error::unexpected(format!("nothing is known of: {effect}")))?;
    for (look, _) in row.looks {
        let taken = match look {
            Look::Identity => identity::look(context, effect).await,
            Look::Ownership => ownership::look(context, effect).await,
            Look::Contents => contents::look(context, effect).await,
            Look::Traffic => traffic::look(context, effect).await,
            Look::Confirmation => confirmation::look(context, effect),
        };
        taken.map_err(|error| Refusal { look: Some(*look), error })?;
    }
    Ok(Permit(effect.clone()))
}

/// Checks and acts. If the act fails in a way that may pass, everything is checked again before the next attempt.
pub(super) async fn carry_out<'a, T>(
    context: &Context,
    effect: &Effect,
    act: impl Fn(Permit) -> BoxFuture<'a, Result<T>> + Send + Sync,
) -> Result<T, Refusal> {
    let mut pause = PAUSE;
    let mut tries = 1;
    loop {
        let permit = permit(context, effect).await?;
        let error = match act(permit).await {
            Ok(done) => return Ok(done),
            Err(error) if error.is_retryable() && tries < TRIES => error,
            Err(error) => return Err(error.into()),
        };
        tries += 1;
        let asked = match error.retry() {
            Retry::After(asked) => asked,
            _ => pause,
        };
        context.sleep(asked).await?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
