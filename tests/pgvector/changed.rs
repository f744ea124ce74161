//! Rows and values that are not what they look like to the server: they are moved as they are, or refused.

use vecshift::model::{Namespace, Record, Value};
use vecshift::provider::pgvector::{
    Layout, Mapping, Row, Scope, Settings, Strictness, Table, View, Writer, counts, fits,
};
use vecshift::store::calls::Calls;
use vecshift::store::{Opened, Rule};

use crate::common::{
    all, all_of, dense, ids, mapping, put, put_in, reader, record, try_mapping, with,
};
use crate::plans::run_plan;
use crate::server::{self, Database};

fn by_tenant() -> Layout {
    Layout { tenant: Some("ten".into()), ..Layout::default() }
}

/// Reads each namespace that is counted, and returns its ids beside its name.
async fn by_namespace(db: &Database, mapping: &std::sync::Arc<Mapping>) -> Vec<(String, String)> {
    let session = db.session().await;
    let mut found = Vec::new();
    for (namespace, count) in counts(&session, mapping, None).await.unwrap() {
        let scope = Scope { partition: Some(namespace.clone()), filter: None };
        let records = all_of(db, mapping, scope).await;
        assert_eq!(records.len() as u64, count, "{namespace}");
        found.push((namespace.to_string(), ids(&records).join(" ")));
    }
    found
}

/// To the server many of these are equal. Each row is in one namespace, and the namespaces that are counted hold every row.
#[tokio::test]
async fn a_namespace_is_what_the_text_of_its_column_says() {
    let db = server::database().await;
    // A server may be built without ICU, and then has no collation that folds.
    db.run(
        "do $$ begin create collation folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         exception when feature_not_supported then create collation folded from \"C\"; end $$",
    )
    .await;
    for (kind, tenants) in [
        ("numeric", &["1", "1.0", "1.00", "NaN", "12345678901234567890.5"][..]),
        ("float8", &["0", "-0", "NaN", "0.1", "Infinity"]),
        ("float4", &["0", "-0", "0.1"]),
        ("text collate folded", &["a", "A", "b"]),
        ("varchar(3)", &["a", "a ", "A"]),
        ("char(3)", &["a", "b"]),
        ("timestamptz", &["2020-01-01 00:00:00+00", "infinity"]),
        ("date", &["2020-01-01", "infinity"]),
        ("jsonb", &["1", "1.0", "\"a\""]),
        ("int8", &["1", "-1"]),
        ("int2", &["1", "32767"]),
        ("bool", &["true", "false"]),
        ("uuid", &["0123abcd-0001-0002-8003-000000000004"]),
    ] {
        let rows: Vec<_> = tenants.iter().map(|one| format!("('{one}', '{one}', '[1]')")).collect();
        db.run(&format!(
            "drop table if exists t; create table t (id text primary key, ten {kind}, embedding vector(1));
             insert into t values {}, ('none', null, '[1]')",
            rows.join(", ")
        ))
        .await;
        let mapping = mapping(&db, "t", &by_tenant()).await;
        let mut wanted: Vec<_> =
            tenants.iter().map(|one| (one.to_string(), one.to_string())).collect();
        wanted.push(("__default__".to_owned(), "none".to_owned()));
        wanted.sort();
        let mut found = by_namespace(&db, &mapping).await;
        found.sort();
        assert_eq!(found, wanted, "{kind}");
        for other in
            ["01", "t", "TRUE", "x", "2020-01-01", "1e0", "0123ABCD-0001-0002-8003-000000000004"]
        {
            if !tenants.contains(&other) {
                let scope = Scope { partition: Some(Namespace::new(other)), filter: None };
                assert_eq!(ids(&all_of(&db, &mapping, scope).await), [""; 0], "{kind} {other}");
            }
        }
    }
}

/// A plan writes the default namespace so where an empty name cannot stand, and an application may have done the same.
#[tokio::test]
async fn every_name_of_the_default_namespace_is_read() {
    let db = server::database().await;
    db.run(
        "create table t (id text primary key, ten text, embedding vector(1));
         insert into t values ('a', null, '[1]'), ('b', '', '[1]'), ('c', '__default__', '[1]'), ('d', 'x', '[1]')",
    )
    .await;
    let mapping = mapping(&db, "t", &by_tenant()).await;
    let found = by_namespace(&db, &mapping).await;
    let pair = |name: &str, ids: &str| (name.to_owned(), ids.to_owned());
    assert_eq!(found, [pair("__default__", "a b c"), pair("x", "d")]);
    // Records of it are replaced, whatever it is called, and no others.
    let records = ["a", "b", "c", "d"].map(|id| record(id, &[2.0]));
    let ack = put(&db, &mapping, &records).await;
    assert_eq!((ack.written, ack.refused.len()), (3, 1), "{ack:?}");
    assert_eq!(ack.refused[0].why.rule, "id_taken");
    let vectors = "select string_agg(embedding::text, ' ' order by id) from t";
    assert_eq!(db.text(vectors).await, "[2] [2] [2] [1]");
}

