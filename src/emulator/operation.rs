//! The operations of both planes and the paths they have on each wire.

use axum::http::Method;

use super::version::Version;
use crate::provider::pinecone::proto::path;

macro_rules! operations {
    ($($name:ident $word:literal)*) => {
        /// An operation of either plane.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Operation { $($name,)* }

        impl Operation {
            /// The name counters know it by.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

operations! {
    ListIndexes "list_indexes"
    CreateIndex "create_index"
    DescribeIndex "describe_index"
    ConfigureIndex "configure_index"
    DeleteIndex "delete_index"
    ListCollections "list_collections"
    CreateCollection "create_collection"
    DescribeCollection "describe_collection"
    DeleteCollection "delete_collection"
    ListIndexBackups "list_index_backups"
    CreateBackup "create_backup"
    ListBackups "list_backups"
    DescribeBackup "describe_backup"
    DeleteBackup "delete_backup"
    CreateIndexFromBackup "create_index_from_backup"
    ListRestoreJobs "list_restore_jobs"
    DescribeRestoreJob "describe_restore_job"
    Stats "describe_index_stats"
    List "list"
    Fetch "fetch"
    FetchByMetadata "fetch_by_metadata"
    Query "query"
    Upsert "upsert"
    Update "update"
    Delete "delete"
    ListNamespaces "list_namespaces"
    CreateNamespace "create_namespace"
    DescribeNamespace "describe_namespace"
    DeleteNamespace "delete_namespace"
    StartImport "start_import"
    ListImports "list_imports"
    DescribeImport "describe_import"
    CancelImport "cancel_import"
}

impl Operation {
    pub fn is_data(self) -> bool {
        self >= Self::Stats
    }

    /// The first version that has it; those before answer as for a path that is not there.
    pub fn since(self) -> Version {
        match self {
            Self::StartImport | Self::ListImports | Self::DescribeImport | Self::CancelImport => {
                Version::V2024_10
            }
            Self::ListIndexBackups
            | Self::CreateBackup
            | Self::ListBackups
            | Self::DescribeBackup
            | Self::DeleteBackup
            | Self::CreateIndexFromBackup
            | Self::ListRestoreJobs
            | Self::DescribeRestoreJob
            | Self::ListNamespaces
            | Self::DescribeNamespace
            | Self::DeleteNamespace => Version::V2025_04,
            Self::FetchByMetadata | Self::CreateNamespace => Version::V2025_10,
            _ => Version::V2024_04,
        }
    }

    /// Whether pods lack it.
    pub fn is_serverless_only(self) -> bool {
        matches!(
            self,
            Self::List
                | Self::FetchByMetadata
                | Self::ListNamespaces
                | Self::CreateNamespace
                | Self::DescribeNamespace
                | Self::DeleteNamespace
                | Self::StartImport
                | Self::ListImports
                | Self::DescribeImport
                | Self::CancelImport
        )
    }

    /// The operation of a gRPC path.
    pub fn of_grpc(path: &str) -> Option<Self> {
        Some(match path {
            path::UPSERT => Self::Upsert,
            path::DELETE => Self::Delete,
            path::FETCH => Self::Fetch,
            path::LIST => Self::List,
            path::QUERY => Self::Query,
            path::UPDATE => Self::Update,
            path::DESCRIBE_INDEX_STATS => Self::Stats,
            path::LIST_NAMESPACES => Self::ListNamespaces,
            path::DESCRIBE_NAMESPACE => Self::DescribeNamespace,
            path::DELETE_NAMESPACE => Self::DeleteNamespace,
            path::CREATE_NAMESPACE => Self::CreateNamespace,
            path::FETCH_BY_METADATA => Self::FetchByMetadata,
            _ => return None,
        })
    }

    /// The operation of a REST request and the name in its path, decoded.
    pub fn of_rest(method: &Method, path: &str) -> Option<(Self, String)> {
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        let fixed = |operation| Some((operation, String::new()));
        let (get, post) = (method == Method::GET, method == Method::POST);
        match segments.as_slice() {
            ["indexes"] if get => fixed(Self::ListIndexes),
            ["indexes"] if post => fixed(Self::CreateIndex),
            ["indexes", name] => {
                let operation = match *method {
                    Method::GET => Self::DescribeIndex,
                    Method::PATCH => Self::ConfigureIndex,
                    Method::DELETE => Self::DeleteIndex,
                    _ => return None,
                };
                Some((operation, decoded(name)))
            }
            ["collections"] if get => fixed(Self::ListCollections),
            ["collections"] if post => fixed(Self::CreateCollection),
            ["collections", name] if get => Some((Self::DescribeCollection, decoded(name))),
            ["collections", name] if *method == Method::DELETE => {
                Some((Self::DeleteCollection, decoded(name)))
            }
            ["indexes", name, "backups"] if get => Some((Self::ListIndexBackups, decoded(name))),
            ["indexes", name, "backups"] if post => Some((Self::CreateBackup, decoded(name))),
            ["backups"] if get => fixed(Self::ListBackups),
            ["backups", id] if get => Some((Self::DescribeBackup, decoded(id))),
            ["backups", id] if *method == Method::DELETE => Some((Self::DeleteBackup, decoded(id))),
            ["backups", id, "create-index"] if post => {
                Some((Self::CreateIndexFromBackup, decoded(id)))
            }
            ["restore-jobs"] if get => fixed(Self::ListRestoreJobs),
            ["restore-jobs", id] if get => Some((Self::DescribeRestoreJob, decoded(id))),
            // The oldest versions take the stats as a GET too; SDKs of today send a POST.
            ["describe_index_stats"] if get || post => fixed(Self::Stats),
            ["vectors", "list"] if get => fixed(Self::List),
            ["vectors", "fetch"] if get => fixed(Self::Fetch),
            ["vectors", "fetch_by_metadata"] if post => fixed(Self::FetchByMetadata),
            ["query"] if post => fixed(Self::Query),
            ["vectors", "upsert"] if post => fixed(Self::Upsert),
            ["vectors", "update"] if post => fixed(Self::Update),
            ["vectors", "delete"] if post => fixed(Self::Delete),
            ["namespaces"] if get => fixed(Self::ListNamespaces),
            ["namespaces"] if post => fixed(Self::CreateNamespace),
            ["namespaces", name] if get => Some((Self::DescribeNamespace, decoded(name))),
            ["namespaces", name] if *method == Method::DELETE => {
                Some((Self::DeleteNamespace, decoded(name)))
            }
            ["bulk", "imports"] if get => fixed(Self::ListImports),
            ["bulk", "imports"] if post => fixed(Self::StartImport),
            ["bulk", "imports", id] if get => Some((Self::DescribeImport, decoded(id))),
            ["bulk", "imports", id] if *method == Method::DELETE => {
                Some((Self::CancelImport, decoded(id)))
            }
            _ => None,
        }
    }
}

/// Undoes percent-encoding; a malformed escape stands for itself.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| tail.get(..2)).flatten();
        let value = escaped
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = if value.is_some() { &tail[2..] } else { tail };
        bytes.push(value.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_an_operation() {
        let of = |method, path| Operation::of_rest(&method, path);
        assert_eq!(of(Method::GET, "/indexes"), Some((Operation::ListIndexes, String::new())));
        assert_eq!(
            of(Method::DELETE, "/namespaces/a%20b%2fc"),
            Some((Operation::DeleteNamespace, "a b/c".to_owned()))
        );
        assert_eq!(of(Method::PUT, "/indexes/x"), None);
        assert_eq!(of(Method::GET, "/query"), None);
        assert_eq!(Operation::of_grpc("/VectorService/Query"), Some(Operation::Query));
    }

    #[test]
    fn a_malformed_escape_stands_for_itself() {
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%41"), "%zzA");
    }
}
