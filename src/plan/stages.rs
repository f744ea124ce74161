//! What of a plan's stages others ask for: its copies, what it makes, on which plan of the service.

use super::file::{Copy, CreateSpec, ServicePlan, Stage, StageKind};
use super::{CheckedStage, Plan};
use crate::model::StageId;

/// One copy of a plan: what a copy stage asks for, on its own account.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyStage {
    pub id: StageId,
    pub asked: Copy,
    /// Its number among the plan's copy stages, from 1.
    pub number: usize,
    /// Whether it is the plan's only one.
    pub is_only: bool,
}

impl CopyStage {
    /// What a plan without a copy stage is about: all of the source as it is, under its own names.
    pub fn whole() -> Self {
        Self { id: StageId::new("copy"), asked: Copy::default(), number: 1, is_only: true }
    }
}

impl Plan {
    /// The copy stages, in order.
    pub fn copies(&self) -> Vec<CopyStage> {
        let asked: Vec<_> = self
            .all_stages()
            .into_iter()
            .filter_map(|(stage, checked)| match &stage.kind {
                StageKind::Copy(copy) => Some((checked.id.clone(), copy.clone())),
                _ => None,
            })
            .collect();
        let is_only = asked.len() == 1;
        let copy = |(number, (id, asked))| CopyStage { id, asked, number, is_only };
        (1..).zip(asked).map(copy).collect()
    }

    /// The copy stages; where there is none, the whole source under its own names.
    pub fn copies_or_whole(&self) -> Vec<CopyStage> {
        match self.copies() {
            copies if copies.is_empty() => vec![CopyStage::whole()],
            copies => copies,
        }
    }

    /// The copy stage of this name.
    pub fn copy(&self, id: &StageId) -> Option<CopyStage> {
        self.copies().into_iter().find(|copy| copy.id == *id)
    }

    /// The copy stages that run before the stage `id`; all of them where it is none of this plan's.
    pub fn copies_before(&self, id: &StageId) -> Vec<CopyStage> {
        let stages = self.all_stages();
        let at = |id: &StageId| stages.iter().position(|(_, checked)| checked.id == *id);
        let end = at(id).unwrap_or(stages.len());
        let mut copies = self.copies();
        copies.retain(|copy| at(&copy.id).is_some_and(|at| at < end));
        copies
    }

    /// What the `create` stage makes.
    pub fn create_spec(&self) -> Option<&CreateSpec> {
        self.all_stages().into_iter().find_map(|(stage, _)| match &stage.kind {
            StageKind::Create(create) => Some(&create.spec),
            _ => None,
        })
    }

    /// The plan of the service that an audit stage names.
    pub fn service_plan(&self) -> Option<ServicePlan> {
        self.all_stages().into_iter().find_map(|(stage, _)| match &stage.kind {
            StageKind::Audit(audit) => audit.service_plan,
            _ => None,
        })
    }

    /// Puts every other stage aside: it is not run, and what it asks for is still the plan's.
    pub fn leave_only(&mut self, is_kept: impl Fn(&StageId) -> bool) {
        let stages = std::mem::take(&mut self.file.stages).into_iter();
        for (at, (stage, checked)) in stages.zip(std::mem::take(&mut self.stages)).enumerate() {
            if is_kept(&checked.id) {
                self.file.stages.push(stage);
                self.stages.push(checked);
            } else {
                self.aside.push((at, stage, checked));
            }
        }
    }

    /// Every stage in the order of the file, also those that were put aside.
    pub fn all_stages(&self) -> Vec<(&Stage, &CheckedStage)> {
        let mut all: Vec<_> = self.stages_in_order().collect();
        // Each knows its place among all, so that put in by rising place they come to stand where they stood.
        for (at, stage, checked) in &self.aside {
            all.insert((*at).min(all.len()), (stage, checked));
        }
        all
    }
}