#[tokio::test]
async fn columns_that_cannot_hold_namespaces_or_sparse_vectors_apart_are_refused_by_name() {
    let db = server::database().await;
    db.run(
        "create table a (id text, ten numeric, embedding vector(1), primary key (ten, id));
         create table b (id text primary key, embedding vector(1), words sparsevec);
         create table c (id text, ten int4, embedding vector(1), primary key (ten, id))",
    )
    .await;
    for (table, layout, part) in [
        ("a", by_tenant(), "`ten`: namespaces of type numeric"),
        ("b", Layout::default(), "`words`: the column does not say how many dimensions"),
    ] {
        let mapping = mapping(&db, table, &layout).await;
        let opened =
            Writer::open(&db.address(), Settings::default(), mapping, Strictness::default()).await;
        let said = opened.err().unwrap().to_string();
        assert!(said.contains(part), "{said}");
    }
    let mapping = mapping(&db, "c", &by_tenant()).await;
    let ack = put_in(&db, &mapping, "7", &[record("x", &[1.0])]).await;
    assert_eq!(ack.written, 1, "{ack:?}");
    let ack = put_in(&db, &mapping, "07", &[record("x", &[2.0])]).await;
    assert_eq!((ack.written, ack.refused[0].why.rule), (0, "partition"), "{ack:?}");
}

/// Whatever the server would make another value of is refused alone, with what it would make of it.
#[tokio::test]
async fn values_that_a_column_would_change_are_refused() {
    let db = server::database().await;
    db.run(
        "create domain cents as numeric(6, 2); create type mood as enum ('fine');
         create table t (id text primary key, embedding vector(1), at timestamptz, at0 timestamptz(0), ts timestamp, ts0 timestamp(0),
           clock time(3), day date, c4 char(4), v3 varchar(3)[], span interval, n5 numeric(5, 2), hundreds numeric(3, -2), short name,
           price cents, m mood, address inet, words tsvector)",
    )
    .await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let text = |text: &str| Value::Text(text.into());
    let time = |text: &str| Value::Time(text.into());
    let list = |item: &str| Value::List(vec![text("a"), text(item)]);
    let decimal = |digits: &str| Value::Decimal(digits.into());
    let long = "x".repeat(64);
    let cases = [
        ("at", time("2020-01-01T10:00:00.123456Z"), true),
        ("at", time("infinity"), true),
        ("at", time("2020-01-01T10:00:00.123456789Z"), false),
        ("at", text("2020-01-01"), false),
        ("at", text("now"), false),
        ("at0", time("2020-01-01T10:00:00Z"), true),
        ("at0", time("2020-01-01T10:00:00.5Z"), false),
        ("ts", text("2020-01-01T10:00:00.123456"), true),
        ("ts", text("2020-01-01T10:00:00.123456789"), false),
        ("ts", text("2020-01-01T10:00:00Z"), false),
        ("ts0", text("2020-01-01T10:00:00"), true),
        ("ts0", text("2020-01-01T10:00:00.5"), false),
        ("clock", text("10:00:00.125"), true),
        ("clock", text("10:00:00.123456789"), false),
        ("day", text("2020-02-29"), true),
        ("day", text("2020-02-29T10:00:00"), false),
        ("c4", text("ab"), true),
        ("c4", text("ab "), false),
        ("c4", text("abcde"), false),
        ("v3", list("abc"), true),
        ("v3", list("abc "), false),
        ("span", text("P1DT2H"), true),
        ("span", text("1 day"), false),
        ("n5", Value::F64(1.1), true),
        ("n5", decimal("1.10"), true),
        ("n5", Value::F64(1.125), false),
        ("hundreds", Value::I64(1200), true),
        ("hundreds", Value::I64(1234), false),
        ("short", text("x"), true),
        ("short", text(&long), false),
        ("price", text("1.10"), true),
        ("price", text("1.125"), false),
        ("m", text("fine"), true),
        ("m", text("Fine"), false),
        ("address", text("10.0.0.1/8"), true),
        ("address", text("10.0.0.1"), false),
        ("words", text("'a' 'b'"), true),
        ("words", text("b a"), false),
    ];
    let all_records: Vec<Record> = cases
        .iter()
        .enumerate()
        .map(|(at, (name, value, _))| {
            with(record(&format!("{at:02}"), &[1.0]), name, value.clone())
        })
        .collect();
    let ack = put(&db, &mapping, &all_records).await;
    let refused: Vec<usize> = ack.refused.iter().map(|one| one.at).collect();
    for (at, (name, value, is_kept)) in cases.iter().enumerate() {
        assert_eq!(!refused.contains(&at), *is_kept, "{name} {value:?}");
    }
    let kept: Vec<Record> = all_records
        .iter()
        .enumerate()
        .filter(|(at, _)| !refused.contains(at))
        .map(|(_, record)| record.clone())
        .collect();
    assert_eq!(all(&db, &mapping).await, kept);
    let said = ack.refused.iter().find(|one| one.id.to_string() == "06").unwrap();
    assert_eq!(said.why.field.as_deref(), Some("at0"));
    assert_eq!(said.why.rule, "altered");
    assert!(
        said.why.message.starts_with("timestamp(0) with time zone would make `2020-01-01T10:00:0"),
        "{}",
        said.why.message
    );
}

