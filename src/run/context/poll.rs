//! Waiting as a step that looks once and is taken again.

use std::ops::ControlFlow;

use super::Context;
use crate::clock::{Patience, after};
use crate::error::{Error, Result};

/// What one look of a step came to.
pub(in crate::run) enum Looked<T, W> {
    Seen(T),
    /// The step is to be taken again.
    Again,
    /// The limit has passed, and this was still waited for.
    Late(W),
}

impl Context {
    /// Looks once in the step of this name, after a pause where it was taken before. The limit counts from its first time.
    ///
    /// # Errors
    /// Those of `look`; `Interrupted` when the run is to stop.
    pub(in crate::run) async fn look_once<T, W, E: From<Error>>(
        &self,
        step: &str,
        Patience { limit, pause }: Patience,
        look: impl Future<Output = Result<ControlFlow<T, W>, E>>,
    ) -> Result<Looked<T, W>, E> {
        let begun = self.stage_state()?.steps_begun.get(step).copied();
        if begun.is_some() {
            self.sleep(pause).await?;
        }
        let is_late = begun.is_some_and(|begun| self.clock.now() >= after(begun, limit));
        Ok(match look.await? {
            ControlFlow::Break(answer) => Looked::Seen(answer),
            ControlFlow::Continue(waiting) if is_late => Looked::Late(waiting),
            ControlFlow::Continue(_) => Looked::Again,
        })
    }

    /// Does the same where being late is an error. `None`: the step is to be taken again.
    ///
    /// # Errors
    /// Those of [`Context::look_once`]; that of `late` once the limit has passed.
    pub(in crate::run) async fn look_again<T, W, E: From<Error>>(
        &self,
        step: &str,
        patience: Patience,
        look: impl Future<Output = Result<ControlFlow<T, W>, E>>,
        late: impl FnOnce(W) -> Error,
    ) -> Result<Option<T>, E> {
        match self.look_once(step, patience, look).await? {
            Looked::Seen(answer) => Ok(Some(answer)),
            Looked::Again => Ok(None),
            Looked::Late(waiting) => Err(late(waiting).into()),
        }
    }

    /// Returns whether the step of this name was taken before and is taken again.
    ///
    /// # Errors
    /// `Unexpected` if the run has no such stage.
    pub(in crate::run) fn is_again(&self, step: &str) -> Result<bool> {
        Ok(self.stage_state()?.steps_begun.contains_key(step))
    }
}
