use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::hands::Hands;
use crate::error::{Error, Result};
use crate::model::{Rate, Side, StageId};
use crate::plan::file::Endpoint;
use crate::plan::{CopyStage, Plan};
use crate::provider::Environment;
use crate::provider::registry::{absent, connector, is_same_project, open};
use crate::run::listener::Note;
use crate::storage::{Place, S3Options};
use crate::store::calls::{CallOptions, Calls, Fence, Gate, Metrics};
use crate::store::read::Room;
use crate::store::{Opened, Source, Target};

/// The default limit of fetches, queries and upserts in flight on each side.
const IN_FLIGHT: usize = 8;

/// The time after which a measured query counts as failed.
const PROBE_DEADLINE: Duration = Duration::from_secs(10);

/// The two indexes of a migration, wrapped in the layers a run needs.
#[derive(Clone)]
pub struct World {
    /// The source as every stage reads it, at the lowest rate allowed by any copy stage.
    pub source: Arc<dyn Source>,
    pub target: Arc<dyn Target>,
    /// Both sides without throttle and with the quick retries of an application, for measuring latencies.
    pub measured_source: Arc<dyn Source>,
    pub measured_target: Arc<dyn Source>,
    /// The handles that can delete and unprotect either side; only the guard uses them.
    pub(super) hands: Hands,
    /// Whether both sides are in one project, so that each can use the other's collections.
    pub is_same_project: bool,
    /// The check that every call which changes an index has to pass.
    pub(in crate::run) fence: Fence,
    s3: S3Options,
    environment: Environment,
    /// The room for the records that stages read.
    pub(in crate::run) room: Room,
    /// Both sides with the limits of each copy stage, if the plan has several.
    sources: BTreeMap<StageId, Arc<dyn Source>>,
    targets: BTreeMap<StageId, Arc<dyn Target>>,
    source_metrics: Vec<Arc<Metrics>>,
    target_metrics: Vec<Arc<Metrics>>,
    /// What the requests that were repeated since this was opened are counted on from.
    retries_before: Arc<AtomicU64>,
}

impl World {
    /// Opens both sides without connecting yet. The target lacks the part that takes away, which only the guard has.
    ///
    /// # Errors
    /// `Invalid` if a secret is missing.
    pub fn open(plan: &Plan, environment: &Environment) -> Result<Self> {
        let fence = Fence::default();
        Self::open_behind(plan, environment, Gate::Fenced(fence.clone()), fence, open)
    }

    /// Opens both sides behind a gate that refuses every write, for commands that only look.
    ///
    /// # Errors
    /// Any error of [`World::open`].
    pub fn open_to_look(plan: &Plan, environment: &Environment) -> Result<Self> {
        Self::open_behind(plan, environment, Gate::ReadOnly, Fence::default(), open)
    }

    /// Opens the source alone, without needing a key for the target, behind a gate that refuses every write.
    ///
    /// # Errors
    /// Any error of [`World::open`], for the source.
    pub fn open_without_target(plan: &Plan, environment: &Environment) -> Result<Self> {
        Self::open_behind(plan, environment, Gate::ReadOnly, Fence::default(), absent)
    }

