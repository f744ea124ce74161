use std::collections::BTreeMap;

use super::model::Preview;
use super::seen::Estimate;
use crate::journal::RunState;
use crate::model::{Observed, StageId};
use crate::plan::Plan;
use crate::run::route::Chosen;

/// The inputs for describing a stage.
pub(super) struct Look<'a> {
    pub plan: &'a Plan,
    pub state: &'a RunState,
    pub preview: &'a Preview,
    pub chosen: &'a BTreeMap<StageId, Chosen>,
    pub estimates: &'a BTreeMap<StageId, Estimate>,
}

pub(super) fn size(bytes: f64) -> String {
    Observed::Bytes(bytes).to_string()
}

pub(super) fn group(number: u64) -> String {
    Observed::count(number).to_string()
}
