//! What the conformance suite is run over here: tables of a real server.

use std::sync::Arc;

use vecshift::model::{IndexSpec, Metric, VectorField, VectorKind, VectorName, VectorType};
use vecshift::provider::pgvector::{Design, Row, Settings, Table};
use vecshift::store::calls::{CallOptions, Calls};
use vecshift::store::{Opened, Source, Store};

use crate::conformance::{DIMENSION, filling, namespace};
use crate::server::{self, Database};

/// The column of the vectors: records of the suite have theirs under this name.
const COLUMN: &str = "values";

/// How many peers count by a filter: all.
pub const COUNTING: usize = 4;

/// A table that a run could have made.
pub struct Peer {
    pub name: String,
    pub target: Arc<dyn Store>,
    pub spec: IndexSpec,
    database: Database,
}

/// A table with records in the namespace `n`.
pub struct Filled {
    pub name: String,
    pub source: Arc<dyn Source>,
    _database: Database,
}

fn spec(index: &str, design: &Design) -> IndexSpec {
    let field = VectorField::usual(VectorName::only(COLUMN), VectorKind::Dense);
    let deployment = design.deployment(true, vec![field]);
    IndexSpec {
        name: index.into(),
        dimension: Some(DIMENSION),
        metric: Metric::Cosine,
        vector_type: VectorType::Dense,
        deployment,
        deletion_protection: false,
        tags: [("owner".to_owned(), "it's \"us\"".to_owned())].into(),
    }
}

/// Returns a table whose requests are made as they are, one behind the usual layers, one with a partition for each namespace,
/// and a table for each namespace; all are there and empty.
pub async fn peers() -> Vec<Peer> {
    let mut peers = Vec::new();
    let partitioned = Design { is_partitioned: true, ..Design::default() };
    let (one, each) = ("made.conformance", "made.conf \"{namespace}\" Ü");
    for (name, index, calls, design) in [
        ("bare", one, Calls::bare(), Design::default()),
        ("in layers", one, Calls::new(CallOptions::default()), Design::default()),
        ("in partitions", one, Calls::bare(), partitioned),
        ("in tables", each, Calls::bare(), Design::default()),
    ] {
        let (database, spec) = (server::database().await, spec(index, &design));
        let row = Row { vector: Some(COLUMN.to_owned()), ..Row::default() };
        let table = Table::new(database.address(), Settings::default(), &spec.name, row).unwrap();
        let target = table.through(calls);
        assert_eq!(target.describe().await.unwrap(), None);
        target.must_admin().unwrap().create(&spec).await.unwrap();
        peers.push(Peer { name: name.into(), target, spec, database });
    }
    peers
}

pub async fn filled() -> Vec<Filled> {
    let mut all = Vec::new();
    for Peer { name, target, database, .. } in peers().await {
        target.must_write().unwrap().upsert(&namespace("n"), &filling()).await.unwrap();
        all.push(Filled { name, source: target, _database: database });
    }
    all
}
