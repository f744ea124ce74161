use vecshift::provider::pgvector::audit::{self, Finding, Use};
use vecshift::provider::pgvector::{Layout, Session, look};

use crate::common::mapping;
use crate::server;

fn rules(found: &[Finding]) -> Vec<(&'static str, Option<&str>, Option<u64>)> {
    found.iter().map(|finding| (finding.rule, finding.about.as_deref(), finding.records)).collect()
}

#[tokio::test]
async fn what_is_wrong_with_records_is_counted() {
    let db = server::database().await;
    db.run(
        "create table t (id bigint, tenant text, e vector, h halfvec(2), s sparsevec(4), b bit(2), r real[], d float8[]);
         insert into t values (1, 'a', '[0,0]', '[0,0]', '{}/4', B'00', '{0,0}', '{0,-0}'), (1, 'a', '[1,0]', '[1,0]', '{1:1}/4', B'01', '{1,NaN}', '{1,2}'),
           (1, 'b', '[1,0,0]', null, null, null, '{1,NULL}', '{Infinity,0}'), (-2, null, null, null, null, null, '{{1,2},{3,4}}', null), (null, '', '[1,1]', null, null, null, '{1}', null)",
    )
    .await;
    let vectors =
        ["e", "h", "s", "b", "r", "d"].map(|name| (name.to_owned(), name.to_owned())).into();
    let layout = Layout {
        id: Some("id".into()),
        tenant: Some("tenant".into()),
        vectors,
        ..Layout::default()
    };
    let mapping = mapping(&db, "t", &layout).await;
    let found = audit::of_records(&db.session().await, &mapping).await.unwrap();
    assert_eq!(
        rules(&found),
        [
            ("null_ids", Some("id"), Some(1)),
            ("negative_ids", Some("id"), Some(1)),
            ("duplicate_ids", Some("id"), Some(1)),
            ("default_twice", Some("tenant"), Some(2)),
            ("null_vectors", Some("b"), Some(3)),
            ("zero_vectors", Some("b"), Some(1)),
            ("null_vectors", Some("d"), Some(2)),
            ("zero_vectors", Some("d"), Some(1)),
            ("not_finite", Some("d"), Some(1)),
            ("null_vectors", Some("e"), Some(1)),
            ("zero_vectors", Some("e"), Some(1)),
            ("dimensions_differ", Some("e"), None),
            ("null_vectors", Some("h"), Some(3)),
            ("zero_vectors", Some("h"), Some(1)),
            ("zero_vectors", Some("r"), Some(1)),
            ("not_finite", Some("r"), Some(1)),
            ("unreadable", Some("r"), Some(2)),
            ("dimensions_differ", Some("r"), None),
            ("null_vectors", Some("s"), Some(3)),
            ("zero_vectors", Some("s"), Some(1)),
        ]
    );
    let found = audit::of_table(&mapping, Use::Write);
    assert_eq!(
        rules(&found),
        [("ids_not_unique", Some("id"), None), ("dimension_unknown", Some("e"), None)]
    );
}

#[tokio::test]
async fn what_a_definition_says_needs_no_reading() {
    let db = server::database().await;
    db.run(
        "create unlogged table t (id text primary key, e vector(2001), h halfvec(4000), b bit(64001), s sparsevec(100000), o vector(3));
         create index on t using hnsw (o vector_l2_ops); create index on t using ivfflat (o vector_cosine_ops);
         update pg_index set indisvalid = false where indexrelid = 't_o_idx'::regclass;
         alter table t enable row level security; create policy p on t using (true)",
    )
    .await;
    let vectors = ["e", "h", "b", "s", "o"].map(|name| (name.to_owned(), name.to_owned())).into();
    let layout = Layout { vectors, ..Layout::default() };
    let address = db.role("auditor", "grant select on t to auditor").await;
    let session = Session::open(&address, Default::default()).await.unwrap();
    let extension = look::server(&session).await.unwrap().extension.unwrap();
    let table = look::table(&session, &crate::common::public("t")).await.unwrap().unwrap();
    let seen = vecshift::provider::pgvector::Mapping::new(table, extension, &layout).unwrap();
    let found = audit::of_table(&seen, Use::Write);
    assert_eq!(
        rules(&found),
        [
            ("may_not_write", None, None),
            ("unlogged", None, None),
            ("rows_hidden", None, None),
            ("over_index_limit", Some("b"), None),
            ("over_index_limit", Some("e"), None),
            ("metrics_differ", Some("o"), None),
            ("index_invalid", Some("t_o_idx"), None),
        ]
    );
    let owners = mapping(&db, "t", &layout).await;
    let found = audit::of_table(&owners, Use::Read);
    assert!(
        !rules(&found).iter().any(|(rule, ..)| matches!(*rule, "may_not_write" | "rows_hidden"))
    );
    // The same table of a role without any right.
    let address = db.role("stranger", "").await;
    let session = Session::open(&address, Default::default()).await.unwrap();
    let table = look::table(&session, &crate::common::public("t")).await.unwrap().unwrap();
    assert!(!table.may.read);
}

#[tokio::test]
async fn a_server_without_the_extension_or_the_right_to_temporary_tables_is_named() {
    let db = server::database().await;
    db.run(&format!("drop extension vector; revoke temporary on database {} from public", db.name))
        .await;
    let address = db.role("plain", "").await;
    let session = Session::open(&address, Default::default()).await.unwrap();
    let seen = look::server(&session).await.unwrap();
    let found = audit::of_server(&seen, Use::Write);
    assert_eq!(
        rules(&found),
        [("extension_missing", None, None), ("no_temporary_tables", None, None)]
    );
    assert!(found[0].message.contains("can be made"));
    assert_eq!(rules(&audit::of_server(&seen, Use::Read)).len(), 1);
}
