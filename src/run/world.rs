use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::guard::Hands;
use crate::copy::Partition;
use crate::error::Result;
use crate::model::{Namespace, Rate, StageId};
use crate::plan::Plan;
use crate::plan::file::{Endpoint, Provider};
use crate::provider::layer::{Fence, Metrics, StackOptions, fence, read_only, stack};
use crate::provider::registry::{is_same_project, open_target};
use crate::provider::storage::{Place, S3Options};
use crate::provider::{Absent, Admin, Environment, Source, Target};

/// How long a measured query may take before it counts as failed.
const PROBE_DEADLINE: Duration = Duration::from_secs(10);

/// The two indexes of a migration, behind the layers a run wants.
#[derive(Clone)]
pub struct World {
    /// What every stage reads, at the lowest rate that a copy stage of the plan allows.
    pub source: Arc<dyn Source>,
    pub target: Arc<dyn Target>,
    /// Both sides without throttle and with the quick retries of an application: what latencies are measured with.
    pub measured_source: Arc<dyn Source>,
    pub measured_target: Arc<dyn Source>,
    /// The source as something that collections are made of.
    pub(super) collecting: Arc<dyn Target>,
    /// What can delete and unprotect either side; only the guard reaches into it.
    pub(super) hands: Hands,
    /// Whether both sides are in one project: collections of the one are seen by the other.
    pub is_same_project: bool,
    /// What every call that changes an index has to pass.
    pub(super) fence: Fence,
    s3: S3Options,
    /// How namespaces were split in this process, by their records then: a preview, the choice of a way and the copy
    /// ask the same.
    pub(super) partitions: Partitions,
    /// The source at the rate of each copy stage, where the plan has several.
    sources: BTreeMap<StageId, Arc<dyn Source>>,
    source_metrics: Vec<Arc<Metrics>>,
    target_metrics: Arc<Metrics>,
}

/// Splits that were found, by namespace and its records at that time.
pub(super) type Partitions = Arc<Mutex<BTreeMap<(Namespace, u64), Partition>>>;

/// What stands directly around an index.
enum Dress {
    /// A run acts as long as it holds its plan.
    ToAct(Fence),
    ToLook,
}

impl Dress {
    fn on(&self, index: Arc<dyn Admin>) -> Arc<dyn Admin> {
        match self {
            Self::ToAct(check) => fence(index, check),
            Self::ToLook => read_only(index),
        }
    }
}

impl World {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// `Invalid` where a secret is missing.
    pub fn open(plan: &Plan, environment: &Environment) -> Result<Self> {
        Self::open_as(plan, environment, Dress::ToAct(Fence::default()), open_target)
    }

    /// Opens both sides behind a layer that refuses every write, for commands that only look.
    ///
    /// # Errors
    /// As [`World::open`].
    pub fn open_to_look(plan: &Plan, environment: &Environment) -> Result<Self> {
        Self::open_as(plan, environment, Dress::ToLook, open_target)
    }

    /// The same without a target: for a look at the source alone, which wants no key of the other side.
    ///
    /// # Errors
    /// As [`World::open`], of the source.
    pub fn open_without_target(plan: &Plan, environment: &Environment) -> Result<Self> {
        Self::open_as(plan, environment, Dress::ToLook, |_, _, _| Ok(Arc::new(Absent)))
    }

