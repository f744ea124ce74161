use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::words::{bytes, count, plural};
use crate::clock::until;
use crate::journal::{Artifact, Entry, Event, ShardState, StageState, StageStatus};
use crate::model::{Enumeration, FieldCompared, Namespace, StageId, Tally};

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageReport {
    pub stage: StageId,
    /// `pending`, `running`, `passed`, `failed`, `error`, `undone` or `undo failed`.
    pub status: &'static str,
    /// The ending before anything was undone: `passed`, `failed` or `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Number of times it was begun: tries, and processes that took it up.
    pub attempt: u32,
    /// Number of times it failed or could not be done.
    pub failures: u32,
    /// Time from its first start to its end, by the run's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyReport>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    /// What the comparison of each vector came to, where records have several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<FieldCompared>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// Actions of a rollback on this stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone: Option<String>,
}

/// Records moved by a copy stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CopyReport {
    /// Namespaces planned, and how many were proven complete with all their shards.
    pub namespaces: u64,
    pub complete: u64,
    /// Records by the source's own count.
    pub expected: u64,
    #[serde(flatten)]
    pub tally: Tally,
    /// Records per second of working time; `None` if that was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// True if the provider copied the records by itself: neither bytes nor a rate were measured then.
    pub by_provider: bool,
}

impl CopyReport {
    fn of(stage: &StageState) -> Option<Self> {
        let mut namespaces: BTreeMap<&Namespace, bool> = BTreeMap::new();
        for state in stage.shards.values() {
            *namespaces.entry(&state.shard.source).or_insert(true) &= state.is_complete;
        }
        let by_provider = |state: &ShardState| state.shard.enumeration == Enumeration::Collection;
        (!stage.shards.is_empty()).then(|| Self {
            namespaces: namespaces.len() as u64,
            complete: namespaces.values().filter(|is_complete| **is_complete).count() as u64,
            expected: stage.shards.values().map(|shard| shard.shard.expected).sum(),
            tally: stage.tally(),
            rate: stage.rate(),
            by_provider: stage.shards.values().all(by_provider),
        })
    }

    /// Returns the copy in a sentence:
    /// `2,000 of 2,000 records, 12 of 12 namespaces complete, 6.1 MB, 420/s; 0 failed, 0 missing`
    pub fn words(&self) -> String {
        let Tally { copied, failed, missing, left_out, skipped, bytes: size, .. } = self.tally;
        let rate =
            self.rate.map(|rate| format!(", {}/s", count(rate.round() as u64))).unwrap_or_default();
        let moved = match self.by_provider {
            true => "by the provider".to_owned(),
            false => format!("{}{rate}", bytes(size)),
        };
        let and = |records: u64, what: &str| match records {
            0 => String::new(),
            records => format!(", {} {what}", count(records)),
        };
        let left_out = and(left_out, "left out") + &and(skipped, "left as the target had them");
        format!(
            "{} of {}, {} of {} complete, {moved}; {} failed, {} missing{left_out}",
            count(copied),
            plural(self.expected, "record"),
            count(self.complete),
            plural(self.namespaces, "namespace"),
            count(failed),
            count(missing),
        )
    }
}

impl StageReport {
    pub(super) fn of(stage: &StageState, entries: &[Entry]) -> Self {
        let (status, reason) = status_words(&stage.status);
        let seconds =
            stage.started.and_then(|started| Some(until(started, stage.ended?).as_secs_f64()));
        Self {
            stage: stage.id.clone(),
            status,
            result: result(&stage.id, entries),
            reason,
            attempt: stage.attempt,
            failures: failures(&stage.id, entries),
            seconds,
            copy: CopyReport::of(stage),
            figures: stage.figures.clone(),
            vectors: stage.compared.clone(),
            notes: stage.notes.clone(),
            artifacts: stage.artifacts.clone(),
            undone: stage.undone.clone(),
        }
    }

    pub fn time(&self) -> Option<Duration> {
        self.seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// Returns how often it was begun again: `tried 3 times, resumed 6 times`; `None` if it went through at once.
    pub(super) fn tries(&self) -> Option<String> {
        let times = |count: u32| match count {
            1 => "once".to_owned(),
            2 => "twice".to_owned(),
            count => format!("{count} times"),
        };
        let begun_again = self.attempt.saturating_sub(1);
        // Nothing may have come after the last failure.
        let tries = 1 + self.failures.min(begun_again);
        let resumed = begun_again - (tries - 1);
        let mut parts = Vec::new();
        parts.extend((tries > 1).then(|| format!("tried {}", times(tries))));
        parts.extend((resumed > 0).then(|| format!("resumed {}", times(resumed))));
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Returns its ending, else its state, with a symbol. What was undone afterwards stands elsewhere.
    pub fn status_words(&self) -> String {
        let word = match self.status {
            "undone" => self.result.unwrap_or(self.status),
            status => status,
        };
        let symbol = match word {
            "passed" => "✓",
            "failed" | "undo failed" => "✗",
            "error" => "!",
            "undone" => "<",
            _ => "…",
        };
        format!("{symbol} {word}")
    }
}

fn result(id: &StageId, entries: &[Entry]) -> Option<&'static str> {
    entries.iter().rev().find_map(|entry| match &entry.event {
        Event::StagePassed { stage } if stage == id => Some("passed"),
        Event::StageFailed { stage, .. } if stage == id => Some("failed"),
        Event::StageErred { stage, trouble, .. } if stage == id && trouble.hook.is_none() => {
            Some("error")
        }
        _ => None,
    })
}

fn failures(id: &StageId, entries: &[Entry]) -> u32 {
    let is_failure = |entry: &&Entry| match &entry.event {
        Event::StageFailed { stage, .. } => stage == id,
        Event::StageErred { stage, trouble, .. } => stage == id && trouble.hook.is_none(),
        _ => false,
    };
    u32::try_from(entries.iter().filter(is_failure).count()).unwrap_or(u32::MAX)
}

fn status_words(status: &StageStatus) -> (&'static str, Option<String>) {
    match status {
        StageStatus::Pending => ("pending", None),
        StageStatus::Running => ("running", None),
        StageStatus::Passed => ("passed", None),
        StageStatus::Failed(reason) => ("failed", Some(reason.clone())),
        StageStatus::Erred(reason) => ("error", Some(reason.clone())),
        StageStatus::Undone => ("undone", None),
        StageStatus::UndoFailed(reason) => ("undo failed", Some(reason.clone())),
    }
}
