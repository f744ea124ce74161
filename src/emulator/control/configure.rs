//! Changes to an existing index: protection, tags, the size of pods, the read capacity.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::emulator::error::{Answer, Refusal};
use crate::emulator::index::Index;
use crate::model;
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::Version;
use crate::pinecone_wire::control::{ConfigureIndex, ConfigureSpec, PodChange, ReadCapacity};

use super::rules;

/// A change, as a body of either dialect asks for it.
pub(super) struct Change {
    pub deletion_protection: Option<bool>,
    pub tags: BTreeMap<String, String>,
    pub pod: Option<PodChange>,
    pub read_capacity: Option<ReadCapacity>,
}

/// Reads the change that a body of the versions up to 2026-04 asks for.
pub(super) fn configure(body: &[u8]) -> Answer<Change> {
    let body: ConfigureIndex = rules::read(body)?;
    if body.embed.is_some() {
        return Err(Refusal::invalid("The emulator has no integrated embedding."));
    }
    let (pod, read_capacity) = match body.spec {
        None => (None, None),
        Some(ConfigureSpec { pod, serverless: None, byoc: None }) => (pod, None),
        Some(ConfigureSpec { pod: None, serverless: Some(spec), byoc: None }) => {
            (None, spec.read_capacity)
        }
        Some(_) => {
            return Err(Refusal::invalid("spec must be that of the index: serverless or pod."));
        }
    };
    Ok(Change {
        deletion_protection: rules::read_protection(body.deletion_protection.as_deref())?,
        tags: body.tags.unwrap_or_default(),
        pod,
        read_capacity,
    })
}

impl Change {
    /// Checks the whole change and then applies it; a new read capacity takes a while.
    pub fn apply(
        self,
        index: &Index,
        now: Timestamp,
        takes: Duration,
        version: Version,
    ) -> Answer<()> {
        let mut spec = index.spec();
        if let Some(is_on) = self.deletion_protection {
            spec.deletion_protection = is_on;
        }
        rules::merge_tags(&mut spec.tags, self.tags, version)?;
        if let Some(pod) = self.pod {
            resize(&mut spec.deployment, pod)?;
        }
        if let Some(asked) = self.read_capacity {
            if index.is_pod {
                return Err(Refusal::invalid("Pod-based indexes have no read capacity."));
            }
            index.change_capacity(&asked, now, takes)?;
        }
        index.configure(|current| *current = spec);
        Ok(())
    }
}

fn resize(deployment: &mut model::Deployment, change: PodChange) -> Answer<()> {
    let mut resized = Deployment::of(deployment);
    let Some(Deployment::Pod { pod_type, pods, replicas, shards, .. }) = &mut resized else {
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
    if let Some(resized) = resized {
        *deployment = resized.into();
    }
    Ok(())
}
