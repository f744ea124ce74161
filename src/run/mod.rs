//! Runs a plan step by step.
//!
//! [`next`] is pure: it looks at the plan and the folded state and returns the step that comes next.
//! [`PreparedRun::execute`] takes it, appends the events that say what came of it, and decides again, until nothing is
//! left or the run has to wait.
//! Resume is not a mode: every run folds its journal first, and an empty journal is the special case.
//!
//! What is in here stands on what is below it:
//!
//! ```text
//! roll_back                                what is asked of the engine from outside
//! execute  prepare  preview  preflight     the engine, and what can be said before it starts
//! perform  next                            taking a step; which one is next
//! stage/                                   a folder for each kind of stage
//! contents/  snapshot/                     both sides read from end to end
//! line/                                    what the records of a copy pass, and the files that it keeps
//! route/  sample/  selection  price        what is asked of both sides, by stages and previews alike
//! hooks  judge  view  traffic              what a decision is made from
//! context/                                 what a step works with, and the guard
//! ```

mod contents;
mod context;
mod driver;
mod erase;
mod execute;
mod figures;
mod hook;
mod hooks;
mod judge;
mod line;
mod listener;
mod next;
mod outcome;
mod perform;
mod preflight;
mod prepare;
mod preview;
mod price;
mod roll_back;
mod route;
mod sample;
mod selection;
mod sides;
mod snapshot;
mod stage;
mod steer;
mod taken;
mod traffic;
mod view;

pub(crate) use context::Context;
pub use context::guard::{
    ErasePermit, Holding, Look, Row, TABLE as GUARDED, markdown as guarded_markdown,
};
pub use context::options::{RunOptions, TRAFFIC_UNKNOWN};
pub use context::world::World;
pub use driver::{open_driver, rehearsed_driver};
pub use erase::{Erasure, Wanted};
pub(crate) use figures::COLD_FIGURE;
pub use listener::{Listener, Note, Progress, Silent};
pub use next::{Step, next};
pub use outcome::Outcome;
pub use preflight::{Finding, Preflight};
pub use prepare::{PreparedRun, changes_to_adopt, from_anywhere, gates, named};
pub use preview::{Preview, PreviewCopy, PreviewStage, preview};
pub use roll_back::roll_back;
pub use stage::{Held, StageStep, UndoStep};
pub use view::Terms;
