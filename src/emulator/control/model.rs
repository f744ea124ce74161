//! The description of an index in the versions up to 2026-04.

use crate::clock::Timestamp;
use crate::emulator::index::Index;
use crate::pinecone_wire::Version;
use crate::pinecone_wire::control::IndexModel;

pub(crate) fn index(index: &Index, now: Timestamp, version: Version) -> IndexModel {
    let mut model = IndexModel::of(&index.spec(), &index.host, index.status(now));
    let Some(spec) = &mut model.spec else { return model };
    if let Some(collection) = &index.extras.source_collection {
        spec.set_source_collection(collection);
    }
    if let Some(serverless) = &mut spec.serverless
        && version >= Version::V2025_10
    {
        serverless.schema = index.extras.schema.clone();
        serverless.read_capacity = Some(index.capacity(now));
    }
    model
}
