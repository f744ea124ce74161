//! Collections made from pod indexes.

use crate::emulator::collection::Collection;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::progress::{Ending, Progress};
use crate::emulator::project::Shared;
use crate::pinecone_wire::control::{CollectionModel, CreateCollection};

use super::rules;

pub(crate) fn create(project: &Shared, body: CreateCollection) -> Answer<CollectionModel> {
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
    let collection = Collection::of(body.name.into_owned(), &source, now, progress);
    let model = collection.model(now);
    match project.put_collection(collection) {
        true => Ok(model),
        false => Err(Refusal::new(409, Code::AlreadyExists, "Resource already exists.")),
    }
}
