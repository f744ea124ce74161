//! The record of what has happened: an append-only log of [`Event`]s, the [`RunState`] they fold to, their storage, and
//! the lock.
//!
//! Intent is durable before effect: an event is on disk before the world changes, and appending needs the
//! locked journal. The state is a pure fold that refuses what cannot have happened.

mod detail;
mod event;
mod fold;
mod fold_stage;
mod hold;
mod holder;
mod inbox;
mod lines;
mod lock;
mod lock_record;
mod paths;
mod state;
mod store;
mod traffic;
mod transfer;
mod trouble;
mod worked;

pub use detail::{Aftermath, Artifact, Judged, Route, Written};
pub use event::{Entry, Event, FORMAT};
pub use hold::{Cause, Gate, Hold};
pub use holder::{Holder, LockView};
pub use inbox::{Inbox, Request};
pub use lines::{read, read_of};
pub use lock::Lock;
pub use paths::Paths;
pub use state::{
    BakeState, Confirmation, HookState, Phase, RunState, ShardState, StageState, StageStatus,
    Stopped, WatchState,
};
pub use store::{Appended, Held, Journal};
pub use traffic::{Asked, Mark, TrafficState};
pub(crate) use transfer::{Transfer, copied, given};
pub use trouble::Trouble;
pub use worked::Worked;
