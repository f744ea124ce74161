//! The record of what has happened: an append-only log of [`Event`]s and the [`RunState`] they fold to, which is pure and
//! refuses what cannot have happened. Where it is kept is in [`state`](crate::state).

mod answers;
mod detail;
mod event;
mod fold;
mod fold_stage;
mod hold;
mod holder;
mod lines;
mod request;
mod state;
mod traffic;
mod transfer;
mod trouble;
mod worked;

pub use answers::Answers;
pub use detail::{Aftermath, Artifact, Judged, Route, Written};
pub use event::{Entry, Event, FORMAT};
pub use hold::{Cause, Gate, Hold};
pub use holder::{Holder, LockView};
pub(crate) use lines::{AS_DAMAGED, Parsed, lines, parse};
pub use request::{Letter, Request, Waiting, request_words};
pub use state::{
    BakeState, Confirmation, HookState, Phase, RunState, ShardState, StageState, StageStatus,
    Stopped, WatchState,
};
pub use traffic::{Asked, Mark, TrafficState};
pub(crate) use transfer::{Transfer, copied, given};
pub use trouble::Trouble;
pub use worked::Worked;
