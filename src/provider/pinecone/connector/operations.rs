//! Operations that one kind of index supports and another does not.
//!
//! From Pinecone's documentation and published API definitions as of 2026-11; whatever they do not say is `unknown`.

use crate::provider::advice::Operation;
use crate::provider::advice::Support::{No, Partly, Unknown, Yes};

/// Makes a row: the operation, its support by pods and by serverless indexes, and a note.
macro_rules! row {
    ($operation:expr, $pod:expr, $serverless:expr, $note:expr $(,)?) => {
        Operation {
            operation: $operation,
            support: &[("pod", $pod), ("serverless", $serverless)],
            note: $note,
        }
    };
}

/// Every operation that differs between the kinds, and those that people expect to differ.
pub(super) static OPERATIONS: [Operation; 20] = [
    row!("count records by a filter", Yes, No, "serverless: query or fetch by metadata and count"),
    row!(
        "choose indexed metadata fields",
        Yes,
        Partly,
        "serverless: `schema` when the index is made",
    ),
    row!(
        "scale by pods and replicas",
        Yes,
        No,
        "serverless: scales itself, or dedicated read nodes",
    ),
    row!("reads without read units", Yes, No, "serverless: a query costs by its namespace's size"),
    row!(
        "requests without rate limits",
        Yes,
        No,
        "serverless: 100 queries/s a namespace, 2,000 RU/s",
    ),
    row!("collections", Yes, No, "serverless: backups; can be made from a pod's collection"),
    row!("reads see a write at once", Partly, No, "serverless: wait for the sequence number"),
    row!("list ids", No, Yes, "pods: a manifest, a sweep or filters"),
    row!("list and describe namespaces", No, Yes, "pods: statistics name them"),
    row!("make and delete namespaces", No, Yes, "pods: delete all records of one"),
    row!("log sequence numbers", No, Yes, ""),
    row!("bulk import from a bucket", No, Yes, "Standard and Enterprise plans"),
    row!("backups and restores", No, Yes, "pods: collections"),
    row!("sparse-only index", No, Yes, ""),
    row!(
        "fetch by metadata",
        Unknown,
        Yes,
        "10,000 records or 4 MB a page, 5 requests/s a namespace",
    ),
    row!("update by metadata", Unknown, Yes, "5 requests/s a namespace"),
    row!("delete by metadata", Yes, Yes, "serverless: 5 requests/s a namespace"),
    row!("sparse values beside dense", Partly, Partly, "with metric dotproduct only, on both"),
    row!("query with top_k 10,000", Yes, Yes, "serverless: the answer has at most 4 MB"),
    row!("roles for the data plane", No, Yes, ""),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::advice::lost;

    #[test]
    fn what_is_lost_depends_on_the_direction() {
        let names = |source, target| {
            let lost = lost((&OPERATIONS, source), (&OPERATIONS, target));
            lost.iter().map(|lost| lost.operation).collect::<Vec<_>>()
        };
        let forth = names("pod", "serverless");
        assert!(forth.contains(&"count records by a filter"), "{forth:?}");
        assert!(forth.contains(&"choose indexed metadata fields"), "{forth:?}");
        let back = names("serverless", "pod");
        assert!(back.contains(&"list ids") && back.contains(&"log sequence numbers"), "{back:?}");
        assert!(forth.iter().all(|name| !back.contains(name)));
        assert!(names("serverless", "serverless").is_empty());
        assert!(names("other", "serverless").is_empty());
    }

    #[test]
    fn rows_fit_their_column() {
        assert!(OPERATIONS.iter().all(|one| one.operation.len() <= 31 && one.note.len() <= 60));
    }
}
