use vecshift::provider::pgvector::look::{self, Form};
use vecshift::provider::pgvector::{Distance, Identity, Item, Kind, Layout, Method};

use crate::common::{mapping, public, try_mapping};
use crate::server;

#[tokio::test]
async fn a_table_is_seen_with_its_columns_keys_and_indexes() {
    let db = server::database().await;
    db.run(
        "create table t (
           id bigint primary key, e vector(3) not null, h halfvec(4), s sparsevec(10), b bit(8), anydim vector,
           r real[], d float8[], title varchar(5), price numeric(10, 2), tags text[], at timestamptz, meta jsonb,
           twice int generated always as (1 + 1) stored, n int generated always as identity, other inet,
           unique (title), unique (price) deferrable
         );
         create unique index on t (title) where n > 3;
         create index on t using hnsw (e vector_cosine_ops) with (m = 8, ef_construction = 32);
         create index on t using ivfflat (h halfvec_l2_ops) with (lists = 2);
         create index on t using hnsw ((anydim::vector(3)) vector_ip_ops);
         insert into t (id, e) select g, '[1,2,3]' from generate_series(1, 100) g; analyze t;
         comment on table t is 'mine'",
    )
    .await;
    let session = db.session().await;
    assert_eq!(look::table(&session, &public("none")).await.unwrap(), None);
    let table = look::table(&session, &public("t")).await.unwrap().unwrap();
    assert_eq!(table.form, Form::Table);
    assert_eq!(table.estimated_rows, Some(100));
    assert!(table.bytes > 8_000 && !table.is_unlogged && !table.hides_rows);
    assert_eq!(table.comment.as_deref(), Some("mine"));
    let kinds: Vec<_> =
        table.columns.iter().map(|column| (&*column.name, column.kind, column.dimension)).collect();
    assert_eq!(
        kinds[..6],
        [
            ("id", Kind::Int8, None),
            ("e", Kind::Vector, Some(3)),
            ("h", Kind::Halfvec, Some(4)),
            ("s", Kind::Sparsevec, Some(10)),
            ("b", Kind::Bit, Some(8)),
            ("anydim", Kind::Vector, None),
        ]
    );
    assert_eq!(table.column("d").unwrap().kind, Kind::List(Item::Float8));
    assert_eq!(table.column("title").unwrap().length, Some(5));
    assert_eq!(table.column("price").unwrap().scale, Some(2));
    assert!(table.column("twice").unwrap().is_generated && table.column("n").unwrap().is_generated);
    assert_eq!(table.column("other").unwrap().kind, Kind::Other);
    assert!(!table.column("e").unwrap().is_nullable);
    // A key that is checked late, or holds for some rows, is none.
    let keys: Vec<_> =
        table.keys.iter().map(|key| (key.columns.join(","), key.is_primary)).collect();
    assert_eq!(keys, [("id".to_owned(), true), ("title".to_owned(), false)]);
    let indexes: Vec<_> = table
        .indexes
        .iter()
        .map(|index| (index.method, index.column.as_deref(), index.distance))
        .collect();
    assert_eq!(indexes.len(), 3);
    assert!(indexes.contains(&(Method::Hnsw, Some("e"), Some(Distance::Cosine))));
    assert!(indexes.contains(&(Method::Ivfflat, Some("h"), Some(Distance::L2))));
    assert!(indexes.contains(&(Method::Hnsw, None, Some(Distance::InnerProduct))));
    let hnsw = table.indexes.iter().find(|index| index.column.as_deref() == Some("e")).unwrap();
    assert_eq!(hnsw.parameters["m"], "8");
    assert!(hnsw.is_valid);
}

#[tokio::test]
async fn the_form_of_a_relation_and_the_rights_of_a_role_are_seen() {
    let db = server::database().await;
    db.run(
        "create table t (tenant text, id text, e vector(2), primary key (tenant, id)) partition by list (tenant);
         create table t_a partition of t for values in ('a');
         create view v as select * from t; create materialized view m as select * from t;
         create unlogged table u (id text primary key, e vector(2));
         alter table u enable row level security; create policy p on u using (id <> 'hidden');",
    )
    .await;
    let address = db.role("reader", "grant select on all tables in schema public to reader").await;
    let session =
        vecshift::provider::pgvector::Session::open(&address, Default::default()).await.unwrap();
    let form = async |name: &str| look::table(&session, &public(name)).await.unwrap().unwrap();
    assert_eq!(form("t").await.partitioned_by, ["tenant"]);
    assert_eq!(form("t").await.form, Form::Partitioned);
    assert_eq!(form("v").await.form, Form::View);
    assert_eq!(form("m").await.form, Form::Materialized);
    let table = form("u").await;
    assert!(table.is_unlogged && table.hides_rows && table.may.read);
    assert!(!table.may.insert && !table.may.own && !table.may.create && !table.may.may_put());
}

#[tokio::test]
async fn a_layout_that_does_not_fit_names_the_column() {
    let db = server::database().await;
    db.run("create table t (a text, b int, e vector(2), j json, primary key (a, b)); create table plain (id text primary key, r real[])").await;
    for (table, layout, part) in [
        ("t", Layout::default(), "the column of ids must be named"),
        ("t", Layout { id: Some("x".into()), ..Layout::default() }, "no column `x`"),
        ("t", Layout { id: Some("e".into()), ..Layout::default() }, "an id is a text"),
        (
            "t",
            Layout { id: Some("a".into()), json: Some("j".into()), ..Layout::default() },
            "must be jsonb",
        ),
        (
            "t",
            Layout {
                id: Some("a".into()),
                vectors: [("v".into(), "b".into())].into(),
                ..Layout::default()
            },
            "a vector is",
        ),
        ("plain", Layout::default(), "no column of pgvector's types"),
    ] {
        let error = try_mapping(&db, table, &layout).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let layout = Layout { tenant: Some("a".into()), ..Layout::default() };
    let fitted = mapping(&db, "t", &layout).await;
    assert_eq!(fitted.id.name, "b");
    assert_eq!(fitted.identity, Identity::PerTenant(vec!["a".into(), "b".into()]));
    let layout = Layout { id: Some("b".into()), ..Layout::default() };
    assert_eq!(mapping(&db, "t", &layout).await.identity, Identity::NotEnforced);
}
