//! Changes to an existing index.

use crate::emulator::control::configure::Change;
use crate::emulator::control::rules;
use crate::emulator::error::{Answer, Refusal};
use crate::pinecone_wire::control::PodChange;
use crate::pinecone_wire::control::schema::ConfigureIndex;

pub(crate) fn configure(body: &[u8]) -> Answer<Change> {
    let body: ConfigureIndex = rules::read(body)?;
    if body.schema.is_some() {
        return Err(Refusal::invalid(
            "Only the parameters of semantic_text fields can be changed in a schema; this index has none.",
        ));
    }
    let pod =
        body.deployment.map(|pod| PodChange { replicas: pod.replicas, pod_type: pod.pod_type });
    Ok(Change {
        deletion_protection: rules::read_protection(body.deletion_protection.as_deref())?,
        tags: body.tags.unwrap_or_default(),
        pod,
        read_capacity: body.read_capacity,
    })
}
