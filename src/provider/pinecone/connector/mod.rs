//! What plans and runs ask of Pinecone as a system.

mod allowed;
mod candidates;
mod check;
mod limits;
mod mistakes;
mod operations;
mod pace;
mod price;
mod region;
mod spec;

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::allowed::Limits;
use self::operations::OPERATIONS;
use self::price::PriceTable;
use super::index::{Index, Settings};
use super::rates::Rates;
use super::scan::SWEEP_LIMIT;
use super::{LIMITS, refusal};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Deployment, IndexSpec, Metric, Namespace, Side};
use crate::pinecone_wire::Deployment::{Pod, Serverless};
use crate::pinecone_wire::{self, CONTROL_PLANE};
use crate::plan::file::{CreateSpec, Endpoint, Prices, Secret, ServicePlan};
use crate::plan::{Code, Context, System, address, codes, is_name};
use crate::provider::advice::{
    Candidate, Facts, Files, LimitCheck, Needs, Operation, Pace, PriceList,
};
use crate::provider::{Connector, Environment, Secret as Key};
use crate::store::calls::CallOptions;
use crate::store::{Absent, Opened};

/// Variable with the API key if the plan names none.
const API_KEY_VARIABLE: &str = "PINECONE_API_KEY";
/// Variable with the control plane's address if the plan names none.
const CONTROLLER_VARIABLE: &str = "PINECONE_CONTROLLER_HOST";
/// The longest name of an index.
const LONGEST_NAME: usize = 45;
/// The most tags an index can have (database limits, 2026).
const MOST_TAGS: usize = 20;

/// What API keys begin with, since 2024.
const KEY_PREFIX: &str = "pcsk_";

/// Pinecone, pod-based or serverless.
pub(in crate::provider) struct Pinecone;

/// Keys of an endpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Keys {
    /// The API key; the default is the environment variable `PINECONE_API_KEY`.
    #[serde(default)]
    api_key: Option<Secret>,
    /// The control plane's address, if it is not the provider's own. The environment variable
    /// `PINECONE_CONTROLLER_HOST` does the same for plans that do not set it.
    #[serde(default)]
    endpoint: Option<String>,
    /// For Pinecone: what a serverless index allows a second, if it is not what the service documents: `none`, or the
    /// rates that were agreed on. Default: `documented`.
    #[serde(default)]
    limits: Option<Limits>,
}

impl Keys {
    fn of(endpoint: &Endpoint) -> Self {
        endpoint.fields().unwrap_or_default()
    }
}

impl System for Pinecone {
    fn name(&self) -> &'static str {
        "pinecone"
    }

    fn meaning(&self) -> &'static str {
        "Pinecone, pod-based or serverless."
    }

    fn endpoint(&self, generator: &mut SchemaGenerator) -> Schema {
        Keys::json_schema(generator)
    }

    fn secrets(&self, endpoint: &Endpoint) -> Vec<(&'static str, Secret)> {
        Keys::of(endpoint).api_key.map(|secret| ("api_key", secret)).into_iter().collect()
    }

    fn check(&self, context: &mut Context<'_>, side: Side) {
        let (endpoint, pointer) = (context.endpoint(side), format!("/{}", side.name()));
        let is_known = !context.is_tainted(&format!("{pointer}/provider"));
        if is_known && !is_name(&endpoint.index, LONGEST_NAME) {
            let message = format!("`{}` cannot be the name of an index", endpoint.index);
            context.report_with(&codes::INDEX_NAME, &format!("{pointer}/index"), message, |d| {
                d.note("index names are 1 to 45 lower-case letters, digits and `-`, with a letter or digit at both ends")
            });
        }
        let Keys { endpoint: given, limits, .. } = Keys::of(endpoint);
        if let Some(given) = given {
            address(context, &format!("{pointer}/endpoint"), &given);
        }
        if let Some(limits) = limits {
            limits.check(context, &format!("{pointer}/limits"));
        }
    }

    fn codes(&self) -> &'static [&'static Code] {
        mistakes::ALL
    }

    fn key_prefix(&self) -> Option<&'static str> {
        Some(KEY_PREFIX)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["pod", "serverless", "other"]
    }

    fn rehearsal_kinds(&self) -> &'static [&'static str] {
        &["pod", "serverless"]
    }

    fn spec(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(spec::Keys::json_schema(generator))
    }

    fn check_spec(&self, context: &mut Context<'_>, pointer: &str, spec: &CreateSpec) {
        check::check(context, pointer, spec);
    }
}

