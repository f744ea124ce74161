//! The routes that a copy could take: the obstacles to each, the least time it takes, and its cost.

use serde::Serialize;

use super::pace::{Bound, Reading, writing};
use super::{Estimate, Pace};
use crate::journal::Route;
use crate::model::{IndexSpec, IndexStats, Mapping, StageId};
use crate::plan::CopyStage;
use crate::plan::file::{Provider, ServicePlan};

/// The default number of namespaces copied concurrently.
const PARALLEL: u32 = 4;

/// The facts that decide a copy's route.
pub(crate) struct Facts<'a> {
    pub copy: &'a CopyStage,
    pub mappings: &'a [Mapping],
    pub source: &'a IndexSpec,
    pub stats: &'a IndexStats,
    /// The existing target, or else the one the plan asks for.
    pub target: Option<IndexSpec>,
    /// Whether the target exists and was not made by this run.
    pub is_found: bool,
    /// Whether the plan makes the target.
    pub is_made: bool,
    /// The target's record counts.
    pub held: &'a IndexStats,
    pub is_same_project: bool,
    /// The documented limits of both sides.
    pub source_pace: Pace,
    pub target_pace: Pace,
    pub service_plan: Option<ServicePlan>,
    /// The systems of the source and the target.
    pub systems: (&'a Provider, &'a Provider),
    pub size: Size,
    /// The cost of the copy.
    pub cost: Estimate,
}

/// The size of a copy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Size {
    /// Records to read, by the source's own counts.
    pub records: u64,
    /// Bytes to write as billed by the service, for each namespace.
    pub namespace_bytes: Vec<f64>,
    /// Mean bytes of a source record.
    pub record_bytes: f64,
}

impl Size {
    pub fn bytes(&self) -> f64 {
        self.namespace_bytes.iter().sum()
    }
}

/// What a bulk import would have to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Files {
    pub namespaces: usize,
    pub files: u64,
    pub bytes: f64,
}

/// A route that a copy could take, with the enumeration that it would find the records by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Candidate {
    /// The copy stage, if the plan has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<StageId>,
    /// Its route and enumeration in the words of a plan: `stream, enumerate: sweep`.
    #[serde(rename = "way")]
    pub words: &'static str,
    /// The obstacles; empty if it is open.
    pub ruled_out: Vec<String>,
    /// Preparations that it requires.
    pub needs: Vec<String>,
    /// The least time it takes, by documented limits and the plan's own rate; `None` if there are none.
    pub seconds_at_least: Option<f64>,
    /// The limit that determines the least time.
    pub bound_by: Option<&'static str>,
    /// The cost of writing, in US dollars.
    pub dollars: Option<f64>,
    #[serde(skip)]
    pub route: Route,
}

impl Candidate {
    pub fn new(route: Route, words: &'static str) -> Self {
        Self {
            copy: None,
            words,
            ruled_out: Vec::new(),
            needs: Vec::new(),
            seconds_at_least: None,
            bound_by: None,
            dollars: None,
            route,
        }
    }

    pub fn ruled_out(mut self, why: impl IntoIterator<Item = String>) -> Self {
        self.ruled_out.extend(why);
        self
    }

    pub fn need(mut self, is_needed: bool, what: impl Into<String>) -> Self {
        if is_needed {
            self.needs.push(what.into());
        }
        self
    }

    pub fn taking(mut self, bound: Bound) -> Self {
        if bound.seconds > 0.0 {
            self.seconds_at_least = Some(bound.seconds);
            self.bound_by = Some(bound.by);
        }
        self
    }

    pub fn costing(self, dollars: Option<f64>) -> Self {
        Self { dollars, ..self }
    }

    pub fn is_open(&self) -> bool {
        self.ruled_out.is_empty()
    }
}

impl Candidate {
    /// Returns the candidate of a source that lists its records by itself.
    pub fn listed(facts: &Facts<'_>) -> Self {
        Self::new(Route::Stream, "stream, enumerate: list")
            .taking(facts.stream(facts.source_pace))
            .costing(Some(facts.cost.copy))
    }
}

impl Facts<'_> {
    /// Returns the work of reading every record once, at the pace of the index that lists the ids.
    pub fn reading(&self, pace: Pace) -> Reading {
        Reading {
            records: self.size.records as f64,
            record_bytes: self.size.record_bytes,
            rate: self.copy.asked.rate,
            pace,
        }
    }

    /// Returns the least time for streaming.
    pub fn stream(&self, pace: Pace) -> Bound {
        let largest = self.size.namespace_bytes.iter().copied().fold(0.0, f64::max);
        let parallel = self.copy.asked.parallel.unwrap_or(PARALLEL).max(1);
        let at_once = f64::from(parallel).min(self.mappings.len().max(1) as f64);
        let written = writing(self.target_pace, self.size.bytes(), largest, at_once);
        Bound::slowest(self.reading(pace).bounds().into_iter().chain(written))
    }
}