    /// Opens both sides. The source is only read, within the plan's rate limit, until it is retired.
    fn open_behind(
        plan: &Plan,
        environment: &Environment,
        gate: Gate,
        fence: Fence,
        open_end: fn(&Endpoint, Side, &Environment) -> Result<Arc<dyn Opened>>,
    ) -> Result<Self> {
        let source = open(&plan.source, Side::Source, environment)?;
        let target = open_end(&plan.target, Side::Target, environment)?;
        let opener = {
            let (endpoint, environment) = (plan.target.clone(), environment.clone());
            move |name: &str| {
                let endpoint = Endpoint { index: name.to_owned(), ..endpoint.clone() };
                open_end(&endpoint, Side::Target, &environment)
            }
        };
        let through = |side: &Arc<dyn Opened>, options: CallOptions| {
            let calls = Calls::new(options).behind(gate.clone());
            let metrics = calls.metrics();
            (side.through(calls), metrics)
        };
        let connectors = (connector(&plan.source.provider)?, connector(&plan.target.provider)?);
        let ends = ((&*source, connectors.0.calls()), (&*target, connectors.1.calls()));
        let hands = Hands::new(ends.0, ends.1, opener, gate.clone());
        let mut options = connectors.0.calls();
        let copies = &plan.copies;
        let in_flight =
            |copy: &CopyStage| copy.asked.in_flight.map_or(IN_FLIGHT, |most| most as usize);
        options.in_flight = Some(copies.iter().map(in_flight).min().unwrap_or(IN_FLIGHT));
        let mut target_options =
            CallOptions { in_flight: options.in_flight, ..connectors.1.calls() };
        let rates = copies.iter().filter_map(|copy| copy.asked.rate).map(|Rate(records)| records);
        options.fetched_records = rates.min_by(f64::total_cmp);
        let (layered_source, metrics) = through(&source, options);
        let (layered_target, of_target) = through(&target, target_options);
        let (mut sources, mut source_metrics) = (BTreeMap::new(), vec![metrics]);
        let (mut targets, mut target_metrics) = (BTreeMap::new(), vec![of_target]);
        for copy in copies.iter().filter(|copy| !copy.is_only) {
            options.fetched_records = copy.asked.rate.map(|Rate(records)| records);
            options.in_flight = Some(in_flight(copy));
            target_options.in_flight = options.in_flight;
            let (own, metrics) = through(&source, options);
            sources.insert(copy.id.clone(), own as Arc<dyn Source>);
            source_metrics.push(metrics);
            let (own, metrics) = through(&target, target_options);
            targets.insert(copy.id.clone(), own as Arc<dyn Target>);
            target_metrics.push(metrics);
        }
        let measured = [connectors.0, connectors.1].map(|connector| {
            connector.measuring_calls().unwrap_or_else(|| CallOptions::probe(PROBE_DEADLINE))
        });
        let (measured_source, _) = through(&source, measured[0]);
        let (measured_target, _) = through(&target, measured[1]);
        Ok(Self {
            source: layered_source,
            target: layered_target,
            measured_source,
            measured_target,
            hands,
            is_same_project: is_same_project(plan, environment)?,
            fence,
            s3: S3Options::from_variables(&environment.variables),
            environment: environment.clone(),
            room: Room::default(),
            sources,
            targets,
            source_metrics,
            target_metrics,
            retries_before: Arc::default(),
        })
    }

    /// The source at the rate of one copy stage.
    pub fn source_of(&self, copy: &StageId) -> Arc<dyn Source> {
        self.sources.get(copy).unwrap_or(&self.source).clone()
    }

    /// Builds the error for a source that is not there: who was asked, and what to check.
    pub(in crate::run) fn no_source(&self, source: &Endpoint) -> Error {
        match connector(&source.provider) {
            Ok(connector) => connector.no_source(source, &self.environment),
            Err(error) => error,
        }
    }

    /// Returns the target with the limits of one copy stage.
    pub fn target_of(&self, copy: &StageId) -> Arc<dyn Target> {
        self.targets.get(copy).unwrap_or(&self.target).clone()
    }

    /// Opens another index of the target's project, which need not exist yet.
    ///
    /// # Errors
    /// Any error of [`World::open`].
    pub fn open_other(&self, name: &str) -> Result<Arc<dyn Target>> {
        self.hands.open(name)
    }

    /// Opens a folder or a bucket prefix without touching it.
    ///
    /// # Errors
    /// `Invalid` if the URI is not a supported place.
    pub fn open_place(&self, uri: &str) -> Result<Place> {
        Place::read(uri, &self.s3).map_err(|error| error.with_context("uri", uri))
    }

    /// Checks that both sides respond, with few retries, so that a wrong address is reported at once.
    ///
    /// # Errors
    /// Any error of either side's `describe`.
    pub async fn reach(&self) -> Result<()> {
        self.measured_source.describe().await?;
        self.measured_target.describe().await?;
        Ok(())
    }

    /// Counts repeated requests on from `before`, those of earlier processes.
    pub fn count_retries_from(&self, before: u64) {
        self.retries_before.store(before.wrapping_sub(self.all_retries()), SeqCst);
    }

    /// The number of repeated requests on both sides, as they are counted since
    /// [`count_retries_from`](Self::count_retries_from).
    pub fn retries(&self) -> u64 {
        self.all_retries().wrapping_add(self.retries_before.load(SeqCst))
    }

    fn all_retries(&self) -> u64 {
        self.metrics().map(|metrics| metrics.total().retries).sum()
    }

    fn metrics(&self) -> impl Iterator<Item = &Metrics> {
        self.source_metrics.iter().chain(&self.target_metrics).map(|metrics| &**metrics)
    }

    /// Describes why a request is waiting right now.
    pub fn waiting(&self) -> Option<Note> {
        let say = |side: &str, metrics: &Metrics| {
            metrics.waiting().map(|waiting| {
                let (reason, seconds) = (waiting.reason, waiting.wait.as_secs_f64());
                Note::Remark(format!("{side}: {reason}, waiting {seconds:.1} s"))
            })
        };
        let of_source = || self.source_metrics.iter().find_map(|metrics| say("source", metrics));
        let of_target = self.target_metrics.iter().find_map(|metrics| say("target", metrics));
        of_target.or_else(of_source)
    }
}
