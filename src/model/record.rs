use super::{Metadata, RecordId, SparseVector, Vector, Vectors};

/// Everything an index keeps under one id, all of which must arrive on the other side.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: RecordId,
    pub vectors: Vectors,
    pub metadata: Metadata,
}

impl Record {
    /// Returns its first dense vector; without components if it has none.
    pub fn dense(&self) -> &Vector {
        self.vectors.dense()
    }

    /// Returns its first sparse vector.
    pub fn sparse(&self) -> Option<&SparseVector> {
        self.vectors.sparse()
    }

    /// Returns the bytes that a service bills and limits by: id, metadata as JSON, 4 a component, 8 a non-zero.
    pub fn stored_bytes(&self) -> usize {
        self.id.text().len() + self.metadata.json_bytes() + self.vectors.bytes()
    }

    /// Bytes that it takes in memory, about.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.id.held_bytes() + self.metadata.held_bytes() + self.vectors.bytes()
    }
}
