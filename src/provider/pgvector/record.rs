//! A record with everything that a table can keep: id, vectors by name, metadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Metadata, Namespace, RecordId, SparseVector, Vector};

/// What a record holds under the name of a vector.
#[derive(Clone, Debug, PartialEq)]
pub enum Embedding {
    Dense(Vector),
    Sparse(SparseVector),
}

/// Everything a store keeps under one id, all of which must arrive on the other side.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: RecordId,
    pub partition: Namespace,
    /// A vector that is absent is not in it.
    pub vectors: BTreeMap<Arc<str>, Embedding>,
    pub metadata: Metadata,
}

impl Record {
    /// Returns the bytes that it takes in memory beside its own, about.
    pub fn held_bytes(&self) -> usize {
        let vector = |embedding: &Embedding| match embedding {
            Embedding::Dense(vector) => vector.as_le_bytes().len(),
            Embedding::Sparse(sparse) => sparse.len() * 8,
        };
        let vectors: usize = self.vectors.values().map(vector).sum();
        vectors + self.metadata.held_bytes()
    }
}
