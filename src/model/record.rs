use super::{Metadata, RecordId, SparseVector, Vector};

/// What an index keeps under one id: everything that must arrive on the other side.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: RecordId,
    /// Empty where the index is sparse only.
    pub vector: Vector,
    pub sparse: Option<SparseVector>,
    pub metadata: Metadata,
}

impl Record {
    /// Bytes the service bills and limits by: id, metadata, 4 a component, 8 a non-zero
    /// (Pinecone, "Understanding cost", 2026).
    pub fn stored_bytes(&self) -> usize {
        self.id.as_str().len()
            + self.metadata.json_bytes()
            + self.vector.as_le_bytes().len()
            + self.sparse.as_ref().map_or(0, |sparse| sparse.len() * 8)
    }
}
