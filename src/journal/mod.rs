//! The record of what has happened: an append-only log of [`Event`]s, the [`RunState`] they fold to, their storage, and
//! the lock.
//!
//! Intent is durable before effect: an event is on disk before the world changes, and appending needs the
//! locked journal. The state is a pure fold that refuses what cannot have happened.

mod event;
mod fold;
mod inbox;
mod lock;
mod state;
mod store;
mod traffic;
mod transfer;
mod worked;

pub use event::{
    Aftermath, Artifact, Cause, Entry, Event, FORMAT, Gate, Hold, Judged, Route, Trouble,
};
pub use inbox::{Inbox, Request};
pub use lock::{Holder, Lock, LockView};
pub use state::{
    BakeState, Confirmation, HookState, Phase, RunState, ShardState, StageState, StageStatus,
    Stopped, WatchState,
};
pub use store::{Appended, Held, Journal, Paths, read, read_of};
pub use traffic::{Asked, Mark, TrafficState};
pub(crate) use transfer::{Transfer, copied, given};
pub use worked::Worked;
