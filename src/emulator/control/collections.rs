//! Creating a collection from a pod index.

use serde::Deserialize;
use serde_json::Value;

use crate::emulator::collection::Collection;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::progress::{Ending, Progress};
use crate::emulator::project::Shared;

use super::rules;

#[derive(Deserialize)]
pub(crate) struct CollectionBody {
    name: String,
    source: String,
}

pub(crate) fn create(project: &Shared, body: CollectionBody) -> Answer<Value> {
    rules::check_name("Collection name", &body.name)?;
    let source = project.find(&body.source).ok_or_else(|| {
        // Pinecone's OpenAPI files have no 404 here.
        Refusal::invalid(format!("Source index {} not found.", body.source))
    })?;
    let now = project.now();
    if !source.is_pod {
        return Err(Refusal::invalid("Collections can only be created from pod-based indexes."));
    }
    if !source.is_ready(now) {
        return Err(Refusal::invalid(format!("Source index {} is not ready.", body.source)));
    }
    let ending = Ending::from(project.dice.faults().collection);
    let progress = Progress::new(now, project.options.collection_ready_after, ending);
    let collection = Collection::of(body.name, &source, now, progress);
    let model = collection.model(now);
    match project.put_collection(collection) {
        true => Ok(model),
        false => Err(Refusal::new(409, Code::AlreadyExists, "Resource already exists.")),
    }
}
