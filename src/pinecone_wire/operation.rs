//! The operations of both planes and the paths they have on each wire (Pinecone's OpenAPI files 2025-10 and 2026-04,
//! its proto file; the paths of gRPC as Pinecone's Python SDK 10.2.0 sends them).

use http::Method;

use super::Version;
use super::proto::path;
use super::segment::{escape, unescape};

macro_rules! operations {
    ($($name:ident $word:literal $method:ident $path:literal $since:ident)*) => {
        /// An operation of either plane.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Operation { $($name,)* }

        impl Operation {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns its name in logs and counters.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Returns its method over REST.
            pub fn method(self) -> Method {
                match self { $(Self::$name => Method::$method,)* }
            }

            /// Returns its path over REST, with `{}` in place of a name.
            fn template(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }

            /// Returns the first version that has it.
            pub fn since(self) -> Version {
                match self { $(Self::$name => Version::$since,)* }
            }
        }
    };
}

// Their order is part of the seeds of the emulator's faults: new ones stand at the end.
operations! {
    ListIndexes "list_indexes" GET "/indexes" V2024_04
    CreateIndex "create_index" POST "/indexes" V2024_04
    DescribeIndex "describe_index" GET "/indexes/{}" V2024_04
    ConfigureIndex "configure_index" PATCH "/indexes/{}" V2024_04
    DeleteIndex "delete_index" DELETE "/indexes/{}" V2024_04
    ListCollections "list_collections" GET "/collections" V2024_04
    CreateCollection "create_collection" POST "/collections" V2024_04
    DescribeCollection "describe_collection" GET "/collections/{}" V2024_04
    DeleteCollection "delete_collection" DELETE "/collections/{}" V2024_04
    Stats "describe_index_stats" POST "/describe_index_stats" V2024_04
    List "list" GET "/vectors/list" V2024_04
    Fetch "fetch" GET "/vectors/fetch" V2024_04
    FetchByMetadata "fetch_by_metadata" POST "/vectors/fetch_by_metadata" V2025_10
    Query "query" POST "/query" V2024_04
    Upsert "upsert" POST "/vectors/upsert" V2024_04
    Update "update" POST "/vectors/update" V2024_04
    Delete "delete" POST "/vectors/delete" V2024_04
    ListNamespaces "list_namespaces" GET "/namespaces" V2025_04
    CreateNamespace "create_namespace" POST "/namespaces" V2025_10
    DescribeNamespace "describe_namespace" GET "/namespaces/{}" V2025_04
    DeleteNamespace "delete_namespace" DELETE "/namespaces/{}" V2025_04
    StartImport "start_import" POST "/bulk/imports" V2024_10
    ListImports "list_imports" GET "/bulk/imports" V2024_10
    DescribeImport "describe_import" GET "/bulk/imports/{}" V2024_10
    CancelImport "cancel_import" DELETE "/bulk/imports/{}" V2024_10
    ListIndexBackups "list_index_backups" GET "/indexes/{}/backups" V2025_04
    CreateBackup "create_backup" POST "/indexes/{}/backups" V2025_04
    ListBackups "list_backups" GET "/backups" V2025_04
    DescribeBackup "describe_backup" GET "/backups/{}" V2025_04
    DeleteBackup "delete_backup" DELETE "/backups/{}" V2025_04
    CreateIndexFromBackup "create_index_from_backup" POST "/backups/{}/create-index" V2025_04
    ListRestoreJobs "list_restore_jobs" GET "/restore-jobs" V2025_04
    DescribeRestoreJob "describe_restore_job" GET "/restore-jobs/{}" V2025_04
}

impl Operation {
    pub fn is_data(self) -> bool {
        (Self::Stats..=Self::CancelImport).contains(&self)
    }

    /// Returns whether pods lack it (Pinecone's documents on pods).
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

    /// Returns the status of its success.
    pub fn success(self, version: Version) -> u16 {
        match self {
            Self::CreateIndex | Self::CreateCollection | Self::CreateBackup => 201,
            Self::ConfigureIndex if version.has_schema() => 200,
            Self::ConfigureIndex
            | Self::DeleteIndex
            | Self::DeleteCollection
            | Self::DeleteBackup
            | Self::CreateIndexFromBackup => 202,
            _ => 200,
        }
    }

    /// Returns the operation of a gRPC path.
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

    /// Returns its path over REST; `name` is its object, if the path names one.
    pub fn path(self, name: &str) -> String {
        self.template().replacen(PLACE, &escape(name), 1)
    }

    /// Returns the operation of a REST request and the name in its path, decoded.
    pub fn of_rest(method: &Method, path: &str) -> Option<(Self, String)> {
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        Self::ALL.iter().find_map(|operation| {
            let name = operation.name_in(&segments)?;
            operation.takes(method).then(|| (*operation, unescape(name)))
        })
    }

    fn takes(self, method: &Method) -> bool {
        // The oldest versions accept GET for the stats too; current SDKs send a POST.
        let is_old_stats = self == Self::Stats && *method == Method::GET;
        is_old_stats || *method == self.method()
    }

    /// Returns the name in a path; empty if the operation's path has none, `None` if it is another path.
    fn name_in<'a>(self, segments: &[&'a str]) -> Option<&'a str> {
        let mut name = "";
        let mut rest = segments.iter();
        for expected in self.template().trim_start_matches('/').split('/') {
            let found = rest.next()?;
            if expected == PLACE {
                name = found;
            } else if expected != *found {
                return None;
            }
        }
        rest.next().is_none().then_some(name)
    }
}

/// Placeholder for the name in a path.
const PLACE: &str = "{}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_operation_it_is_of() {
        for operation in Operation::ALL {
            let is_named = operation.template().contains(PLACE);
            let name = if is_named { "a b/é%" } else { "" };
            let found = Operation::of_rest(&operation.method(), &operation.path(name));
            assert_eq!(found, Some((*operation, name.to_owned())));
        }
    }

    #[test]
    fn paths_are_those_of_the_service() {
        let of = |method, path| Operation::of_rest(&method, path);
        assert_eq!(of(Method::GET, "/indexes"), Some((Operation::ListIndexes, String::new())));
        assert_eq!(
            of(Method::DELETE, "/namespaces/a%20b%2fc"),
            Some((Operation::DeleteNamespace, "a b/c".to_owned()))
        );
        let backup = (Operation::CreateIndexFromBackup, "b-1".to_owned());
        assert_eq!(of(Method::POST, "/backups/b-1/create-index"), Some(backup));
        assert_eq!(of(Method::GET, "/describe_index_stats").unwrap().0, Operation::Stats);
        for (method, path) in [
            (Method::PUT, "/indexes/x"),
            (Method::GET, "/query"),
            (Method::GET, "/indexes/x/y"),
            (Method::GET, "/"),
        ] {
            assert_eq!(of(method, path), None, "{path}");
        }
        assert_eq!(Operation::of_grpc("/VectorService/Query"), Some(Operation::Query));
        assert_eq!(Operation::of_grpc("/Query"), None);
    }

    #[test]
    fn a_plane_has_its_operations() {
        for data in [Operation::Stats, Operation::DeleteNamespace, Operation::CancelImport] {
            assert!(data.is_data(), "{data:?}");
        }
        for control in [
            Operation::ListIndexes,
            Operation::DeleteCollection,
            Operation::ListIndexBackups,
            Operation::DescribeRestoreJob,
        ] {
            assert!(!control.is_data(), "{control:?}");
        }
    }
}
