use std::collections::BTreeMap;

use vecshift::ErrorKind;
use vecshift::model::Value;
use vecshift::provider::pgvector::admin::{
    self, IdType, Prepared, TableSpec, Tenants, VectorColumn,
};
use vecshift::provider::pgvector::look::{self, Form};
use vecshift::provider::pgvector::{
    Distance, IndexPlan, Kind, Layout, Method, Progress, Session, TableName, build,
    cancel_statement, progress,
};

use crate::common::{all, mapping, public, put_in, record, with};
use crate::server;

fn spec(name: TableName) -> TableSpec {
    TableSpec {
        name,
        id: ("id".into(), IdType::Text),
        tenants: Tenants::None,
        vectors: vec![VectorColumn {
            name: "embedding".into(),
            kind: Kind::Vector,
            dimension: 2,
            is_required: true,
            distance: None,
        }],
        fields: vec![("n".into(), Kind::Int8)],
        json: Some("payload".into()),
    }
}

#[tokio::test]
async fn a_table_is_made_once_marked_and_dropped_by_its_mark() {
    let db = server::database().await;
    db.run("drop extension vector; create table taken (id int)").await;
    let session = db.session().await;
    let extension = admin::make_extension(&session).await.unwrap();
    assert_eq!(admin::make_extension(&session).await.unwrap(), extension);
    let name = TableName::new("new schema", "it's \\ \"x\"");
    let mark = "vecshift: run 'a\\b'";
    let spec = spec(name.clone());
    assert_eq!(admin::prepare(&session, &extension, &spec, mark).await.unwrap(), Prepared::Made);
    assert_eq!(
        admin::prepare(&session, &extension, &spec, mark).await.unwrap(),
        Prepared::WasThere
    );
    assert_eq!(admin::marked(&session, &name).await.unwrap(), Some(Some(mark.to_owned())));
    let error = admin::prepare(&session, &extension, &spec, "other").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let error = admin::prepare(
        &session,
        &extension,
        &TableSpec { name: public("taken"), ..spec.clone() },
        mark,
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        admin::drop_table(&session, &public("taken"), mark).await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
    assert_eq!(
        admin::drop_table(&session, &name, "other").await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
    admin::drop_table(&session, &name, mark).await.unwrap();
    admin::drop_table(&session, &name, mark).await.unwrap();
    assert_eq!(admin::marked(&session, &name).await.unwrap(), None);
    let long = "x".repeat(64);
    let dimension = |dimension| vec![VectorColumn { dimension, ..spec.vectors[0].clone() }];
    for bad in [
        TableSpec { name: public(&long), ..spec.clone() },
        TableSpec { name: public("a\0b"), ..spec.clone() },
        TableSpec { json: Some("n".into()), ..spec.clone() },
        TableSpec { vectors: dimension(16_001), ..spec.clone() },
    ] {
        let error = admin::prepare(&session, &extension, &bad, mark).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    let limited = db.role("makes_nothing", "").await;
    let limited = Session::open(&limited, Default::default()).await.unwrap();
    let error = admin::prepare(
        &limited,
        &extension,
        &TableSpec { name: public("t"), ..spec.clone() },
        mark,
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
    // The session goes on after an error.
    assert_eq!(admin::marked(&limited, &public("t")).await.unwrap(), None);
}

#[tokio::test]
async fn a_made_table_takes_records_whatever_its_tenants_are() {
    let db = server::database().await;
    let session = db.session().await;
    let extension = look::server(&session).await.unwrap().extension.unwrap();
    for (name, tenants, form) in [
        ("none", Tenants::None, Form::Table),
        ("by_column", Tenants::Column("tenant".into()), Form::Table),
        ("by_partition", Tenants::Partitions("tenant".into()), Form::Partitioned),
    ] {
        let is_tenanted = tenants != Tenants::None;
        let spec = TableSpec { tenants, ..spec(public(name)) };
        admin::prepare(&session, &extension, &spec, "m").await.unwrap();
        let layout = Layout {
            id: Some("id".into()),
            tenant: is_tenanted.then(|| "tenant".to_owned()),
            json: Some("payload".into()),
            ..Layout::default()
        };
        let mapping = mapping(&db, name, &layout).await;
        assert_eq!(mapping.table.form, form);
        let mut records: Vec<_> = ["a", "b", "c"].map(|id| record(id, &[1.0, 2.0])).into();
        records[1] =
            with(with(records[1].clone(), "n", Value::I64(7)), "title", Value::Text("t".into()));
        for (at, one) in records.iter().enumerate() {
            let tenant = if is_tenanted { ["x", "y", "x"][at] } else { "" };
            let ack = put_in(&db, &mapping, tenant, std::slice::from_ref(one)).await;
            assert_eq!(ack.written, 1);
        }
        let mut back = all(&db, &mapping).await;
        back.sort_by_key(|record| record.id.clone());
        assert_eq!(back, records);
        let plan = plan(&spec.name, Method::Hnsw);
        build(&session, &spec.name, Kind::Vector, &extension.schema, &plan).await.unwrap();
        assert_eq!(progress(&session, &spec.name, &plan.name).await.unwrap(), Progress::Ready);
        admin::analyse(&session, &spec.name).await.unwrap();
        admin::drop_table(&session, &spec.name, "m").await.unwrap();
    }
}

fn plan(table: &TableName, method: Method) -> IndexPlan {
    let parameters = match method {
        Method::Hnsw => {
            [("m", 8), ("ef_construction", 32)].map(|(name, value)| (name.to_owned(), value)).into()
        }
        Method::Ivfflat => [("lists".to_owned(), 4)].into(),
    };
    IndexPlan {
        name: IndexPlan::name_for(table, "embedding", method),
        method,
        column: "embedding".into(),
        distance: Distance::Cosine,
        parameters,
        is_concurrent: false,
        memory: Some(64 << 20),
        workers: Some(0),
    }
}

#[tokio::test]
async fn an_index_is_built_watched_cancelled_and_built_again() {
    let db = server::database().await;
    db.run(
        "create table t (id int primary key, embedding vector(300), bits bit(8));
         insert into t select g, (select array_agg(sin(g * 300 + one)) from generate_series(1, 300) one)::vector(300), B'10101010' from generate_series(1, 3000) g",
    )
    .await;
    let (session, table) = (db.session().await, public("t"));
    let extension = look::server(&session).await.unwrap().extension.unwrap().schema;
    let mut plan = plan(&table, Method::Hnsw);
    plan.is_concurrent = true;
    plan.parameters = BTreeMap::from([("ef_construction".to_owned(), 400), ("m".to_owned(), 64)]);
    assert_eq!(progress(&session, &table, &plan.name).await.unwrap(), Progress::Absent);
    let building = db.session().await;
    let (asked, of, schema) = (plan.clone(), table.clone(), extension.clone());
    let built =
        tokio::spawn(async move { build(&building, &of, Kind::Vector, &schema, &asked).await });
    let mut shares = Vec::new();
    loop {
        match progress(&session, &table, &plan.name).await.unwrap() {
            Progress::UnderWay { share, phase } => {
                assert!(!phase.is_empty());
                shares.extend(share.filter(|share| *share > 0.0 && *share < 1.0));
                if !shares.is_empty() {
                    break;
                }
            }
            Progress::Absent => {}
            other => panic!("{other:?}"),
        }
        tokio::task::yield_now().await;
    }
    let error = build(&session, &table, Kind::Vector, &extension, &plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    db.run(&cancel_statement(&table)).await;
    let error = built.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert_eq!(progress(&session, &table, &plan.name).await.unwrap(), Progress::Invalid);
    let seen = look::table(&session, &table).await.unwrap().unwrap();
    assert!(!seen.indexes[0].is_valid);
    plan.parameters = BTreeMap::from([("ef_construction".to_owned(), 8), ("m".to_owned(), 4)]);
    for plan in [&plan, &self::plan(&table, Method::Ivfflat)] {
        build(&session, &table, Kind::Vector, &extension, plan).await.unwrap();
        build(&session, &table, Kind::Vector, &extension, plan).await.unwrap();
        assert_eq!(progress(&session, &table, &plan.name).await.unwrap(), Progress::Ready);
    }
    let seen = look::table(&session, &table).await.unwrap().unwrap();
    assert!(
        seen.indexes.iter().all(|index| index.is_valid && index.distance == Some(Distance::Cosine))
    );
    assert_eq!(seen.indexes.len(), 2);
    let bad = IndexPlan { name: "x".into(), column: "bits".into(), ..plan.clone() };
    let error = build(&session, &table, Kind::Bit, &extension, &bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    let bits = IndexPlan { distance: Distance::Hamming, ..bad };
    build(&session, &table, Kind::Bit, &extension, &bits).await.unwrap();
}
