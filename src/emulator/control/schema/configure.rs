//! `PATCH /indexes/{name}` of 2026-07.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::emulator::control::configure::{Change, PodChange};
use crate::emulator::error::{Answer, Refusal};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigureBody {
    deployment: Option<DeploymentBody>,
    read_capacity: Option<Value>,
    tags: Option<BTreeMap<String, String>>,
    deletion_protection: Option<String>,
    schema: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentBody {
    replicas: Option<u32>,
    pod_type: Option<String>,
}

pub(crate) fn configure(body: &[u8]) -> Answer<Change> {
    let body: ConfigureBody = serde_json::from_slice(body).map_err(Refusal::unreadable)?;
    if body.schema.is_some() {
        return Err(Refusal::invalid(
            "Only the parameters of semantic_text fields can be changed in a schema; this index has none.",
        ));
    }
    let pod = body.deployment.map(|deployment| PodChange {
        replicas: deployment.replicas,
        pod_type: deployment.pod_type,
    });
    Ok(Change {
        deletion_protection: body.deletion_protection,
        tags: body.tags.unwrap_or_default(),
        pod,
        read_capacity: body.read_capacity,
    })
}
