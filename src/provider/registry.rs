//! Providers for the endpoints of a plan, and a check that every secret a plan wants exists.
//!
//! A new provider is one arm here and one folder beside `pinecone`.

use std::sync::Arc;

use super::files::Files;
use super::pinecone::{Index, Settings};
use super::storage::S3Options;
use super::{Admin, Environment, Source};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::plan::file::{self, Endpoint, Provider, Traffic};

/// Returns the provider of `endpoint` to read and write, without layers; connects to nothing yet. `side` is `source`
/// or `target`, for messages.
///
/// # Errors
/// `Invalid` if the API key is missing or the address is invalid.
pub fn open_target(
    endpoint: &Endpoint,
    side: &str,
    environment: &Environment,
) -> Result<Arc<dyn Admin>> {
    match endpoint.provider {
        Provider::Pinecone => Ok(Arc::new(pinecone(endpoint, side, environment)?)),
        Provider::Parquet => Ok(Arc::new(files(endpoint, environment))),
    }
}

/// Returns whether both ends of a plan have the same key and address. Two different keys may still belong to one
/// project; that cannot be seen from here.
///
/// # Errors
/// `Invalid` if a key is missing.
pub fn is_same_project(plan: &Plan, environment: &Environment) -> Result<bool> {
    let (source, target) = (&plan.source, &plan.target);
    let key = |end: &Endpoint, side: &str| environment.api_key(end, side);
    Ok(source.provider == target.provider
        && environment.endpoint(source) == environment.endpoint(target)
        && key(source, "source")? == key(target, "target")?)
}

/// Returns the provider of `endpoint` to read, without layers; connects to nothing yet.
///
/// # Errors
/// Those of [`open_target`].
pub fn open_source(
    endpoint: &Endpoint,
    side: &str,
    environment: &Environment,
) -> Result<Arc<dyn Source>> {
    match endpoint.provider {
        Provider::Pinecone => Ok(Arc::new(pinecone(endpoint, side, environment)?)),
        Provider::Parquet => Ok(Arc::new(files(endpoint, environment))),
    }
}

fn files(endpoint: &Endpoint, environment: &Environment) -> Files {
    Files::new(
        &endpoint.index,
        &environment.base,
        S3Options::from_variables(&environment.variables),
        endpoint.columns.clone().unwrap_or_default(),
    )
}

fn pinecone(endpoint: &Endpoint, side: &str, environment: &Environment) -> Result<Index> {
    Index::new(Settings {
        index: endpoint.index.clone(),
        endpoint: environment.endpoint(endpoint),
        api_key: environment.api_key(endpoint, side)?,
        transport: environment.transport,
        user_agent: environment.user_agent.clone(),
    })
    .map_err(|error| error.with_context("side", side))
}

/// Finds every missing secret of `plan`, with the place that wants it. Looking touches nothing.
pub fn missing_secrets(plan: &Plan, environment: &Environment) -> Vec<Error> {
    let sides = [("source", &plan.source), ("target", &plan.target)];
    let sides = sides.into_iter().filter(|(_, end)| end.provider != Provider::Parquet);
    let keys = sides.filter_map(|(side, end)| environment.api_key(end, side).err());
    let bearers = bearers(plan)
        .into_iter()
        .filter(|_| environment.stand_in.is_none())
        .filter_map(|(place, secret)| environment.secret(secret, &place).err());
    keys.chain(bearers).collect()
}

/// Reports all missing secrets as one error.
///
/// # Errors
/// `Invalid`, naming each variable or file and the place that wants it.
pub fn check_secrets(plan: &Plan, environment: &Environment) -> Result<()> {
    let mut missing = missing_secrets(plan, environment);
    match missing.len() {
        0 => Ok(()),
        1 => Err(missing.remove(0)),
        count => {
            let lines: Vec<String> = missing.iter().map(|error| format!("- {error}")).collect();
            let message = format!("{count} secrets are missing:\n{}", lines.join("\n"));
            Err(Error::invalid(message).with_hint("set them and run the same command again"))
        }
    }
}

/// Returns the secrets of webhooks and hooks, each with its place.
fn bearers(plan: &Plan) -> Vec<(String, &file::Secret)> {
    let mut found = Vec::new();
    if let Some(Traffic::Webhook(webhook)) = &plan.traffic {
        let calls = [("set", Some(&webhook.set)), ("read", webhook.read.as_ref())];
        for (name, call) in calls {
            let secret = call.and_then(|call| call.bearer.as_ref());
            found.extend(secret.map(|secret| (format!("traffic.webhook.{name}.bearer"), secret)));
        }
    }
    let hooks = plan.hooks.iter().enumerate().map(|(at, hook)| (format!("hooks[{at}]"), hook));
    let rollbacks = plan.stages.iter().enumerate().flat_map(|(stage, entry)| {
        let hooks = entry.rollback.iter().enumerate();
        hooks.map(move |(at, hook)| (format!("stages[{stage}].rollback[{at}]"), hook))
    });
    for (place, hook) in hooks.chain(rollbacks) {
        let secret = hook.http.as_ref().and_then(|call| call.bearer.as_ref());
        found.extend(secret.map(|secret| (format!("{place}.http.bearer"), secret)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    fn plan() -> Plan {
        let text = r"
version: 1
name: p
source: { provider: pinecone, index: a, api_key: { env: OLD_KEY } }
target: { provider: pinecone, index: b }
traffic: { webhook: { set: { post: http://x, bearer: { env: TOKEN } } } }
stages:
  - kind: audit
";
        let path = std::path::Path::new("plan.yaml");
        crate::plan::read_text(path, text.to_owned(), &Default::default()).unwrap().plan
    }

    #[test]
    fn all_missing_secrets_are_reported_at_once() {
        let error = check_secrets(&plan(), &Environment::default()).unwrap_err().to_string();
        for part in [
            "OLD_KEY",
            "source.api_key",
            "PINECONE_API_KEY",
            "target.api_key",
            "TOKEN",
            "traffic.webhook.set.bearer",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }

    #[test]
    fn a_rehearsal_needs_no_secret() {
        let environment = Environment::stand_in("http://127.0.0.1:1", Secret::new("k"));
        check_secrets(&plan(), &environment).unwrap();
        open_target(&plan().target, "target", &environment).unwrap();
    }

    #[test]
    fn the_plan_names_the_address_before_the_environment_does() {
        let mut environment = Environment::default();
        let mut endpoint = plan().target;
        assert_eq!(environment.endpoint(&endpoint), "https://api.pinecone.io");
        environment.variables.insert("PINECONE_CONTROLLER_HOST".into(), "http://b".into());
        assert_eq!(environment.endpoint(&endpoint), "http://b");
        endpoint.endpoint = Some("http://a".into());
        assert_eq!(environment.endpoint(&endpoint), "http://a");
    }
}