    /// The source is only read until it is retired, at most as many records a second as the plan says.
    fn open_as(
        plan: &Plan,
        environment: &Environment,
        dress: Dress,
        open_end: fn(&Endpoint, &str, &Environment) -> Result<Arc<dyn Admin>>,
    ) -> Result<Self> {
        let fence = match &dress {
            Dress::ToAct(fence) => fence.clone(),
            Dress::ToLook => Fence::default(),
        };
        let source = dress.on(open_target(&plan.file.source, "source", environment)?);
        let target = dress.on(open_end(&plan.file.target, "target", environment)?);
        let opener = {
            let (endpoint, environment) = (plan.file.target.clone(), environment.clone());
            move |name: &str| {
                let endpoint = Endpoint { index: name.to_owned(), ..endpoint.clone() };
                Ok(dress.on(open_end(&endpoint, "target", &environment)?))
            }
        };
        let hands = Hands::new(source.clone(), target.clone(), opener);
        let is_files = plan.file.source.provider == Provider::Parquet;
        let (mut options, measured) = match is_files {
            true => (StackOptions::files(), StackOptions::files()),
            false => (StackOptions::serverless(), StackOptions::probe(PROBE_DEADLINE)),
        };
        let copies = plan.copies();
        let rates = copies.iter().filter_map(|copy| copy.asked.rate).map(|Rate(records)| records);
        options.throttle.fetched_records = rates.min_by(f64::total_cmp);
        let (layered_source, metrics) = stack(source.clone(), options);
        let (mut sources, mut source_metrics) = (BTreeMap::new(), vec![metrics]);
        for copy in copies.iter().filter(|copy| !copy.is_only) {
            options.throttle.fetched_records = copy.asked.rate.map(|Rate(records)| records);
            let (own, metrics) = stack(source.clone(), options);
            let own: Arc<dyn Source> = own;
            sources.insert(copy.id.clone(), own);
            source_metrics.push(metrics);
        }
        let (layered_target, target_metrics) = stack(target.clone(), StackOptions::serverless());
        let (measured_source, _) = stack(source, measured);
        let (measured_target, _) = stack(target, StackOptions::probe(PROBE_DEADLINE));
        Ok(Self {
            source: layered_source.clone(),
            target: layered_target,
            measured_source,
            measured_target,
            collecting: layered_source,
            hands,
            is_same_project: is_same_project(&plan.file, environment)?,
            fence,
            s3: S3Options::from_variables(&environment.variables),
            partitions: Partitions::default(),
            sources,
            source_metrics,
            target_metrics,
        })
    }

    /// The source at the rate of one copy stage.
    pub fn source_of(&self, copy: &StageId) -> Arc<dyn Source> {
        self.sources.get(copy).unwrap_or(&self.source).clone()
    }

    /// Opens another index of the target's project, there or not yet.
    ///
    /// # Errors
    /// As [`World::open`].
    pub fn open_other(&self, name: &str) -> Result<Arc<dyn Target>> {
        self.hands.open(name)
    }

    /// A folder or a bucket's prefix; touches nothing.
    ///
    /// # Errors
    /// `Invalid` where the URI leads nowhere.
    pub fn open_place(&self, uri: &str) -> Result<Place> {
        Place::read(uri, &self.s3).map_err(|error| error.with_context("uri", uri))
    }

    /// Looks whether both sides answer, without the patience of a run that is going: a wrong address is said at
    /// once.
    ///
    /// # Errors
    /// As the sides' `describe`.
    pub async fn reach(&self) -> Result<()> {
        self.measured_source.describe().await?;
        self.measured_target.describe().await?;
        Ok(())
    }

    /// How often both sides asked to slow down so far.
    pub fn throttled(&self) -> u64 {
        self.metrics().map(|metrics| metrics.total().rate_limited).sum()
    }

    /// Requests made again so far, on both sides.
    pub fn retries(&self) -> u64 {
        self.metrics().map(|metrics| metrics.total().retries).sum()
    }

    fn metrics(&self) -> impl Iterator<Item = &Metrics> {
        self.source_metrics.iter().chain([&self.target_metrics]).map(|metrics| &**metrics)
    }

    /// Why a request waits right now, for people.
    pub fn waiting(&self) -> Option<String> {
        let say = |side: &str, metrics: &Metrics| {
            metrics.waiting().map(|waiting| {
                format!("{side}: {}, waiting {:.1} s", waiting.reason, waiting.wait.as_secs_f64())
            })
        };
        let of_source = || self.source_metrics.iter().find_map(|metrics| say("source", metrics));
        say("target", &self.target_metrics).or_else(of_source)
    }
}
