//! The stages of a plan, resolved: each is one value with its name, its configuration and its assertions.

use std::time::Duration;

use super::Assertion;
use super::file::{
    self, Audit, Canary, Copy, Create, Decommission, Hook, Snapshot, StageRetry, Verify,
};
use crate::model::{Filter, Place, StageId};

/// One stage of a plan that was read and checked.
#[derive(Clone, Debug)]
pub struct Stage {
    pub id: StageId,
    /// The word of its kind in a plan, for example `copy`.
    pub word: &'static str,
    pub kind: StageKind,
    /// The copies whose records it is about: the one that a verify stage names, else all that run before it.
    pub copies: Vec<CopyStage>,
    pub assertions: Vec<Assertion>,
    /// Hooks that run when the stage is undone.
    pub rollback: Vec<Hook>,
    /// The longest that the stage may take.
    pub timeout: Option<Duration>,
    pub retry: Option<StageRetry>,
    /// True if the stage waits for an approval before it starts.
    pub needs_approval: bool,
    /// The place in the file where the stage starts.
    pub place: Place,
}

/// The configuration of a stage, by its kind.
#[expect(clippy::large_enum_variant, reason = "a plan has a handful of stages")]
#[derive(Clone, Debug)]
pub enum StageKind {
    Audit(Audit),
    Create(Create),
    Copy(CopyStage),
    Verify(Verify),
    Canary(Canary),
    Decommission(Decommission),
    Snapshot(Snapshot),
}

/// One copy of a plan: everything that its copy stage asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyStage {
    pub id: StageId,
    pub asked: Copy,
    /// The records to copy, as the source has them.
    pub filter: Option<Filter>,
    /// Its number among the plan's copy stages, from 1.
    pub number: usize,
    /// True if it is the plan's only one.
    pub is_only: bool,
}

impl CopyStage {
    /// Returns the copy of a plan without one: all of the source as it is, under its own names.
    pub fn whole() -> Self {
        Self::new(StageId::new("copy"), Copy::default(), 1, true)
    }

    fn new(id: StageId, asked: Copy, number: usize, is_only: bool) -> Self {
        // A filter with a mistake was reported, and nobody runs the plan; if somebody did, nothing would be copied.
        let read = |filter| {
            Filter::read(&serde_json::json!(filter)).unwrap_or_else(|_| Filter::Any(Vec::new()))
        };
        let filter = asked.filter.as_ref().map(read);
        Self { id, asked, filter, number, is_only }
    }
}

impl Stage {
    /// Resolves the stages of a file, each with its assertions and its place.
    pub(super) fn resolve(
        written: &[file::Stage],
        checked: impl Iterator<Item = (Vec<Assertion>, Place)>,
    ) -> Vec<Self> {
        let is_copy = |stage: &&file::Stage| matches!(stage.kind, file::StageKind::Copy(_));
        let is_only = written.iter().filter(is_copy).count() == 1;
        let mut copies: Vec<CopyStage> = Vec::new();
        let resolve = |(written, (assertions, place)): (&file::Stage, (Vec<Assertion>, Place))| {
            let id = written.id();
            let kind = match written.kind.clone() {
                file::StageKind::Audit(audit) => StageKind::Audit(audit),
                file::StageKind::Create(create) => StageKind::Create(create),
                file::StageKind::Copy(asked) => {
                    let number = copies.len() + 1;
                    StageKind::Copy(CopyStage::new(id.clone(), asked, number, is_only))
                }
                file::StageKind::Verify(verify) => StageKind::Verify(verify),
                file::StageKind::Canary(canary) => StageKind::Canary(canary),
                file::StageKind::Decommission(stage) => StageKind::Decommission(stage),
                file::StageKind::Snapshot(snapshot) => StageKind::Snapshot(snapshot),
                // Refused by the check.
                file::StageKind::Sync(_) | file::StageKind::Run(_) => return None,
            };
            let named = match &kind {
                StageKind::Verify(verify) => verify.copy.clone(),
                _ => None,
            };
            let is_meant =
                |copy: &&CopyStage| named.as_ref().is_none_or(|named| copy.id.as_str() == named);
            let own = copies.iter().filter(is_meant).cloned().collect();
            if let StageKind::Copy(copy) = &kind {
                copies.push(copy.clone());
            }
            let common = &written.common;
            Some(Self {
                id,
                word: written.kind.name(),
                kind,
                copies: own,
                assertions,
                rollback: common.rollback.clone(),
                timeout: common.timeout.map(|span| span.0),
                retry: common.retry.clone(),
                needs_approval: common.needs_approval,
                place,
            })
        };
        written.iter().zip(checked).filter_map(resolve).collect()
    }

    /// Returns the assertions that a stage is held to where the plan says nothing of their metrics: what the plan has no word
    /// for is not lost in silence.
    pub fn implied(&self) -> Vec<Assertion> {
        let words: &[(&str, &[&str])] = match &self.kind {
            StageKind::Audit(_) => &[
                ("source.obstacles", &["source.obstacles"]),
                ("target.obstacles", &["target.obstacles"]),
                ("source.rejects", &["source.rejects", "source.rejects_share"]),
            ],
            StageKind::Copy(_) => &[("copy.failed", &["copy.failed"])],
            _ => &[],
        };
        let is_said = |names: &[&str]| {
            self.assertions.iter().any(|one| names.contains(&one.metric.name.as_str()))
        };
        let open = words.iter().filter(|(_, names)| !is_said(names));
        open.map(|(name, _)| Assertion::none_of(name, self.place.clone())).collect()
    }

    /// Returns whether it moves traffic.
    pub fn moves_traffic(&self) -> bool {
        matches!(self.kind, StageKind::Canary(_))
    }

    /// Returns whether it deletes the source.
    pub fn deletes_source(&self) -> bool {
        matches!(self.kind, StageKind::Decommission(_))
    }
}
