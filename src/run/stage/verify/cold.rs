//! Measures the first query of each namespace, which can only happen once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rand::seq::SliceRandom;

use super::groups::Group;
use super::queries::Load;
use crate::assertion::{Measured, Series, metric_ref};
use crate::error::Result;
use crate::journal::{Event, StageState};
use crate::model::{Namespace, Observed, Outcome, Sample, Side};
use crate::run::Context;
use crate::run::figures::COLD_FIGURE as FIGURE;
use crate::run::sample::seeded;
use crate::traffic::Probe;

/// The most namespaces whose first query is timed.
const COLD_NAMESPACES: usize = 100;
/// The slowest first query and the number of queries of an earlier attempt, which cannot be measured again in this run.
const SLOWEST: &str = "cold_slowest_seconds";
const QUERIES: &str = "cold_queries";

/// Target namespaces that this run has not read, reserved until their first query.
pub(super) struct Reserved {
    names: BTreeSet<Namespace>,
    /// The reason if none are reserved.
    because: String,
    /// The slowest query in seconds and the number of queries of an earlier attempt at this stage.
    earlier: Option<(f64, u64)>,
}

impl Reserved {
    pub fn of(context: &Context, groups: &[Group], has_queries: bool) -> Self {
        let earlier = earlier(context);
        let none = |because: String| Self { names: BTreeSet::new(), because, earlier };
        if !has_queries {
            return none("the stage has no `queries`".to_owned());
        }
        if let Some(because) = reader(context) {
            return none(because);
        }
        let filled = groups.iter().filter(|group| group.written() > 0);
        let mut names: Vec<_> = filled.map(|group| group.target.clone()).collect();
        names.shuffle(&mut seeded(&context.plan, "cold"));
        names.truncate(COLD_NAMESPACES);
        Self {
            names: names.into_iter().collect(),
            because: "no namespace of the target holds a record that was copied".to_owned(),
            earlier: None,
        }
    }

    pub fn has(&self, namespace: &Namespace) -> bool {
        self.names.contains(namespace)
    }

    /// Sends the first query to each namespace, one after the other. Afterwards the target counts as read.
    pub async fn measure(&self, context: &Context, load: Option<&Load>) -> Result<()> {
        let mut target = Measured::default();
        if let Some((slowest, queries)) = self.earlier.filter(|_| load.is_some()) {
            target.set("cold(query)", Observed::Seconds(slowest), queries);
            context.observed(Side::Target, &target)?;
            return context.note(format!(
                "cold: as an earlier try of this stage measured it with {queries} queries; every namespace has been read since"
            ));
        }
        // What is killed in the middle of this has read them.
        let figures = BTreeMap::from([(FIGURE.to_owned(), self.names.len() as f64)]);
        context.keep(Event::Measured { stage: context.id(), figures }).await?;
        let queries = load.map(|load| load.queries.iter()).into_iter().flatten();
        let queries: Arc<[_]> =
            queries.filter(|query| self.has(&query.target_namespace)).cloned().collect();
        let mut samples = Vec::new();
        if !queries.is_empty() {
            let measured = context.world.measured_target.must_search()?;
            let probe = Probe::new(measured, None, queries, context.clock.clone());
            let mut sink = |sample| samples.push(sample);
            probe.cold(COLD_NAMESPACES, &context.cancel, &mut sink).await?;
        }
        context.stop_if_cancelled()?;
        if let Some(slowest) = slowest(&samples) {
            let seconds = slowest.as_secs_f64();
            note_figures(context, [(SLOWEST, seconds), (QUERIES, samples.len() as f64)])?;
        }
        if samples.is_empty() {
            target.set_not_measured("cold(query)", format!("nothing is cold: {}", self.because));
        } else {
            let mut series = Series::new(context.clock.now(), []);
            samples.iter().for_each(|sample| series.record(sample));
            let cold = metric_ref("cold(query)");
            target.insert(cold.clone(), series.total(Side::Target, &cold));
            context.note(format!(
                "cold: the first query of {} of {} namespaces, which nothing had read in this run",
                samples.len(),
                load.map_or(0, |load| load.namespaces)
            ))?;
        }
        context.observed(Side::Target, &target)
    }
}

fn note_figures<const N: usize>(context: &Context, figures: [(&str, f64); N]) -> Result<()> {
    let figures = figures.map(|(name, value)| (name.to_owned(), value)).into();
    context.record(Event::Measured { stage: context.id(), figures })
}

/// Returns the slowest answer; `None` if any query went unanswered.
fn slowest(samples: &[Sample]) -> Option<Duration> {
    let is_answered = |sample: &Sample| sample.outcome == Outcome::Answered;
    let all = samples.iter().all(is_answered);
    samples.iter().map(|sample| sample.latency).max().filter(|_| all)
}

/// Returns what an earlier attempt at this stage has measured in this run.
fn earlier(context: &Context) -> Option<(f64, u64)> {
    let figures = &context.stage_state().ok()?.figures;
    Some((*figures.get(SLOWEST)?, *figures.get(QUERIES)? as u64))
}

/// Describes the stage that has already read the target's namespaces in this run.
fn reader(context: &Context) -> Option<String> {
    let canaries = context.plan.stages.iter().filter(|stage| stage.moves_traffic());
    let is_canary: BTreeSet<_> = canaries.map(|stage| stage.id.clone()).collect();
    let reads = |stage: &&Arc<StageState>| {
        stage.figures.contains_key(FIGURE) || (is_canary.contains(&stage.id) && stage.has_started())
    };
    let stage = context.state.stages.iter().find(reads)?;
    let which = if stage.id == context.stage().id { "an earlier try of it" } else { "it" };
    Some(format!(
        "stage `{}`: {which} has read every namespace of the target in this run",
        stage.id
    ))
}
