//! A system that vecshift connects to, whole: what plans say of it ([`System`]), and what a run asks of it.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::advice::{Candidate, Facts, Files, LimitCheck, Needs, Operation, Pace, PriceList};
use super::{Environment, StandIn};
use crate::error::{Error, Result};
use crate::model::{Deployment, IndexSpec, Metric, Namespace, Record, Side};
use crate::plan::file::{CreateSpec, Endpoint, Prices, Secret, ServicePlan};
use crate::plan::{Plan, System};
use crate::store::Opened;
use crate::store::calls::CallOptions;

/// Records of a rehearsal, each with its namespace.
pub(crate) type Records = Box<dyn Iterator<Item = Result<(Namespace, Record)>> + Send>;

/// What plays an endpoint.
#[async_trait]
pub(crate) trait Double: Send + Sync {
    /// Returns what its system is reached by, which [`Environment::stand_ins`] has until it ends.
    fn stand_in(&self) -> StandIn;

    /// Returns what it is and what it holds, as a sentence.
    fn describe(&self) -> String;

    async fn end(self: Box<Self>);
}

/// One system. Its folder implements this, and the [registry](super::registry) has it in its list.
#[async_trait]
pub(crate) trait Connector: System {
    /// Opens an endpoint; connects to nothing yet. `side` is for messages.
    ///
    /// # Errors
    /// `Invalid` if a secret is missing or the address is invalid.
    fn open(
        &self,
        endpoint: &Endpoint,
        side: Side,
        environment: &Environment,
    ) -> Result<Arc<dyn Opened>>;

    /// Stands in for a target of this system that is not looked at, for an audit of the source alone: it is not there, and
    /// knows what an index as planned would refuse.
    fn absent(&self) -> Arc<dyn Opened>;

    /// Returns every reference to a secret that an endpoint needs, each with its key: those that it gives, and the
    /// defaults of those that it leaves out.
    fn needed_secrets(&self, endpoint: &Endpoint) -> Vec<(&'static str, Secret)> {
        self.secrets(endpoint)
    }

    /// Returns what keeps a namespace of that name from being in this target.
    fn refuses_namespace(
        &self,
        _endpoint: &Endpoint,
        _namespace: &Namespace,
    ) -> Option<&'static str> {
        None
    }

    /// Builds the error for a source that is not there: who was asked, and what to check.
    fn no_source(&self, endpoint: &Endpoint, environment: &Environment) -> Error;

    /// Returns whether two endpoints of this system are in one project, so that one can use what belongs to the other.
    ///
    /// # Errors
    /// `Invalid` if a secret is missing.
    fn is_same_project(
        &self,
        source: &Endpoint,
        target: &Endpoint,
        environment: &Environment,
    ) -> Result<bool>;

    /// Returns whether the target would be a part of the source by its name alone, where both are in one project.
    fn would_hold(&self, _source: &Endpoint, _target: &Endpoint) -> bool {
        false
    }

    /// Returns the index that a create stage asks for; `None` if this system makes nothing.
    fn asked_for(&self, _endpoint: &Endpoint, _spec: &CreateSpec) -> Option<IndexSpec> {
        None
    }

    /// Lists what of an existing index differs from the one asked for and cannot be changed:
    /// `dimension: 384, the plan asks for 3072`.
    fn differences(&self, asked: &IndexSpec, seen: &IndexSpec) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |field: &str, seen: String, asked: String| {
            if seen != asked {
                lines.push(format!("{field}: {seen}, the plan asks for {asked}"));
            }
        };
        let dimension =
            |spec: &IndexSpec| spec.dimension.map_or("none".to_owned(), |value| value.to_string());
        compare("dimension", dimension(seen), dimension(asked));
        compare("metric", seen.metric.to_string(), asked.metric.to_string());
        let kind = |spec: &IndexSpec| format!("{:?}", spec.vector_type).to_lowercase();
        compare("vector_type", kind(seen), kind(asked));
        compare("kind", seen.deployment.to_string(), asked.deployment.to_string());
        lines
    }

    /// Returns the most tags that an index can have. A run marks what it makes by one if there is room.
    fn most_tags(&self) -> usize {
        usize::MAX
    }

    /// Returns how an index is asked that is copied from or to.
    fn calls(&self) -> CallOptions;

    /// Returns how an index is asked whose latency is measured; `None` if a general choice will do.
    fn measuring_calls(&self) -> Option<CallOptions> {
        None
    }

    /// Returns what is to be said of an index beside its kind, dimension and metric, a line each.
    fn details(&self, _deployment: &Deployment) -> Vec<String> {
        Vec::new()
    }

    /// Returns the most records of a namespace that one query reaches, where records may have to be found by queries.
    fn query_reach(&self) -> Option<u64> {
        None
    }

    /// Says what the plan asks of an endpoint that reviewers should see before a run: `requests keep to no limits`.
    fn remark(&self, _endpoint: &Endpoint) -> Option<String> {
        None
    }

    /// Returns how fast an index can be read and written by its limits, which the endpoint may say.
    fn pace(&self, _endpoint: &Endpoint, _deployment: &Deployment) -> Pace {
        Pace::default()
    }

    /// Returns the system's prices, where `given` has no others; `None` if nothing that it does is billed. `logged` is
    /// the number of queries a month of a log, if there is one.
    fn prices(&self, _given: Option<&Prices>, _logged: Option<u64>) -> Option<Box<dyn PriceList>> {
        None
    }

    /// Compares the limits of the subscription in use with what a copy to this system needs; those of all
    /// subscriptions if it is not known which one it is.
    fn limits(&self, _needs: Needs, _plan: Option<ServicePlan>) -> Vec<LimitCheck> {
        Vec::new()
    }

    /// Returns the routes and enumerations by which the records of an index of this system, the source, could be copied.
    fn candidates(&self, facts: &Facts<'_>) -> Vec<Candidate> {
        vec![Candidate::listed(facts)]
    }

    /// Lists the obstacles to a bulk import of files into an index of this system, the target.
    fn against_import(&self, _facts: &Facts<'_>, _files: &Files) -> Vec<String> {
        vec!["the target takes no bulk imports".to_owned()]
    }

    /// Returns the operations that differ between the kinds of its indexes, and those that people expect to differ.
    fn operations(&self) -> &'static [Operation] {
        &[]
    }

    /// Returns the number that an answer of a search by this metric has, as a formula; `None` if it answers no searches.
    fn score(&self, _metric: Metric) -> Option<&'static str> {
        None
    }

    /// Returns what an index is to be made with to filter by these fields only, as the source does; `None` if it has no
    /// such choice. `target` is the index to be filled, if it is known.
    fn filtering_by(&self, _fields: &[String], _target: Option<&Deployment>) -> Option<Value> {
        None
    }

    /// Returns whether the embedded emulator stands for its endpoints in a rehearsal.
    fn is_emulated(&self) -> bool {
        false
    }

    /// Starts what stands for one side of a plan in a rehearsal, if it is not emulated; `None` if the side is used as it
    /// is. `records` makes those that the source starts with, by the plan's `rehearsal:` block. The environment has the
    /// stand-ins that were started before.
    ///
    /// # Errors
    /// Whatever keeps it from starting, with a hint on what to install or set.
    async fn stand_in(
        &self,
        _plan: &Plan,
        _side: Side,
        _environment: &Environment,
        _records: &(dyn Fn() -> Result<Records> + Sync),
    ) -> Result<Option<Box<dyn Double>>> {
        Ok(None)
    }
}
