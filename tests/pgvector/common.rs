//! What most tests need.

use std::sync::Arc;

use vecshift::model::{
    AnyVector, Metadata, Namespace, Record, RecordId, Value, Vector, VectorName,
};
use vecshift::provider::pgvector::{
    Ack, Budget, Cursor, Layout, Mapping, Parts, Reader, Scope, Session, Settings, Snapshot,
    Strictness, TableName, View, Writer, counts, look,
};

use crate::server::Database;

pub const PAGE: Budget = Budget { records: 100, bytes: 1 << 24 };

pub fn public(name: &str) -> TableName {
    TableName::new("public", name)
}

pub async fn mapping(db: &Database, table: &str, layout: &Layout) -> Arc<Mapping> {
    try_mapping(db, table, layout).await.unwrap()
}

pub async fn try_mapping(
    db: &Database,
    table: &str,
    layout: &Layout,
) -> vecshift::Result<Arc<Mapping>> {
    let session = db.session().await;
    let extension = look::server(&session).await.unwrap().extension.unwrap();
    let table = look::table(&session, &public(table)).await.unwrap().unwrap();
    Mapping::new(table, extension, layout).map(Arc::new)
}

pub async fn reader(
    db: &Database,
    view: &View,
    mapping: &Arc<Mapping>,
) -> vecshift::Result<Reader> {
    Reader::open(
        &db.address(),
        Settings::default(),
        view,
        mapping.clone(),
        Scope::default(),
        Parts::ALL,
    )
    .await
}

/// Reads everything, page by page.
pub async fn all(db: &Database, mapping: &Arc<Mapping>) -> Vec<Record> {
    all_of(db, mapping, Scope::default()).await
}

pub async fn all_of(db: &Database, mapping: &Arc<Mapping>, scope: Scope) -> Vec<Record> {
    let snapshot = Snapshot::open(&db.address(), Settings::default()).await.unwrap();
    let view = snapshot.view();
    let mut reader =
        Reader::open(&db.address(), Settings::default(), &view, mapping.clone(), scope, Parts::ALL)
            .await
            .unwrap();
    let mut records = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = reader.page(&Default::default(), after.as_ref(), PAGE).await.unwrap();
        records.extend(page.records);
        after = page.next;
        if after.is_none() {
            return records;
        }
    }
}

pub async fn writer(db: &Database, mapping: &Arc<Mapping>) -> Writer {
    Writer::open(&db.address(), Settings::default(), mapping.clone(), Strictness::default())
        .await
        .unwrap()
}

pub async fn put(db: &Database, mapping: &Arc<Mapping>, records: &[Record]) -> Ack {
    put_in(db, mapping, "", records).await
}

pub async fn put_in(
    db: &Database,
    mapping: &Arc<Mapping>,
    tenant: &str,
    records: &[Record],
) -> Ack {
    writer(db, mapping).await.put(&Namespace::new(tenant), records).await.unwrap()
}

pub fn record(id: &str, vector: &[f32]) -> Record {
    Record {
        id: RecordId::new(id),
        vectors: [(VectorName::only("embedding"), dense(vector))].into_iter().collect(),
        metadata: Metadata::default(),
    }
}

pub fn dense(values: &[f32]) -> AnyVector {
    AnyVector::Dense(Vector::from_values(values.iter().copied()))
}

pub fn with(mut record: Record, field: &str, value: Value) -> Record {
    record.metadata.0.insert(field, value);
    record
}

pub fn ids(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| record.id.to_string()).collect()
}

/// Counts the records of a scope.
pub async fn count(session: &Session, mapping: &Mapping, scope: &Scope) -> vecshift::Result<u64> {
    let all = counts(session, mapping, scope.filter.clone()).await?;
    Ok(match &scope.partition {
        Some(partition) => all.get(partition).copied().unwrap_or(0),
        None => all.values().sum(),
    })
}