#[tokio::test]
async fn json_comes_back_with_its_nulls_and_digits_and_no_field_twice() {
    let db = server::database().await;
    let table = "(id text primary key, embedding vector(1), plain json, own jsonb, needed jsonb not null, meta jsonb)";
    db.run(&format!("create table a {table}; create table b {table}")).await;
    db.run(
        r#"insert into a values ('x', '[1]', 'null', 'null', 'null', '{"n": null, "price": 1.10, "list": [2.50, 1.0]}'),
             ('y', '[1]', null, null, '1.20', '{}')"#,
    )
    .await;
    let layout = Layout { json: Some("meta".into()), ..Layout::default() };
    let (from, to) = (mapping(&db, "a", &layout).await, mapping(&db, "b", &layout).await);
    let ack = put(&db, &to, &all(&db, &from).await).await;
    assert_eq!((ack.written, ack.refused.len()), (2, 0), "{ack:?}");
    let texts = "select string_agg(concat_ws('|', coalesce(plain::text, '-'), coalesce(own::text, '-'), needed, meta), ';' order by id) from ";
    let [before, after] =
        [db.text(&format!("{texts} a")).await, db.text(&format!("{texts} b")).await];
    assert_eq!(before, after);
    assert!(after.contains("1.10") && after.contains("2.50"), "{after}");

    db.run(r#"update a set plain = '{"a": {"b": 2, "b": 3}}' where id = 'y'"#).await;
    let mut reader = reader(&db, &View::Live, &from).await.unwrap();
    let error = reader.page(&Default::default(), None, crate::common::PAGE).await.unwrap_err();
    assert!(error.to_string().contains("a field twice"), "{error}");
    assert_eq!((error.context_of("id"), error.context_of("column")), (Some("y"), Some("plain")));
}

#[tokio::test]
async fn a_vector_that_half_precision_makes_zeros_of_is_refused_even_where_rounding_is_accepted() {
    let db = server::database().await;
    db.run("create table t (id text primary key, embedding halfvec(2))").await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let strictness = Strictness { refuses_zero_vectors: false, refuses_rounding: false };
    for (vector, rule) in [
        ([1e-9, 0.0], Some("zero_vector")),
        ([1e-9, -1e-9], Some("zero_vector")),
        ([1e-9, 1.0], None),
        ([0.0, -0.0], None),
        ([1e9, 0.0], Some("overflow")),
    ] {
        let record = Record {
            vectors: [(mapping.vectors[0].0.clone(), dense(&vector))].into_iter().collect(),
            ..record("x", &[])
        };
        let found = fits(&mapping, strictness, (&Namespace::new(""), &record));
        let found = found.err().map(|misfit| misfit.rule);
        assert_eq!(found, rule, "{vector:?}");
    }
}

#[tokio::test]
async fn a_key_that_may_be_deferred_is_said_to_be_none() {
    let db = server::database().await;
    db.run("create table t (id text not null unique deferrable, embedding vector(1))").await;
    let layout = Layout { id: Some("id".into()), ..Layout::default() };
    let mapping = try_mapping(&db, "t", &layout).await.unwrap();
    let error = reader(&db, &View::Live, &mapping).await.err().unwrap();
    assert!(error.hint().unwrap_or_default().contains("neither may be deferrable"), "{error}");
}

/// A record is replaced as a whole: what no record of the source has would be emptied.
#[tokio::test]
async fn columns_that_only_the_target_has_are_not_emptied() {
    let db = server::database().await;
    db.run(
        "create table a (id text primary key, embedding vector(2), title text);
         insert into a values ('x', '[1,2]', 'new'), ('y', '[3,4]', null);
         create table b (id text primary key, embedding vector(2), title text, own text, twice int generated always as (2) stored);
         insert into b values ('x', '[1,1]', 'old', 'mine'), ('y', '[3,4]', 'gone', 'mine')",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let plan = |row: &str, copy: &str| {
        let text = format!(
            "version: 1
name: own
source: {{ provider: pgvector, index: a }}
target: {{ provider: pgvector, index: b{row} }}
stages:
  - kind: copy
    existing: overwrite{copy}
    assert: [copy.complete == true, copy.failed == 0]
"
        );
        let path = folder.path().join("own.yaml");
        std::fs::write(&path, text).unwrap();
        path
    };
    let (succeeds, said) = run_plan(&plan("", ""), &db).await;
    let wanted = "`existing: overwrite` would empty the fields `own`";
    assert!(!succeeds && said.contains(wanted), "{said}");
    let rows =
        "select string_agg(concat_ws(' ', id, embedding, title, own), ';' order by id) from b";
    assert_eq!(db.text(rows).await, "x [1,1] old mine;y [3,4] gone mine");
    let (succeeds, said) = run_plan(&plan(", row: { metadata: [title] }", ""), &db).await;
    assert!(succeeds, "{said}");
    assert_eq!(db.text(rows).await, "x [1,2] new mine;y [3,4] mine");
}

/// A namespace is its column's text: a moment that is the same is another name, and two names must not become one.
#[tokio::test]
async fn a_namespace_that_a_column_of_times_would_rename_is_refused() {
    let db = server::database().await;
    db.run(
        "create table a (id text, ten timestamptz, embedding vector(1), primary key (ten, id));
         create table b (id text, ten timestamp, embedding vector(1), primary key (ten, id));
         create table c (id text, ten date, embedding vector(1), primary key (ten, id))",
    )
    .await;
    for (table, kept, renamed) in [
        (
            "a",
            "2020-01-01 00:00:00+00",
            &["2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00", "2020-01-01"][..],
        ),
        ("b", "2020-01-01 10:00:00", &["2020-01-01T10:00:00", "2020-01-01T10:00:00Z"]),
        ("c", "2020-01-01", &["2020-01-01T10:00:00", "Jan 1 2020"]),
    ] {
        let mapping = mapping(&db, table, &by_tenant()).await;
        for other in renamed {
            let ack = put_in(&db, &mapping, other, &[record("x", &[1.0])]).await;
            assert_eq!((ack.written, ack.refused.len()), (0, 1), "{table} {other}: {ack:?}");
            assert_eq!(ack.refused[0].why.rule, "partition", "{table} {other}: {ack:?}");
        }
        let ack = put_in(&db, &mapping, kept, &[record("x", &[2.0])]).await;
        assert_eq!((ack.written, ack.refused.len()), (1, 0), "{table}: {ack:?}");
        assert_eq!(by_namespace(&db, &mapping).await, [(kept.to_owned(), "x".to_owned())]);
    }
}

/// The tables of an index share their writers, and have the same columns, in whatever order.
#[tokio::test]
async fn a_writer_that_turns_to_another_table_checks_its_columns() {
    let db = server::database().await;
    db.run(
        "create schema kept;
         create table kept.i_red (id text primary key, embedding vector(1), a timestamp(0), b timestamp, price numeric(9, 2), day date, title text not null);
         create table kept.i_blue (id text primary key, embedding vector(1), b timestamp, a timestamp(0), day date, price numeric(9, 2), title text not null)",
    )
    .await;
    let index = "kept.i_{namespace}";
    let table = Table::new(db.address(), Settings::default(), index, Row::default()).unwrap();
    let table = table.through(Calls::bare());
    let write = table.must_write().unwrap();
    let (whole, fraction) = ("2020-01-01T10:00:00", "2020-01-01T10:00:00.5");
    let of = |id: &str, a: &str, b: &str| {
        let text = |text: &str| Value::Text(text.into());
        let fields =
            [("a", text(a)), ("b", text(b)), ("day", text("2020-02-29")), ("title", text("t"))];
        let all = fields
            .into_iter()
            .fold(record(id, &[1.0]), |one, (name, value)| with(one, name, value));
        with(all, "price", Value::Decimal("1.10".into()))
    };
    let without = Record { metadata: Default::default(), ..of("none", whole, whole) };
    let records = [of("fits", whole, fraction), of("rounds", fraction, whole), without];
    for namespace in ["red", "blue", "red"] {
        let given = write.upsert(&Namespace::new(namespace), &records).await.unwrap();
        assert_eq!(given.count, 1, "{namespace}: {given:?}");
        let refused: Vec<_> = given.refused.iter().map(|one| (one.at, one.refusal.rule)).collect();
        assert_eq!(refused, [(1, Rule::MetadataValue), (2, Rule::MetadataValue)], "{namespace}");
        assert!(given.refused[0].refusal.reason.starts_with("`a`: "), "{namespace}: {given:?}");
    }
    let rows = "select string_agg(concat_ws(' ', id, a, b, price, day), ';') from kept.i_";
    for table in ["red", "blue"] {
        let wanted = "fits 2020-01-01 10:00:00 2020-01-01 10:00:00.5 1.10 2020-02-29";
        assert_eq!(db.text(&format!("{rows}{table}")).await, wanted);
    }
}
