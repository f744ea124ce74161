//! Driving a plan: prepare, decide, execute.
//!
//! [`decide`] is pure: it looks at the plan and the folded state and says what comes next. [`PreparedRun::execute`]
//! does that, appends the events that say so, and asks again, until there is nothing left or somebody has to be
//! waited for. Resume is not a mode: every run folds its journal first, and an empty one is the special case.

mod decide;
mod listener;
mod options;
mod outcome;
mod recorder;
mod world;

pub use decide::{Decision, decide};
pub use listener::{Listener, Progress, Silent};
pub use options::RunOptions;
pub use outcome::Outcome;
pub use recorder::Recorder;
pub use world::World;
