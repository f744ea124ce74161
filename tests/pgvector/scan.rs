use std::collections::BTreeSet;

use serde_json::json;
use vecshift::ErrorKind;
use vecshift::model::{Filter, IdKind, Namespace, RecordId};
use vecshift::provider::pgvector::{
    Cursor, Layout, Parts, Range, Reader, Scope, Settings, Snapshot, View, audit, counts, fetch,
    look,
};

use crate::common::{PAGE, all, all_of, count, ids, mapping, reader, try_mapping};
use crate::server::{self, Database};

async fn snapshot(db: &Database) -> Snapshot {
    Snapshot::open(&db.address(), Settings::default()).await.unwrap()
}

async fn numbers(db: &Database, rows: u32) {
    db.run(&format!(
        "create table t (id bigint primary key, e vector(3));
         insert into t select g, format('[%s,1,2]', g)::vector from generate_series(1, {rows}) g; analyze t"
    ))
    .await;
}

#[tokio::test]
async fn a_scan_sees_what_was_there_when_its_snapshot_was_taken() {
    let db = server::database().await;
    numbers(&db, 1_000).await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let snapshot = snapshot(&db).await;
    db.run("insert into t values (0, '[0,0,0]'), (2000, '[0,0,0]'); delete from t where id < 500 and id > 0; update t set e = '[9,9,9]'").await;
    let mut reader = reader(&db, &snapshot.view(), &mapping).await.unwrap();
    assert_eq!(reader.count(&Default::default()).await.unwrap(), 1_000);
    let mut seen = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = reader.page(&Range::default(), after.as_ref(), PAGE).await.unwrap();
        assert!(page.records.len() <= 100);
        seen.extend(page.records);
        // A cursor is data: another machine could go on from it.
        let Some(next) = page.next else { break };
        after = Some(serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap());
    }
    let expected: Vec<_> = (1..=1_000).map(RecordId::Number).collect();
    assert_eq!(seen.iter().map(|record| record.id.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(seen[6].vectors.get("e"), Some(&crate::common::dense(&[7.0, 1.0, 2.0])));
    snapshot.renew().await.unwrap();
    snapshot.close().await.unwrap();
    assert_eq!(all(&db, &mapping).await.len(), 503);
}

#[tokio::test]
async fn ranges_cover_everything_once_whatever_the_key() {
    let db = server::database().await;
    for (table, key, layout) in [
        ("a", "(g * 7919 % 20011)::bigint", Layout::default()),
        (
            "b",
            "'key ' || md5(g::text) || case when g % 3 = 0 then 'É' else 'é' end",
            Layout::default(),
        ),
        ("c", "md5(g::text)::uuid", Layout::default()),
        (
            "total",
            "g::text",
            Layout { tenant: Some("tenant".into()), id: Some("id".into()), ..Layout::default() },
        ),
    ] {
        let is_tenanted = layout.tenant.is_some();
        let key_columns = if is_tenanted { "tenant, id" } else { "id" };
        db.run(&format!(
            "create table {table} as select {key} as id, 'tenant ' || (g % 7) as tenant, '[1,2]'::vector(2) as e from generate_series(1, 8000) g;
             alter table {table} add primary key ({key_columns}); analyze {table}"
        ))
        .await;
        let mapping = mapping(&db, table, &layout).await;
        let snapshot = snapshot(&db).await;
        let first = reader(&db, &snapshot.view(), &mapping).await.unwrap();
        for want in [1, 7, 32] {
            let ranges = first.split(want).await.unwrap();
            assert!(ranges.len() == want, "{table} {want} {}", ranges.len());
            let mut seen = BTreeSet::new();
            let mut sizes = Vec::new();
            let mut reader = reader(&db, &snapshot.view(), &mapping).await.unwrap();
            for range in &ranges {
                let (mut after, mut size) = (None, 0);
                loop {
                    let budget =
                        vecshift::provider::pgvector::Budget { records: 3_000, bytes: 1 << 30 };
                    let page = reader.page(range, after.as_ref(), budget).await.unwrap();
                    size += page.records.len();
                    for record in page.records {
                        assert!(seen.insert(record.id.to_string()));
                    }
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                sizes.push(size);
            }
            assert_eq!(seen.len(), 8_000, "{table} {want}");
            let largest = sizes.iter().max().unwrap();
            assert!(*largest < 8_000 / want * 3, "{table} {want}: {sizes:?}");
        }
    }
}

#[tokio::test]
async fn a_view_is_read_by_the_key_that_the_plan_vouches_for() {
    let db = server::database().await;
    db.run(
        "create table t (at int, id text, e vector(2)); create index on t (at);
         insert into t select g, 'id ' || g, '[1,2]' from generate_series(1, 1000) g;
         create view v as select * from t where at % 2 = 0; create materialized view m as select * from t; analyze m",
    )
    .await;
    let layout = Layout { id: Some("id".into()), key: vec!["at".into()], ..Layout::default() };
    for (name, count) in [("v", 500), ("m", 1_000), ("t", 1_000)] {
        let mapping = mapping(&db, name, &layout).await;
        assert_eq!(all(&db, &mapping).await.len(), count);
        let first = reader(&db, &View::Live, &mapping).await.unwrap();
        assert_eq!(first.split(4).await.unwrap().len(), 4);
        assert_eq!(audit::of_records(&db.session().await, &mapping).await.unwrap(), []);
    }
    db.run("insert into t values (2, 'x', '[1,2]'), (null, 'y', '[1,2]')").await;
    let mapping = mapping(&db, "t", &layout).await;
    let found = audit::of_records(&db.session().await, &mapping).await.unwrap();
    let found: Vec<_> = found.iter().map(|finding| (finding.rule, finding.records)).collect();
    assert_eq!(found, [("null_keys", Some(1)), ("duplicate_keys", Some(1))]);
}

#[tokio::test]
async fn a_snapshot_outlives_the_limits_of_idle_sessions() {
    let db = server::database().await;
    numbers(&db, 10).await;
    let short = "idle_in_transaction_session_timeout = 200; set idle_session_timeout = 200; set transaction_timeout = 200";
    for setting in short.split("; set ") {
        // Older servers do not know them all.
        let name = setting.split(' ').next().unwrap();
        if db.text(&format!("select count(*) from pg_settings where name = '{name}'")).await == "1"
        {
            db.run(&format!("alter database {} set {setting}", db.name)).await;
        }
    }
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let snapshot = snapshot(&db).await;
    let mut reader = reader(&db, &snapshot.view(), &mapping).await.unwrap();
    db.run("select pg_sleep(0.5)").await;
    snapshot.renew().await.unwrap();
    assert_eq!(reader.page(&Range::default(), None, PAGE).await.unwrap().records.len(), 10);
}

#[tokio::test]
async fn a_replica_is_read_in_its_own_snapshot() {
    let db = server::database_alone(&["wal_level = replica"]).await;
    numbers(&db, 1_000).await;
    let replica = db.replica().await;
    let mapping = mapping(&replica, "t", &Layout::default()).await;
    let found =
        audit::of_server(&look::server(&replica.session().await).await.unwrap(), audit::Use::Write);
    assert_eq!(found[0].rule, "standby");
    let snapshot = Snapshot::open(&replica.address(), Settings::default()).await.unwrap();
    let mut reader = reader(&replica, &snapshot.view(), &mapping).await.unwrap();
    assert_eq!(reader.count(&Default::default()).await.unwrap(), 1_000);
    assert_eq!(reader.page(&Range::default(), None, PAGE).await.unwrap().records.len(), 100);
    let mut writer = crate::common::writer(&db, &mapping).await;
    assert!(writer.put(&Namespace::new(""), &[]).await.is_ok());
    let opened = vecshift::provider::pgvector::Writer::open(
        &replica.address(),
        Settings::default(),
        mapping,
        Default::default(),
    )
    .await;
    assert_eq!(opened.err().unwrap().kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn an_empty_table_and_a_small_one_have_few_ranges() {
    let db = server::database().await;
    numbers(&db, 0).await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let snapshot = snapshot(&db).await;
    let mut first = reader(&db, &snapshot.view(), &mapping).await.unwrap();
    assert_eq!(first.split(8).await.unwrap(), [Range::default()]);
    let page = first.page(&Range::default(), None, PAGE).await.unwrap();
    assert!(page.records.is_empty() && page.next.is_none());
    db.run("insert into t values (1, '[1,1,1]')").await;
    assert_eq!(ids(&all(&db, &mapping).await), ["1"]);
}

#[tokio::test]
async fn a_view_is_lost_when_its_session_ends_or_the_server_is_restarted() {
    let mut db = server::database_alone(&[]).await;
    numbers(&db, 1_000).await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let held = snapshot(&db).await;
    let view = held.view();
    let mut before = reader(&db, &view, &mapping).await.unwrap();
    let page = before.page(&Range::default(), None, PAGE).await.unwrap();
    drop(held);
    // Who reads from it already goes on; who comes later cannot.
    let is_gone = "select count(*) = 1 from pg_stat_activity where state = 'idle in transaction'";
    server::until(&db, is_gone).await;
    before.page(&Range::default(), page.next.as_ref(), PAGE).await.unwrap();
    let error = reader(&db, &view, &mapping).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ViewLost, "{error:?}");
    assert!(!error.is_retryable());

    let held = snapshot(&db).await;
    let mut before = reader(&db, &held.view(), &mapping).await.unwrap();
    let page = before.page(&Range::default(), None, PAGE).await.unwrap();
    db.server().restart();
    db.reconnect().await;
    let error = before.page(&Range::default(), page.next.as_ref(), PAGE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(held.renew().await.unwrap_err().kind(), ErrorKind::ViewLost);
    let error = reader(&db, &held.view(), &mapping).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ViewLost, "{error:?}");
    // Live, the plan's word allowing, it goes on from the same place.
    let mut live = reader(&db, &View::Live, &mapping).await.unwrap();
    let page = live.page(&Range::default(), page.next.as_ref(), PAGE).await.unwrap();
    assert_eq!(page.records[0].id, RecordId::Number(101));
}

#[tokio::test]
async fn a_killed_reader_is_followed_by_another_at_the_same_place() {
    let db = server::database().await;
    numbers(&db, 300).await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let held = snapshot(&db).await;
    let mut first = reader(&db, &held.view(), &mapping).await.unwrap();
    let page = first.page(&Range::default(), None, PAGE).await.unwrap();
    db.run("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%order by%limit%' and pid <> pg_backend_pid()").await;
    let error = first.page(&Range::default(), page.next.as_ref(), PAGE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_retryable());
    let mut second = reader(&db, &held.view(), &mapping).await.unwrap();
    let page = second.page(&Range::default(), page.next.as_ref(), PAGE).await.unwrap();
    assert_eq!(page.records[0].id, RecordId::Number(101));
}

#[tokio::test]
async fn a_table_without_a_key_is_refused_and_so_is_a_cursor_of_another() {
    let db = server::database().await;
    db.run(
        "create table t (id text, e vector(2)); create table n (id text unique, e vector(2));
         create table two (a text, b text, e vector(2), primary key (a, b)); create view v as select * from two",
    )
    .await;
    let layout = Layout { id: Some("id".into()), ..Layout::default() };
    for table in ["t", "n"] {
        // A key that may be null would leave rows out.
        let mapping = mapping(&db, table, &layout).await;
        let error = reader(&db, &View::Live, &mapping).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Refused, "{table}: {error:?}");
        assert!(error.hint().unwrap().contains("primary key"));
    }
    let layout = Layout { id: Some("a".into()), ..Layout::default() };
    let over_view = mapping(&db, "v", &layout).await;
    assert_eq!(
        reader(&db, &View::Live, &over_view).await.err().unwrap().kind(),
        ErrorKind::Refused
    );
    let two = mapping(&db, "two", &layout).await;
    let cursor: Cursor = serde_json::from_value(json!("[\"a\"]")).unwrap();
    let mut reader = reader(&db, &View::Live, &two).await.unwrap();
    let error = reader.page(&Range::default(), Some(&cursor), PAGE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(try_mapping(&db, "t", &Layout::default()).await.is_err());
}

#[tokio::test]
async fn a_scope_is_a_partition_and_a_filter() {
    let db = server::database().await;
    db.run(
        "create table t (tenant text, id text, e vector(2), year int, primary key (tenant, id));
         insert into t select 'tenant ' || g % 3, g::text, '[1,2]', g from generate_series(1, 300) g;
         insert into t values ('', 'x', '[1,2]', 5)",
    )
    .await;
    let layout = Layout { tenant: Some("tenant".into()), ..Layout::default() };
    let mapping = mapping(&db, "t", &layout).await;
    let scope = |partition: Option<&str>, filter| Scope {
        partition: partition.map(Namespace::new),
        filter: Option::map(filter, |filter| Filter::read(&filter).unwrap()),
    };
    let session = db.session().await;
    for (partition, filter, wanted) in [
        (None, None, 301),
        (Some("tenant 1"), None, 100),
        (Some(""), None, 1),
        (Some("none"), None, 0),
        (None, Some(json!({"year": {"$gt": 200}})), 100),
        (Some("tenant 0"), Some(json!({"year": {"$lte": 30}})), 10),
    ] {
        let scope = scope(partition, filter);
        assert_eq!(count(&session, &mapping, &scope).await.unwrap(), wanted);
        assert_eq!(all_of(&db, &mapping, scope.clone()).await.len() as u64, wanted);
        let mut reader = Reader::open(
            &db.address(),
            Settings::default(),
            &View::Live,
            mapping.clone(),
            scope,
            Parts::IDS,
        )
        .await
        .unwrap();
        assert_eq!(reader.count(&Default::default()).await.unwrap(), wanted);
        let page = reader.page(&Range::default(), None, PAGE).await.unwrap();
        assert!(
            page.records
                .iter()
                .all(|record| record.vectors.is_empty() && record.metadata.is_empty())
        );
    }
    let found = counts(&session, &mapping, None).await.unwrap();
    let wanted = [("", 1), ("tenant 0", 100), ("tenant 1", 100), ("tenant 2", 100)];
    assert_eq!(found, wanted.map(|(name, records)| (Namespace::new(name), records)).into());
}

#[tokio::test]
async fn records_are_fetched_by_ids() {
    let db = server::database().await;
    numbers(&db, 50).await;
    db.run("create table u (id uuid primary key, e vector(1)); insert into u values ('0123abcd-0001-0002-8003-000000000004', '[1]')").await;
    let session = db.session().await;
    let numbers = mapping(&db, "t", &Layout::default()).await;
    let none = Namespace::new("");
    let wanted = [
        RecordId::Number(7),
        RecordId::new("8"),
        RecordId::Number(9_000),
        RecordId::Number(u64::MAX),
        RecordId::new("x"),
        RecordId::new("1 or 1=1"),
    ];
    let mut found = ids(&fetch(&session, &numbers, &none, &wanted, Parts::ALL).await.unwrap());
    found.sort();
    assert_eq!(found, ["7"], "a text is no number");
    assert!(fetch(&session, &numbers, &none, &[], Parts::ALL).await.unwrap().is_empty());
    assert!(
        fetch(&session, &numbers, &Namespace::new("other"), &wanted, Parts::ALL)
            .await
            .unwrap()
            .is_empty()
    );
    let uuids = mapping(&db, "u", &Layout::default()).await;
    let id = RecordId::new("0123abcd-0001-0002-8003-000000000004").to(IdKind::Uuid).unwrap();
    let found = fetch(&session, &uuids, &none, &[id.clone(), RecordId::new("x")], Parts::ALL)
        .await
        .unwrap();
    assert_eq!(found[0].id, id);
}

#[tokio::test]
async fn rows_that_a_policy_hides_are_not_left_out_in_silence() {
    let db = server::database().await;
    db.run(
        "create table t (id text primary key, e vector(2)); insert into t values ('seen', '[1,2]'), ('hidden', '[1,2]');
         alter table t enable row level security; create policy p on t using (id <> 'hidden')",
    )
    .await;
    let address = db.role("limited", "grant select on t to limited").await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let open = async |may_hide_rows| {
        let settings = Settings { may_hide_rows, ..Settings::default() };
        Reader::open(&address, settings, &View::Live, mapping.clone(), Scope::default(), Parts::ALL)
            .await
            .unwrap()
    };
    let error = open(false).await.page(&Range::default(), None, PAGE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
    let page = open(true).await.page(&Range::default(), None, PAGE).await.unwrap();
    assert_eq!(ids(&page.records), ["seen"]);
}
