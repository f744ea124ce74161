//! Operations that one kind of index supports and another does not.
//!
//! From Pinecone's documentation and published API definitions as of 2026-11; whatever they do not say is `unknown`.

use serde::Serialize;

use crate::model;
use crate::pinecone_wire::Deployment;

/// The degree to which an operation is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Support {
    Yes,
    No,
    /// Supported within limits or in another way, as the row's note says.
    Partly,
    /// Not documented; try it before relying on it.
    Unknown,
}

use Support::{No, Partly, Unknown, Yes};

impl Support {
    pub fn word(self) -> &'static str {
        match self {
            Yes => "yes",
            No => "no",
            Partly => "partly",
            Unknown => "unknown",
        }
    }
}

/// An operation that an application may use.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Operation {
    pub operation: &'static str,
    pub pod: Support,
    pub serverless: Support,
    /// The alternative, or the condition under which it works.
    pub note: &'static str,
}

const fn row(
    operation: &'static str,
    pod: Support,
    serverless: Support,
    note: &'static str,
) -> Operation {
    Operation { operation, pod, serverless, note }
}

/// Every operation that differs between the kinds, and those that people expect to differ.
pub(super) static OPERATIONS: [Operation; 20] = [
    row("count records by a filter", Yes, No, "serverless: query or fetch by metadata and count"),
    row(
        "choose indexed metadata fields",
        Yes,
        Partly,
        "serverless: `schema` when the index is made",
    ),
    row(
        "scale by pods and replicas",
        Yes,
        No,
        "serverless: scales itself, or dedicated read nodes",
    ),
    row("reads without read units", Yes, No, "serverless: a query costs by its namespace's size"),
    row(
        "requests without rate limits",
        Yes,
        No,
        "serverless: 100 queries/s a namespace, 2,000 RU/s",
    ),
    row("collections", Yes, No, "serverless: backups; can be made from a pod's collection"),
    row("reads see a write at once", Partly, No, "serverless: wait for the sequence number"),
    row("list ids", No, Yes, "pods: a manifest, a sweep or filters"),
    row("list and describe namespaces", No, Yes, "pods: statistics name them"),
    row("make and delete namespaces", No, Yes, "pods: delete all records of one"),
    row("log sequence numbers", No, Yes, ""),
    row("bulk import from a bucket", No, Yes, "Standard and Enterprise plans"),
    row("backups and restores", No, Yes, "pods: collections"),
    row("sparse-only index", No, Yes, ""),
    row(
        "fetch by metadata",
        Unknown,
        Yes,
        "10,000 records or 4 MB a page, 5 requests/s a namespace",
    ),
    row("update by metadata", Unknown, Yes, "5 requests/s a namespace"),
    row("delete by metadata", Yes, Yes, "serverless: 5 requests/s a namespace"),
    row("sparse values beside dense", Partly, Partly, "with metric dotproduct only, on both"),
    row("query with top_k 10,000", Yes, Yes, "serverless: the answer has at most 4 MB"),
    row("roles for the data plane", No, Yes, ""),
];

impl Operation {
    /// Returns the support by indexes of this deployment; `None` for a deployment the table does not cover.
    pub fn of(&self, deployment: &model::Deployment) -> Option<Support> {
        match Deployment::of(deployment)? {
            Deployment::Pod { .. } => Some(self.pod),
            Deployment::Serverless { .. } => Some(self.serverless),
            Deployment::Other(_) => None,
        }
    }
}

/// Returns the operations that the source supports at least partly, and the target not or only in another way.
pub(super) fn lost(
    source: &model::Deployment,
    target: &model::Deployment,
) -> Vec<&'static Operation> {
    let is_lost = |operation: &&Operation| {
        matches!(
            (operation.of(source), operation.of(target)),
            (Some(Yes), Some(Partly)) | (Some(Yes | Partly), Some(No))
        )
    };
    OPERATIONS.iter().filter(is_lost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_depends_on_the_direction() {
        let pod = Deployment::Pod {
            environment: "us-east-1-aws".into(),
            pod_type: "p1.x1".into(),
            pods: 1,
            replicas: 1,
            shards: 1,
            indexed: None,
        }
        .into();
        let serverless = Deployment::Serverless { cloud: "aws".into(), region: "r".into() }.into();
        let names = |source, target| {
            lost(source, target).iter().map(|lost| lost.operation).collect::<Vec<_>>()
        };
        let forth = names(&pod, &serverless);
        assert!(forth.contains(&"count records by a filter"), "{forth:?}");
        assert!(forth.contains(&"choose indexed metadata fields"), "{forth:?}");
        let back = names(&serverless, &pod);
        assert!(back.contains(&"list ids") && back.contains(&"log sequence numbers"), "{back:?}");
        assert!(forth.iter().all(|name| !back.contains(name)));
        assert!(names(&serverless, &serverless).is_empty());
        assert!(names(&Deployment::Other("byoc".into()).into(), &serverless).is_empty());
    }

    #[test]
    fn rows_fit_their_column() {
        assert!(OPERATIONS.iter().all(|one| one.operation.len() <= 31 && one.note.len() <= 60));
    }
}
