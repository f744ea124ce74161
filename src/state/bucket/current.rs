//! Which run the letters of a plan are for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// The last run of a plan as long as this process holds it and nobody else can begin another.
#[derive(Clone, Debug, Default)]
pub(super) struct Current(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    run: Option<String>,
    /// When a run's first segment was written, by the store's clock.
    began: Option<(String, Timestamp)>,
}

impl Current {
    pub fn set(&self, run: &str) {
        self.state().run = Some(run.to_owned());
    }

    /// Says that it has to be read again.
    pub fn forget(&self) {
        self.state().run = None;
    }

    pub fn run(&self) -> Option<String> {
        self.state().run.clone()
    }

    pub fn began(&self, run: &str) -> Option<Timestamp> {
        self.state().began.as_ref().filter(|(of, _)| of == run).map(|(_, began)| *began)
    }

    pub fn set_began(&self, run: &str, began: Timestamp) {
        self.state().began = Some((run.to_owned(), began));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