impl Connector for Pinecone {
    fn asked_for(&self, endpoint: &Endpoint, spec: &CreateSpec) -> Option<IndexSpec> {
        Some(spec::asked_for(&endpoint.index, spec))
    }

    fn most_tags(&self) -> usize {
        MOST_TAGS
    }

    fn open(
        &self,
        endpoint: &Endpoint,
        side: Side,
        environment: &Environment,
    ) -> Result<Arc<dyn Opened>> {
        Ok(Arc::new(Index::new(Settings {
            index: endpoint.index.clone(),
            endpoint: control_plane(endpoint, environment),
            api_key: api_key(endpoint, side, environment)?,
            transport: environment.transport,
            user_agent: environment.user_agent.clone(),
            rates: match environment.stand_in {
                // The emulator of a rehearsal allows what is documented, whatever was agreed on with the service.
                Some(_) => Rates::DOCUMENTED,
                None => rates(endpoint),
            },
        })?))
    }

    fn absent(&self) -> Arc<dyn Opened> {
        Arc::new(Absent {
            lacks: "its API key",
            limits: LIMITS,
            rules: |_, record, planned| refusal(record, planned),
        })
    }

    fn needed_secrets(&self, endpoint: &Endpoint) -> Vec<(&'static str, Secret)> {
        vec![("api_key", key_reference(endpoint))]
    }

