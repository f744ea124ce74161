//! A bulk import as its client sees it; `importer` does the work.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::clock::Timestamp;
use crate::pinecone_wire::state::ImportState;

use super::shelf::Kept;

/// One import as the API describes it.
pub(crate) struct Import {
    pub id: String,
    pub index_id: String,
    pub uri: String,
    pub created_at: Timestamp,
    /// Stops the work.
    pub stop: CancellationToken,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    pub status: ImportState,
    /// Progress from 0 to 100.
    pub percent: f64,
    pub records: u64,
    pub error: Option<String>,
    pub finished_at: Option<Timestamp>,
}

impl Import {
    pub fn new(id: String, index_id: String, uri: String, now: Timestamp) -> Self {
        let state = State {
            status: ImportState::Pending,
            percent: 0.0,
            records: 0,
            error: None,
            finished_at: None,
        };
        let stop = CancellationToken::new();
        Self { id, index_id, uri, created_at: now, stop, state: Mutex::new(state) }
    }

    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn advance(&self, percent: f64, records: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.finished_at.is_none() {
            (state.status, state.percent, state.records) =
                (ImportState::InProgress, percent, records);
        }
    }

    /// Ends the import. Only the first end counts; later calls change nothing.
    pub fn end(&self, status: ImportState, error: Option<String>, now: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.finished_at.is_some() {
            return;
        }
        if status == ImportState::Completed {
            state.percent = 100.0;
        }
        (state.status, state.error, state.finished_at) = (status, error, Some(now));
        self.stop.cancel();
    }
}

impl Kept for Import {
    fn id(&self) -> &str {
        &self.id
    }
}
