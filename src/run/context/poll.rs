//! Asking again and again until the world answers as it should, or for too long.

use std::ops::ControlFlow;
use std::time::Duration;

use super::Context;
use crate::clock::{Clock, after};
use crate::error::{Error, Result};

/// How long to go on asking, and the time between two questions.
#[derive(Clone, Copy, Debug)]
pub(in crate::run) struct Patience {
    pub limit: Duration,
    pub pause: Duration,
}

impl Context {
    /// Asks once for the step of this name, after a pause where it was asked before. `None`: the answer is to be waited
    /// for.
    ///
    /// # Errors
    /// Those of `look`; that of `late` once the limit has passed; `Interrupted` when the run is to stop.
    pub(in crate::run) async fn look_again<T, W, E: From<Error>>(
        &self,
        step: &str,
        Patience { limit, pause }: Patience,
        look: impl Future<Output = Result<ControlFlow<T, W>, E>>,
        late: impl FnOnce(W) -> Error,
    ) -> Result<Option<T>, E> {
        let begun = self.state()?.steps_begun.get(step).copied();
        if begun.is_some() {
            self.sleep(pause).await?;
        }
        let is_late = begun.is_some_and(|begun| self.clock.now() >= after(begun, limit));
        match look.await? {
            ControlFlow::Break(answer) => Ok(Some(answer)),
            ControlFlow::Continue(waiting) if is_late => Err(late(waiting).into()),
            ControlFlow::Continue(_) => Ok(None),
        }
    }

    /// Asks until `look` breaks with an answer. `late` makes the error from what the last look was still waiting for.
    ///
    /// # Errors
    /// Those of `look`; that of `late` once the limit has passed; `Interrupted` when the run is to stop.
    pub(in crate::run) async fn poll<T, W, F>(
        &self,
        patience: Patience,
        look: impl FnMut() -> F,
        late: impl FnOnce(W) -> Error,
    ) -> Result<T>
    where
        F: Future<Output = Result<ControlFlow<T, W>>>,
    {
        match self.ask(patience, look).await? {
            ControlFlow::Break(answer) => Ok(answer),
            ControlFlow::Continue(waiting) => Err(late(waiting)),
        }
    }

    /// Asks until `look` breaks with an answer; once the limit has passed, continues with what the last look was still
    /// waiting for.
    ///
    /// # Errors
    /// Those of `look`; `Interrupted` when the run is to stop.
    pub(in crate::run) async fn ask<T, W, F>(
        &self,
        patience: Patience,
        look: impl FnMut() -> F,
    ) -> Result<ControlFlow<T, W>>
    where
        F: Future<Output = Result<ControlFlow<T, W>>>,
    {
        ask(&self.clock, patience, look, |pause| self.sleep(pause)).await
    }
}

/// Does the same as [`Context::ask`] where there is no run: `sleep` waits between two looks.
pub(in crate::run) async fn ask<T, W, F, S>(
    clock: &Clock,
    Patience { limit, pause }: Patience,
    mut look: impl FnMut() -> F,
    sleep: impl Fn(Duration) -> S,
) -> Result<ControlFlow<T, W>>
where
    F: Future<Output = Result<ControlFlow<T, W>>>,
    S: Future<Output = Result<()>>,
{
    let deadline = after(clock.now(), limit);
    loop {
        let seen = look().await?;
        if seen.is_break() || clock.now() >= deadline {
            return Ok(seen);
        }
        sleep(pause).await?;
    }
}
