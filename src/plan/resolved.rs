//! The plan itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{
    Audit, CreateSpec, Endpoint, Hook, Prices, Rehearsal, ServicePlan, Traffic, Writes,
};
use super::places::Places;
use super::stages::{CopyStage, Stage};
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
    /// The stages that run, in order.
    pub stages: Vec<Stage>,
    /// Stages that were set aside, with their places among all: see [`Plan::leave_only`].
    pub(super) aside: Vec<(usize, Stage)>,
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

    /// Returns the line of the plan's text at a place.
    pub fn source_line(&self, place: &Place) -> Option<&str> {
        self.places.line(place)
    }

    /// Resolves a path in the plan, which starts from the plan's folder.
    pub fn resolve_path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.base.join(path)
    }

    /// Returns the stage of this name, among those that run.
    pub fn stage(&self, id: &StageId) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == *id)
    }

    /// Returns the copy stages, in order.
    pub fn copies(&self) -> Vec<CopyStage> {
        self.all_stages().into_iter().filter_map(Stage::as_copy).cloned().collect()
    }

    /// Returns the copy stages; if there is none, the whole source under its own names.
    pub fn copies_or_whole(&self) -> Vec<CopyStage> {
        match self.copies() {
            copies if copies.is_empty() => vec![CopyStage::whole()],
            copies => copies,
        }
    }

    /// Returns the copy stages that run before the stage `id`; all of them if the plan has no such stage.
    pub fn copies_before(&self, id: &StageId) -> Vec<CopyStage> {
        let before = self.all_stages().into_iter().take_while(|stage| stage.id != *id);
        before.filter_map(Stage::as_copy).cloned().collect()
    }

    /// Returns the index that the plan makes.
    pub fn create_spec(&self) -> Option<&CreateSpec> {
        let mut created = self.all_stages().into_iter().filter_map(Stage::as_create);
        created.next().map(|create| &create.spec)
    }

    /// Returns the audit that the plan asks for.
    pub fn audit(&self) -> Option<&Audit> {
        self.all_stages().into_iter().find_map(Stage::as_audit)
    }

    /// Returns the service plan that an audit stage names.
    pub fn service_plan(&self) -> Option<ServicePlan> {
        self.audit()?.service_plan
    }

    /// Sets every other stage aside: it is not run, but what it asks for still belongs to the plan.
    pub fn leave_only(&mut self, is_kept: impl Fn(&StageId) -> bool) {
        for (at, stage) in std::mem::take(&mut self.stages).into_iter().enumerate() {
            match is_kept(&stage.id) {
                true => self.stages.push(stage),
                false => self.aside.push((at, stage)),
            }
        }
    }

    /// Returns every stage in the order of the file, including those that were set aside.
    fn all_stages(&self) -> Vec<&Stage> {
        let mut all: Vec<_> = self.stages.iter().collect();
        // Each knows its place among all, so inserting them by rising place restores the order.
        for (at, stage) in &self.aside {
            all.insert((*at).min(all.len()), stage);
        }
        all
    }
}