    fn refuses_namespace(&self, _: &Endpoint, namespace: &Namespace) -> Option<&'static str> {
        match namespace.explicit() {
            name if name.len() > pinecone_wire::limits::NAMESPACE_CHARS => {
                Some("longer than 512 characters")
            }
            name if !name.is_ascii() => Some("not ASCII"),
            name if name.contains('\0') => Some("contains NUL"),
            _ => None,
        }
    }

    fn no_source(&self, endpoint: &Endpoint, environment: &Environment) -> Error {
        let (index, address) = (&endpoint.index, control_plane(endpoint, environment));
        let message = format!("there is no source index `{index}` at {address}");
        Error::new(ErrorKind::NotFound, message).with_hint(
            "check `source.index`, that the API key is of the index's project, and the address",
        )
    }

    fn is_same_project(
        &self,
        source: &Endpoint,
        target: &Endpoint,
        environment: &Environment,
    ) -> Result<bool> {
        let address = |endpoint| control_plane(endpoint, environment);
        let key = |endpoint, side| api_key(endpoint, side, environment);
        Ok(address(source) == address(target)
            && key(source, Side::Source)? == key(target, Side::Target)?)
    }

    /// The rates of a serverless index apply only if the index turns out to be one.
    fn calls(&self) -> CallOptions {
        CallOptions::within_rates()
    }

    fn details(&self, deployment: &Deployment) -> Vec<String> {
        let Some(Pod { pods, replicas, indexed, .. }) = pinecone_wire::Deployment::of(deployment)
        else {
            return Vec::new();
        };
        let mut lines = vec![format!("pods: {pods}, replicas: {replicas}")];
        lines.extend(indexed.map(|fields| format!("indexed metadata: {}", fields.join(", "))));
        lines
    }

    fn query_reach(&self) -> Option<u64> {
        Some(SWEEP_LIMIT)
    }

    fn remark(&self, endpoint: &Endpoint) -> Option<String> {
        let described = Keys::of(endpoint).limits.and_then(Limits::describe);
        described.map(|limits| format!("requests keep to {limits}"))
    }

    fn pace(&self, endpoint: &Endpoint, deployment: &Deployment) -> Pace {
        pace::pace(deployment, rates(endpoint))
    }

    fn prices(&self, given: Option<&Prices>, logged: Option<u64>) -> Option<Box<dyn PriceList>> {
        Some(Box::new(PriceTable::new(given, logged)))
    }

    fn limits(&self, needs: Needs, plan: Option<ServicePlan>) -> Vec<LimitCheck> {
        limits::check(needs, plan)
    }

    fn candidates(&self, facts: &Facts<'_>) -> Vec<Candidate> {
        candidates::candidates(facts)
    }

    fn against_import(&self, facts: &Facts<'_>, files: &Files) -> Vec<String> {
        candidates::against_import(facts, files)
    }

    /// By the service's documentation of the metrics of an index (2026-11).
    fn score(&self, metric: Metric) -> Option<&'static str> {
        Some(match metric {
            Metric::Cosine => "the cosine",
            Metric::Dotproduct => "the dot product",
            Metric::Euclidean => "the square of the distance",
        })
    }

    fn operations(&self) -> &'static [Operation] {
        &OPERATIONS
    }

    /// A serverless index filters by all fields unless it is made with a schema.
    fn filtering_by(&self, fields: &[String], target: Option<&Deployment>) -> Option<Value> {
        let target = target.map(pinecone_wire::Deployment::of);
        if !matches!(target, None | Some(Some(Serverless { .. }))) {
            return None;
        }
        let filterable = |field: &String| (field.clone(), json!({ "filterable": true }));
        let fields: serde_json::Map<_, _> = fields.iter().map(filterable).collect();
        Some(json!({ "fields": fields }))
    }

    fn is_emulated(&self) -> bool {
        true
    }
}

/// Returns what an index allows, by the plan.
fn rates(endpoint: &Endpoint) -> Rates {
    Keys::of(endpoint).limits.map(Limits::rates).unwrap_or_default()
}

/// Returns the control plane's address.
fn control_plane(endpoint: &Endpoint, environment: &Environment) -> String {
    let variable =
        || environment.variables.get(CONTROLLER_VARIABLE).filter(|host| !host.is_empty());
    let given = Keys::of(endpoint).endpoint;
    match &environment.stand_in {
        Some(stand_in) => stand_in.endpoint.clone(),
        None => given
            .as_ref()
            .or(environment.controller_host.as_ref())
            .or_else(variable)
            .map_or(CONTROL_PLANE, String::as_str)
            .to_owned(),
    }
}

fn key_reference(endpoint: &Endpoint) -> Secret {
    let default = || Secret::Env(API_KEY_VARIABLE.to_owned());
    Keys::of(endpoint).api_key.unwrap_or_else(default)
}

fn api_key(endpoint: &Endpoint, side: Side, environment: &Environment) -> Result<Key> {
    match &environment.stand_in {
        Some(stand_in) => Ok(stand_in.api_key.clone()),
        None => environment.secret(&key_reference(endpoint), &format!("{}.api_key", side.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(json: serde_json::Value) -> Endpoint {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_plan_names_the_address_before_the_environment_does() {
        let mut environment = Environment::default();
        let plain = endpoint(serde_json::json!({ "provider": "pinecone", "index": "b" }));
        let given = endpoint(serde_json::json!({
            "provider": "pinecone", "index": "b", "endpoint": "http://a"
        }));
        assert_eq!(control_plane(&plain, &environment), "https://api.pinecone.io");
        environment.variables.insert(CONTROLLER_VARIABLE.into(), "http://b".into());
        assert_eq!(control_plane(&plain, &environment), "http://b");
        assert_eq!(control_plane(&given, &environment), "http://a");
    }
}
