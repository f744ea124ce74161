//! The plan itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::file::{
    Audit, Copy, CreateSpec, Endpoint, Hook, Prices, Rehearsal, Traffic, Verify, Writes,
};
use super::places::Places;
use super::stages::{CopyStage, Stage, StageKind};
use super::template::{Bindings, Template};
use crate::error::Result;
use crate::model::{Place, StageId};

/// A plan that was read, resolved and checked: no mistake can be found in it without looking at the world.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: String,
    pub description: Option<String>,
    pub source: Endpoint,
    pub target: Endpoint,
    pub writes: Writes,
    pub traffic: Option<Traffic>,
    pub hooks: Vec<Hook>,
    pub prices: Option<Prices>,
    /// The world that a rehearsal builds.
    pub rehearsal: Option<Rehearsal>,
    /// `sha256:<hex>` over the resolved plan in canonical form.
    pub digest: String,
    /// The folder relative paths in the plan start from.
    pub base: PathBuf,
    /// The path the plan was read from, as it was given.
    pub path: PathBuf,
    /// The stages that run, in order. A command that takes only some of them leaves those here; what the others ask for
    /// still belongs to the plan.
    pub stages: Vec<Stage>,
    /// Every copy stage, in order.
    pub copies: Vec<CopyStage>,
    /// Every verify stage, in order.
    pub verifies: Vec<Verify>,
    /// The index that the plan makes.
    pub create: Option<CreateSpec>,
    pub audit: Option<Audit>,
    /// The reviewed content: see [`Plan::reviewed`].
    pub(super) reviewed: serde_json::Value,
    /// Rows of each lookup file of the copy stages, by lookup name: key column to value column.
    pub lookups: BTreeMap<String, BTreeMap<String, String>>,
    /// Values of `vars` and `env`, for templates that are evaluated later.
    pub(super) bindings: Arc<Bindings>,
    pub(super) places: Arc<Places>,
}

impl Plan {
    /// Makes a template of one of the plan's late texts, with the plan's `vars` and `env`.
    ///
    /// # Errors
    ///
    /// `Invalid` if the text is not a template; texts of the plan itself were checked when it was read.
    pub fn template(&self, text: &str) -> Result<Template> {
        Template::new(text, &self.bindings)
    }

    /// Returns the place of a part of the plan, by its JSON pointer in the file, for example `/stages/2/assert/0`. For
    /// a part that is not in the file, that is the place of the nearest one around it.
    pub fn place(&self, pointer: &str) -> Place {
        self.places.of(pointer)
    }

    /// Returns the stage of this name, among those that run.
    pub fn stage(&self, id: &StageId) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == *id)
    }

    /// Returns the copy stages; if there is none, the whole source under its own names.
    pub fn copies_or_whole(&self) -> Vec<CopyStage> {
        match self.copies.is_empty() {
            true => vec![CopyStage::whole()],
            false => self.copies.clone(),
        }
    }

    /// Changes what its copies ask for, wherever it has them.
    pub fn change_copies(&mut self, change: impl Fn(&mut Copy)) {
        self.copies.iter_mut().for_each(|copy| change(&mut copy.asked));
        for stage in &mut self.stages {
            stage.copies.iter_mut().for_each(|copy| change(&mut copy.asked));
            if let StageKind::Copy(copy) = &mut stage.kind {
                change(&mut copy.asked);
            }
        }
    }
}
