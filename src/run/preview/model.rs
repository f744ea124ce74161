//! A preview, as the command prints it and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::copy::Mapping;
use crate::model::{IndexDescription, Namespace, StageId};
use crate::plan::{Plan, StageKind};
use crate::run::selection::Selection;
use crate::run::stage::Held;
use crate::store::Inventory;
use crate::traffic::TrafficView;

/// A preview of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    pub plan: String,
    pub digest: String,
    /// The phase of the run: `not started`, `running`, `done`, …
    pub state: String,
    pub source: Side,
    pub target: Side,
    pub counts: Counts,
    pub stages: Vec<PreviewStage>,
    /// The stage after which nothing can be undone.
    pub point_of_no_return: Option<StageId>,
    /// Hooks that would run, as `moment command`.
    pub hooks: Vec<String>,
    /// The namespaces that the copy stages take, stage after stage.
    pub namespaces: Vec<Mapping>,
    /// The namespaces of each copy stage.
    pub copies: Vec<PreviewCopy>,
    /// Namespaces that hold records but belong to no copy stage, with their record counts.
    pub not_copied: BTreeMap<Namespace, u64>,
    pub notes: Vec<String>,
    /// The current traffic; `None` if the plan moves none, or it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficView>,
}

/// The namespaces one copy stage takes.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewCopy {
    pub stage: StageId,
    pub namespaces: Vec<Mapping>,
    /// Records that the target already holds in the namespaces the copy would write to; `None` if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// One side of the migration.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    pub index: String,
    /// The index's description; `None` if it does not exist.
    pub description: Option<IndexDescription>,
    pub records: Option<u64>,
    /// The files of a file source, and what in them is not read.
    pub inventory: Option<Inventory>,
}

/// The numbers in the summary line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub create: u64,
    pub namespaces: u64,
    /// Snapshots to take in stages of their own.
    pub snapshots: u64,
    pub shifts: u64,
    pub delete: u64,
}

/// One stage of a preview.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewStage {
    pub id: StageId,
    pub kind: &'static str,
    /// `+` create, `~` change, `>` copy, `?` assert, `%` shift traffic, `-` delete, `=` done already.
    pub marker: char,
    pub what: String,
    pub details: Vec<String>,
    pub estimate: String,
    pub undo: String,
    pub status: String,
}

impl Preview {
    /// The namespaces a stage concerns: a copy stage's own, otherwise those of all copies.
    pub(super) fn namespaces_of(&self, stage: &StageId) -> &[Mapping] {
        let own = self.copies.iter().find(|copy| copy.stage == *stage);
        own.map_or(&self.namespaces, |copy| &copy.namespaces)
    }

    /// Returns whether a run would change nothing.
    pub fn is_empty(&self) -> bool {
        self.counts == Counts::default() && self.stages.iter().all(|stage| stage.marker == '=')
    }
}

impl PreviewCopy {
    pub(super) fn of(
        Selection { copy, mappings }: Selection,
        held: &BTreeMap<StageId, Held>,
    ) -> Self {
        Self { held: held.get(&copy.id).cloned(), stage: copy.id, namespaces: mappings }
    }
}

impl Counts {
    pub(super) fn add(&mut self, stage: &PreviewStage, plan: &Plan, index: usize, namespaces: u64) {
        if stage.marker == '=' {
            return;
        }
        match &plan.stages[index].kind {
            StageKind::Create(_) if stage.marker == '+' => self.create += 1,
            StageKind::Copy(_) => self.namespaces += namespaces,
            StageKind::Canary(canary) => self.shifts += canary.steps.len() as u64,
            StageKind::Snapshot(_) => self.snapshots += 1,
            StageKind::Decommission(_) => self.delete += 1,
            _ => {}
        }
    }
}
