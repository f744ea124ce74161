//! The systems that vecshift connects to, and a check that every secret a plan wants exists.
//!
//! A new system is one line here and one folder beside `pinecone`.

use std::sync::{Arc, LazyLock};

use super::files::ParquetFiles;
use super::pgvector::Pgvector;
use super::pinecone::Pinecone;
use super::{Connector, Environment};
use crate::error::{Error, Result};
use crate::model::{IndexSpec, Side};
use crate::plan::file::{self, Endpoint, Provider, Traffic};
use crate::plan::{Language, Plan, System};
use crate::store::Opened;

/// Every system, in the order of the documentation.
static CONNECTORS: [&dyn Connector; 3] = [&Pinecone, &ParquetFiles, &Pgvector];

static LANGUAGE: LazyLock<Language> =
    LazyLock::new(|| Language::new(CONNECTORS.map(|one| one as &dyn System).to_vec()));

/// Returns the plan language, which knows every system here.
pub fn language() -> &'static Language {
    &LANGUAGE
}

/// Returns the connector of a system.
///
/// # Errors
/// `Invalid` if there is no such system, which the check of a plan rules out.
pub(crate) fn connector(provider: &Provider) -> Result<&'static dyn Connector> {
    let found = CONNECTORS.into_iter().find(|one| one.name() == provider.name());
    found.ok_or_else(|| Error::invalid(format!("there is no provider `{provider}`")))
}

/// Returns the index that a plan's create stage asks for; `None` if there is no such stage.
pub(crate) fn asked_for(plan: &Plan) -> Option<IndexSpec> {
    let (target, spec) = (&plan.target, plan.create.as_ref()?);
    connector(&target.provider).ok()?.asked_for(target, spec)
}

/// Opens an endpoint; connects to nothing yet.
///
/// # Errors
/// `Invalid` if a secret is missing or the address is invalid.
pub fn open(endpoint: &Endpoint, side: Side, environment: &Environment) -> Result<Arc<dyn Opened>> {
    let opened = connector(&endpoint.provider)?.open(endpoint, side, environment);
    opened.map_err(|error| error.with_context("side", side.name()))
}

/// Stands in for a target that is not looked at; its key is not needed.
///
/// # Errors
/// `Invalid` if there is no such system.
pub fn absent(endpoint: &Endpoint, _: Side, _: &Environment) -> Result<Arc<dyn Opened>> {
    Ok(connector(&endpoint.provider)?.absent())
}

/// Returns whether both ends of a plan have the same key and address. Two different keys may still belong to one
/// project; that cannot be seen from here.
///
/// # Errors
/// `Invalid` if a key is missing.
pub fn is_same_project(plan: &Plan, environment: &Environment) -> Result<bool> {
    let (source, target) = (&plan.source, &plan.target);
    Ok(source.provider == target.provider
        && connector(&source.provider)?.is_same_project(source, target, environment)?)
}

/// Returns whether the target would be a part of the source by its name alone, once both are in one project.
///
/// # Errors
/// `Invalid` if there is no such system.
pub fn would_hold(plan: &Plan) -> Result<bool> {
    Ok(plan.source.provider == plan.target.provider
        && connector(&plan.source.provider)?.would_hold(&plan.source, &plan.target))
}

/// Finds every missing secret of `plan`, with the place that wants it. Looking touches nothing.
pub fn missing_secrets(plan: &Plan, environment: &Environment) -> Vec<Error> {
    if environment.stand_in.is_some() {
        return Vec::new();
    }
    let sides = [(Side::Source, &plan.source), (Side::Target, &plan.target)];
    let of_sides = sides.into_iter().flat_map(|(side, endpoint)| {
        let connector = connector(&endpoint.provider).ok();
        let needed = connector.map(|one| one.needed_secrets(endpoint)).unwrap_or_default();
        needed.into_iter().map(move |(key, secret)| (format!("{}.{key}", side.name()), secret))
    });
    let bearers = bearers(plan).into_iter().map(|(place, secret)| (place, secret.clone()));
    let wanted = of_sides.chain(bearers);
    wanted.filter_map(|(place, secret)| environment.secret(&secret, &place).err()).collect()
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
        language().read_text(path, text.to_owned(), &Default::default()).unwrap().plan
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
        open(&plan().target, Side::Target, &environment).unwrap();
    }

    /// A key that two systems have is one key of the plan language.
    #[test]
    fn keys_of_one_name_have_one_schema() {
        let mut known = std::collections::BTreeMap::new();
        for system in CONNECTORS {
            let spec = system.spec(&mut Default::default());
            let endpoint = system.endpoint(&mut Default::default());
            for (of, schema) in [("endpoint", Some(endpoint)), ("spec", spec)] {
                let keys = schema.map_or(serde_json::Value::Null, |schema| schema.to_value());
                for (key, schema) in keys["properties"].as_object().into_iter().flatten() {
                    let first = known.entry((of, key.clone())).or_insert(schema.clone());
                    assert_eq!(first, schema, "{key}");
                }
            }
        }
    }
}
