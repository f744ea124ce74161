use std::path::Path;

use crate::journal::RunState;
use crate::plan::{Plan, Stage};
use crate::run::context::options::RunOptions;
use crate::traffic::Driver;

/// The inputs of a preflight check.
#[derive(Clone, Copy)]
pub struct Preflight<'a> {
    pub plan: &'a Plan,
    /// The state of the run; stages that have passed are not checked again.
    pub state: &'a RunState,
    pub options: &'a RunOptions,
    pub driver: Option<&'a dyn Driver>,
    /// The folder of the plan's state, which contains the artifacts.
    pub folder: &'a Path,
}

impl Preflight<'_> {
    /// The stages that have yet to pass.
    pub(super) fn stages(&self) -> impl Iterator<Item = &Stage> {
        let is_passed = |id| self.state.stage(id).is_some_and(|stage| stage.is_passed());
        self.plan.stages.iter().filter(move |stage| !is_passed(&stage.id))
    }
}
