//! Changing what can be changed of an index: protection, tags, the size of pods.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::emulator::error::{Answer, Refusal};
use crate::emulator::index::Index;
use crate::model::Deployment;

use super::rules;

#[derive(Deserialize)]
pub(crate) struct ConfigureBody {
    deletion_protection: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    spec: Option<SpecBody>,
}

#[derive(Deserialize)]
struct SpecBody {
    pod: Option<PodBody>,
}

#[derive(Deserialize)]
struct PodBody {
    replicas: Option<u32>,
    pod_type: Option<String>,
}

/// Checks the whole change and then applies it at once.
pub(crate) fn configure(index: &Index, body: ConfigureBody) -> Answer<()> {
    let mut spec = index.spec();
    if let Some(word) = &body.deletion_protection {
        spec.deletion_protection = rules::read_switch("deletion_protection", word)?;
    }
    rules::merge_tags(&mut spec.tags, body.tags.unwrap_or_default())?;
    if let Some(pod) = body.spec.and_then(|spec| spec.pod) {
        resize(&mut spec.deployment, pod)?;
    }
    index.configure(|current| *current = spec);
    Ok(())
}

fn resize(deployment: &mut Deployment, change: PodBody) -> Answer<()> {
    let Deployment::Pod { pod_type, pods, replicas, shards, .. } = deployment else {
        return Err(Refusal::invalid("Only pod-based indexes have pods to configure."));
    };
    if let Some(word) = change.pod_type {
        rules::check_pod_type(&word)?;
        *pod_type = word;
    }
    if let Some(count) = change.replicas {
        if count == 0 {
            return Err(Refusal::invalid("replicas must be at least 1."));
        }
        *replicas = count;
        *pods = count.saturating_mul(*shards);
    }
    Ok(())
}
