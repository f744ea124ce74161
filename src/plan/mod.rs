//! The plan: a YAML file becomes a [`PlanFile`] (what was written), then a [`Plan`] (resolved, checked, with a digest).

pub mod assertion;
pub mod file;
mod template;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use assertion::{Assertion, Comparison, MetricRef, Threshold};
pub use file::PlanFile;
pub use template::Template;

pub use crate::model::{Place, Severity};

use crate::model::StageId;

/// A plan that was read, resolved and checked: nothing in it can be found wrong without looking at the world.
#[derive(Clone, Debug)]
pub struct Plan {
    pub file: PlanFile,
    /// `sha256:<hex>` over the resolved plan in canonical form.
    pub digest: String,
    /// The folder relative paths in the plan start from.
    pub base: PathBuf,
    /// The path the plan was read from, as it was given.
    pub path: PathBuf,
    /// One per stage, in order.
    pub stages: Vec<CheckedStage>,
    /// Rows of each lookup file of the copy stages, by lookup name: key column to value column.
    pub lookups: BTreeMap<String, BTreeMap<String, String>>,
}

/// A stage whose id and assertions are known.
#[derive(Clone, Debug)]
pub struct CheckedStage {
    pub id: StageId,
    pub assertions: Vec<Assertion>,
    /// Where the stage starts in the file.
    pub place: Place,
}
