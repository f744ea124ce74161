//! The gRPC paths of `VectorService`.

pub const UPSERT: &str = "/VectorService/Upsert";
pub const DELETE: &str = "/VectorService/Delete";
pub const FETCH: &str = "/VectorService/Fetch";
pub const LIST: &str = "/VectorService/List";
pub const QUERY: &str = "/VectorService/Query";
pub const UPDATE: &str = "/VectorService/Update";
pub const DESCRIBE_INDEX_STATS: &str = "/VectorService/DescribeIndexStats";
pub const LIST_NAMESPACES: &str = "/VectorService/ListNamespaces";
pub const DESCRIBE_NAMESPACE: &str = "/VectorService/DescribeNamespace";
pub const DELETE_NAMESPACE: &str = "/VectorService/DeleteNamespace";
pub const CREATE_NAMESPACE: &str = "/VectorService/CreateNamespace";
pub const FETCH_BY_METADATA: &str = "/VectorService/FetchByMetadata";
