use super::{Metadata, RecordId, SparseVector, Vector};

/// Everything an index keeps under one id, all of which must arrive on the other side.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: RecordId,
    /// Empty if the index is sparse only.
    pub vector: Vector,
    pub sparse: Option<SparseVector>,
    pub metadata: Metadata,
}

impl Record {
    /// Returns the bytes that a service bills and limits by: id, metadata as JSON, 4 a component, 8 a non-zero.
    pub fn stored_bytes(&self) -> usize {
        self.id.as_str().len()
            + self.metadata.json_bytes()
            + self.vector.as_le_bytes().len()
            + self.sparse.as_ref().map_or(0, |sparse| sparse.len() * 8)
    }

    /// Bytes that it takes in memory, about.
    pub fn held_bytes(&self) -> usize {
        let sparse = self.sparse.as_ref().map_or(0, |sparse| sparse.len() * 8);
        size_of::<Self>()
            + self.id.as_str().len()
            + self.metadata.held_bytes()
            + self.vector.as_le_bytes().len()
            + sparse
    }
}
