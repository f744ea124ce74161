//! Messages with dense values as `bytes`.

use std::collections::HashMap;

use bytes::Bytes;

use crate::model::Metadata;

#[derive(Clone, PartialEq, prost::Message)]
pub struct SparseValues {
    #[prost(uint32, repeated, tag = "1")]
    pub indices: Vec<u32>,
    /// Packed little-endian f32.
    #[prost(bytes = "bytes", tag = "2")]
    pub values: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Vector {
    #[prost(string, tag = "1")]
    pub id: String,
    /// Packed little-endian f32.
    #[prost(bytes = "bytes", tag = "2")]
    pub values: Bytes,
    #[prost(message, optional, tag = "3")]
    pub metadata: Option<Metadata>,
    #[prost(message, optional, tag = "4")]
    pub sparse_values: Option<SparseValues>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ScoredVector {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(float, tag = "2")]
    pub score: f32,
    /// Packed little-endian f32.
    #[prost(bytes = "bytes", tag = "3")]
    pub values: Bytes,
    #[prost(message, optional, tag = "4")]
    pub metadata: Option<Metadata>,
    #[prost(message, optional, tag = "5")]
    pub sparse_values: Option<SparseValues>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UpsertRequest {
    #[prost(message, repeated, tag = "1")]
    pub vectors: Vec<Vector>,
    #[prost(string, tag = "2")]
    pub namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UpsertResponse {
    #[prost(uint32, tag = "1")]
    pub upserted_count: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DeleteRequest {
    #[prost(string, repeated, tag = "1")]
    pub ids: Vec<String>,
    #[prost(bool, tag = "2")]
    pub delete_all: bool,
    #[prost(string, tag = "3")]
    pub namespace: String,
    #[prost(message, optional, tag = "4")]
    pub filter: Option<Metadata>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DeleteResponse {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct FetchRequest {
    #[prost(string, repeated, tag = "1")]
    pub ids: Vec<String>,
    #[prost(string, tag = "2")]
    pub namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct FetchResponse {
    #[prost(map = "string, message", tag = "1")]
    pub vectors: HashMap<String, Vector>,
    #[prost(string, tag = "2")]
    pub namespace: String,
    #[prost(message, optional, tag = "3")]
    pub usage: Option<Usage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct FetchByMetadataRequest {
    #[prost(string, tag = "1")]
    pub namespace: String,
    #[prost(message, optional, tag = "2")]
    pub filter: Option<Metadata>,
    #[prost(uint32, optional, tag = "3")]
    pub limit: Option<u32>,
    #[prost(string, optional, tag = "4")]
    pub pagination_token: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct FetchByMetadataResponse {
    #[prost(map = "string, message", tag = "1")]
    pub vectors: HashMap<String, Vector>,
    #[prost(string, tag = "2")]
    pub namespace: String,
    #[prost(message, optional, tag = "3")]
    pub usage: Option<Usage>,
    #[prost(message, optional, tag = "4")]
    pub pagination: Option<Pagination>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ListRequest {
    #[prost(string, optional, tag = "1")]
    pub prefix: Option<String>,
    #[prost(uint32, optional, tag = "2")]
    pub limit: Option<u32>,
    #[prost(string, optional, tag = "3")]
    pub pagination_token: Option<String>,
    #[prost(string, tag = "4")]
    pub namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ListItem {
    #[prost(string, tag = "1")]
    pub id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Pagination {
    #[prost(string, tag = "1")]
    pub next: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    pub vectors: Vec<ListItem>,
    #[prost(message, optional, tag = "2")]
    pub pagination: Option<Pagination>,
    #[prost(string, tag = "3")]
    pub namespace: String,
    #[prost(message, optional, tag = "4")]
    pub usage: Option<Usage>,
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
    /// Packed little-endian f32.
    #[prost(bytes = "bytes", tag = "7")]
    pub vector: Bytes,
    #[prost(string, tag = "8")]
    pub id: String,
    #[prost(message, optional, tag = "9")]
    pub sparse_vector: Option<SparseValues>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryResponse {
    #[prost(message, repeated, tag = "2")]
    pub matches: Vec<ScoredVector>,
    #[prost(string, tag = "3")]
    pub namespace: String,
    #[prost(message, optional, tag = "4")]
    pub usage: Option<Usage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Usage {
    #[prost(uint32, optional, tag = "1")]
    pub read_units: Option<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UpdateRequest {
    #[prost(string, tag = "1")]
    pub id: String,
    /// Packed little-endian f32.
    #[prost(bytes = "bytes", tag = "2")]
    pub values: Bytes,
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

#[derive(Clone, PartialEq, prost::Message)]
pub struct UpdateResponse {
    #[prost(int32, optional, tag = "1")]
    pub matched_records: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DescribeIndexStatsRequest {
    #[prost(message, optional, tag = "1")]
    pub filter: Option<Metadata>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct NamespaceSummary {
    #[prost(uint32, tag = "1")]
    pub vector_count: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DescribeIndexStatsResponse {
    #[prost(map = "string, message", tag = "1")]
    pub namespaces: HashMap<String, NamespaceSummary>,
    #[prost(uint32, optional, tag = "2")]
    pub dimension: Option<u32>,
    #[prost(float, tag = "3")]
    pub index_fullness: f32,
    #[prost(uint32, tag = "4")]
    pub total_vector_count: u32,
    #[prost(string, optional, tag = "5")]
    pub metric: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub vector_type: Option<String>,
    #[prost(float, optional, tag = "7")]
    pub memory_fullness: Option<f32>,
    #[prost(float, optional, tag = "8")]
    pub storage_fullness: Option<f32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ListNamespacesRequest {
    #[prost(string, optional, tag = "1")]
    pub pagination_token: Option<String>,
    #[prost(uint32, optional, tag = "2")]
    pub limit: Option<u32>,
    #[prost(string, optional, tag = "3")]
    pub prefix: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ListNamespacesResponse {
    #[prost(message, repeated, tag = "1")]
    pub namespaces: Vec<NamespaceDescription>,
    #[prost(message, optional, tag = "2")]
    pub pagination: Option<Pagination>,
    #[prost(int32, tag = "3")]
    pub total_count: i32,
}

/// The request of both `DescribeNamespace` and `DeleteNamespace`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NamespaceRequest {
    #[prost(string, tag = "1")]
    pub namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateNamespaceRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub schema: Option<MetadataSchema>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct NamespaceDescription {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint64, tag = "2")]
    pub record_count: u64,
    #[prost(message, optional, tag = "3")]
    pub schema: Option<MetadataSchema>,
    #[prost(message, optional, tag = "4")]
    pub indexed_fields: Option<IndexedFields>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct IndexedFields {
    #[prost(string, repeated, tag = "1")]
    pub fields: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MetadataSchema {
    #[prost(map = "string, message", tag = "1")]
    pub fields: HashMap<String, MetadataField>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MetadataField {
    #[prost(bool, tag = "1")]
    pub filterable: bool,
}
