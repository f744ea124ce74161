//! Messages with their numbers declared as floats, which prost reads packed and one by one alike.

use std::collections::HashMap;

use bytes::Bytes;

use crate::model::{self, Metadata};

#[derive(Clone, PartialEq, prost::Message)]
pub struct SparseValues {
    #[prost(uint32, repeated, tag = "1")]
    pub indices: Vec<u32>,
    #[prost(float, repeated, tag = "2")]
    pub values: Vec<f32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Vector {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(float, repeated, tag = "2")]
    pub values: Vec<f32>,
    #[prost(message, optional, tag = "3")]
    pub metadata: Option<Metadata>,
    #[prost(message, optional, tag = "4")]
    pub sparse_values: Option<SparseValues>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct FetchResponse {
    #[prost(map = "string, message", tag = "1")]
    pub vectors: HashMap<String, Vector>,
    #[prost(string, tag = "2")]
    pub namespace: String,
    #[prost(message, optional, tag = "3")]
    pub usage: Option<super::Usage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UpsertRequest {
    #[prost(message, repeated, tag = "1")]
    pub vectors: Vec<Vector>,
    #[prost(string, tag = "2")]
    pub namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryRequest {
    #[prost(string, tag = "1")]
    pub namespace: String,
    #[prost(uint32, tag = "2")]
    pub top_k: u32,
    #[prost(message, optional, tag = "3")]
    pub filter: Option<Metadata>,
    #[prost(bool, tag = "4")]
    pub include_values: bool,
    #[prost(bool, tag = "5")]
    pub include_metadata: bool,
    #[prost(float, repeated, tag = "7")]
    pub vector: Vec<f32>,
    #[prost(string, tag = "8")]
    pub id: String,
    #[prost(message, optional, tag = "9")]
    pub sparse_vector: Option<SparseValues>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UpdateRequest {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(float, repeated, tag = "2")]
    pub values: Vec<f32>,
    #[prost(message, optional, tag = "3")]
    pub set_metadata: Option<Metadata>,
    #[prost(string, tag = "4")]
    pub namespace: String,
    #[prost(message, optional, tag = "5")]
    pub sparse_values: Option<SparseValues>,
    #[prost(message, optional, tag = "6")]
    pub filter: Option<Metadata>,
    #[prost(bool, optional, tag = "7")]
    pub dry_run: Option<bool>,
}

fn bytes(values: Vec<f32>) -> Bytes {
    model::Vector::from_values(values).as_le_bytes().clone()
}

impl From<SparseValues> for super::SparseValues {
    fn from(sparse: SparseValues) -> Self {
        Self { indices: sparse.indices, values: bytes(sparse.values) }
    }
}

impl From<Vector> for super::Vector {
    fn from(vector: Vector) -> Self {
        Self {
            id: vector.id,
            values: bytes(vector.values),
            metadata: vector.metadata,
            sparse_values: vector.sparse_values.map(Into::into),
        }
    }
}

impl From<UpsertRequest> for super::UpsertRequest {
    fn from(asked: UpsertRequest) -> Self {
        let vectors = asked.vectors.into_iter().map(Into::into).collect();
        Self { vectors, namespace: asked.namespace }
    }
}

impl From<QueryRequest> for super::QueryRequest {
    fn from(asked: QueryRequest) -> Self {
        Self {
            namespace: asked.namespace,
            top_k: asked.top_k,
            filter: asked.filter,
            include_values: asked.include_values,
            include_metadata: asked.include_metadata,
            vector: bytes(asked.vector),
            id: asked.id,
            sparse_vector: asked.sparse_vector.map(Into::into),
        }
    }
}

impl From<UpdateRequest> for super::UpdateRequest {
    fn from(asked: UpdateRequest) -> Self {
        Self {
            id: asked.id,
            values: bytes(asked.values),
            set_metadata: asked.set_metadata,
            namespace: asked.namespace,
            sparse_values: asked.sparse_values.map(Into::into),
            filter: asked.filter,
            dry_run: asked.dry_run,
        }
    }
}
