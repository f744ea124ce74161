use serde_json::json;
use vecshift::ErrorKind;
use vecshift::model::{
    AnyVector, Filter, Namespace, Record, RecordId, SparseVector, Value, Vector, VectorName,
};
use vecshift::provider::pgvector::{
    Identity, Layout, Scope, Settings, Strictness, Writer, delete, fits,
};

use crate::common::{all, all_of, count, dense, ids, mapping, put, put_in, record, with, writer};
use crate::server;

fn many(from: usize, count: usize) -> Vec<Record> {
    (from..from + count)
        .map(|at| with(record(&format!("id {at}"), &[at as f32, 1.0]), "n", Value::I64(at as i64)))
        .collect()
}

fn in_json() -> Layout {
    Layout { json: Some("payload".into()), ..Layout::default() }
}

#[tokio::test]
async fn records_are_put_and_replaced() {
    let db = server::database().await;
    db.run("create table t (id text primary key, embedding vector(2), payload jsonb, untouched int default 7)").await;
    let layout =
        Layout { fields: vecshift::provider::pgvector::Fields::Named(vec![]), ..in_json() };
    let mapping = mapping(&db, "t", &layout).await;
    let mut writer = writer(&db, &mapping).await;
    let none = Namespace::new("");
    let first = many(0, 500);
    let ack = writer.put(&none, &first).await.unwrap();
    assert_eq!((ack.written, ack.superseded, ack.refused.len()), (500, 0, 0));
    assert!(ack.bytes > 500 * 20);
    // Again, with other values, some of them twice; the last of an id stays.
    let mut second = many(0, 10);
    second.iter_mut().for_each(|record| record.metadata.0.clear());
    second.push(with(record("id 3", &[9.0, 9.0]), "last", Value::Bool(true)));
    let ack = writer.put(&none, &second).await.unwrap();
    assert_eq!((ack.written, ack.superseded), (10, 1));
    let back = all(&db, &mapping).await;
    assert_eq!(back.len(), 500);
    let three = back.iter().find(|record| record.id == RecordId::new("id 3")).unwrap();
    assert_eq!(*three, second[10]);
    assert_eq!(back.iter().find(|record| record.id == RecordId::new("id 4")).unwrap(), &second[4]);
    assert_eq!(writer.put(&none, &[]).await.unwrap(), Default::default());
    assert_eq!(db.text("select sum(untouched) from t").await, "3500");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_one_by_one() {
    let db = server::database().await;
    db.run(
        "create table t (id varchar(12) primary key, embedding vector(2) not null, half halfvec(2), sparse sparsevec(10), bits bit(2),
           small int2, money numeric(6, 2), name varchar(3), flag bool, key uuid, at timestamptz, payload jsonb)",
    )
    .await;
    let layout = Layout {
        vectors: ["embedding", "half", "sparse", "bits"]
            .map(|name| (name.to_owned(), name.to_owned()))
            .into(),
        ..in_json()
    };
    let mapping = mapping(&db, "t", &layout).await;
    let good = || record("good", &[1.0, 2.0]);
    let vector = |name: &str, embedding: AnyVector| {
        let mut record = good();
        record.vectors.put(VectorName::of_several(name), embedding);
        record
    };
    let sparse = |indices: &[u32], values: &[f32]| {
        let values = Vector::from_values(values.iter().copied());
        AnyVector::Sparse(SparseVector::new(indices.to_vec(), values).unwrap())
    };
    let text = |text: &str| Value::Text(text.into());
    let bad = [
        ("id_length", record("thirteen long", &[1.0, 2.0])),
        ("nul", record("a\0", &[1.0, 2.0])),
        ("no_vector", Record { vectors: Default::default(), ..good() }),
        ("dimension", record("a", &[1.0])),
        ("dimension", record("a", &[1.0, 2.0, 3.0])),
        ("not_finite", record("a", &[1.0, f32::NAN])),
        ("not_finite", record("a", &[1.0, f32::INFINITY])),
        ("zero_vector", record("a", &[0.0, -0.0])),
        ("overflow", vector("half", dense(&[1.0, 70_000.0]))),
        ("rounding", vector("half", dense(&[1.0, 0.1]))),
        ("vector_kind", vector("sparse", dense(&[1.0, 0.1]))),
        ("vector_kind", vector("half", sparse(&[1], &[1.0]))),
        ("dimension", vector("sparse", sparse(&[10], &[1.0]))),
        ("sparse_zero", vector("sparse", sparse(&[1, 2], &[1.0, 0.0]))),
        ("sparse_indices", vector("sparse", sparse(&[1, 1], &[1.0, 2.0]))),
        ("bits", vector("bits", dense(&[1.0, 0.5]))),
        ("vector_without_column", vector("other", dense(&[1.0, 0.5]))),
        ("type", with(good(), "small", Value::I64(40_000))),
        ("type", with(good(), "small", text("4"))),
        ("type", with(good(), "flag", Value::I64(1))),
        ("type", with(good(), "key", text("no uuid"))),
        ("rounding", with(good(), "money", Value::F64(1.005))),
        ("length", with(good(), "name", text("four"))),
        ("nul", with(good(), "name", text("\0"))),
        ("nul", with(good(), "other", text("a\0b"))),
        ("nul", with(good(), "a\0b", text("x"))),
        ("bytes", with(good(), "other", Value::Bytes(vec![1].into()))),
        (
            "time",
            with(good(), "other", Value::List(vec![Value::Time("2020-01-01T00:00:00Z".into())])),
        ),
        ("time", with(good(), "name", Value::Time("2020-01-01T00:00:00Z".into()))),
        ("json", with(good(), "other", Value::F64(f64::NAN))),
    ];
    let strictness = Strictness { refuses_zero_vectors: true, refuses_rounding: true };
    for (rule, record) in &bad {
        let misfit = fits(&mapping, strictness, (&Namespace::new(""), record)).unwrap_err();
        assert_eq!(misfit.rule, *rule, "{record:?}: {misfit:?}");
    }
    // Among good ones they are refused alone, with their places.
    let mut records = many(0, 100);
    for (at, (_, record)) in bad.iter().enumerate() {
        records.insert(
            at * 3,
            Record { id: RecordId::new(format!("{}{at}", record.id)), ..record.clone() },
        );
    }
    let mut writer = Writer::open(&db.address(), Settings::default(), mapping.clone(), strictness)
        .await
        .unwrap();
    let ack = writer.put(&Namespace::new(""), &records).await.unwrap();
    assert_eq!((ack.written, ack.refused.len()), (100, bad.len()));
    let places: Vec<_> = ack.refused.iter().map(|refused| refused.at).collect();
    assert_eq!(places, (0..bad.len()).map(|at| at * 3).collect::<Vec<_>>());
    // What is at the edge is taken.
    let mut edge =
        with(with(good(), "name", text("äöü")), "money", Value::Decimal("1234.50".into()));
    edge.id = RecordId::new("éééééééééééé");
    edge.vectors.put(VectorName::of_several("half"), dense(&[65_504.0, 0.5]));
    assert_eq!(writer.put(&Namespace::new(""), &[edge]).await.unwrap().refused, []);
}

#[tokio::test]
async fn what_only_the_server_knows_is_found_by_halving() {
    let db = server::database().await;
    db.run(
        "create table parents (id text primary key); insert into parents values ('here');
         create table t (id text primary key, embedding vector(2), n int check (n <> 500), parent text references parents, at timestamptz, unique (n));
         create function no() returns trigger language plpgsql as $$ begin if new.n = 700 then raise exception 'not seven hundred'; end if; return new; end $$;
         create trigger no before insert on t for each row execute function no()",
    )
    .await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let mut records = many(0, 1_000);
    records[123] = with(records[123].clone(), "parent", Value::Text("gone".into()));
    records[124] = with(records[124].clone(), "parent", Value::Text("here".into()));
    records[300] = with(records[300].clone(), "at", Value::Time("2020-13-45T00:00:00Z".into()));
    records[999] = with(records[999].clone(), "n", Value::I64(998));
    let long: String =
        (0..3_000).map(|at| char::from_u32(0x4e00 + at * 7 % 20_000).unwrap()).collect();
    records[5].id = RecordId::new(&long[..7_500]);
    let ack = put(&db, &mapping, &records).await;
    let refused: Vec<_> =
        ack.refused.iter().map(|refused| (refused.at, refused.why.rule)).collect();
    let server = |at| (at, "server");
    assert_eq!(refused, [5, 123, 300, 500, 700, 999].map(server), "{:#?}", ack.refused);
    assert!(ack.refused[2].why.message.contains("out of range"));
    assert!(ack.refused[4].why.message.contains("seven hundred"));
    assert_eq!(ack.written, 994);
    assert_eq!(db.text("select count(*) from t").await, "994");
}

/// Nothing that an answer leaves out is taken for written.
#[tokio::test]
async fn every_record_is_answered_for_whatever_the_table_does_with_it() {
    let db = server::database().await;
    db.run(
        "create table w (id text primary key, embedding vector(2), payload jsonb, check (payload->>'n' <> 'bad'));
         create table t (id text primary key, embedding vector(2), payload jsonb);
         create function drops() returns trigger language plpgsql as $$ begin
           if new.id like '%3' then return null; end if; return new; end $$;
         create trigger drops before insert on t for each row execute function drops()",
    )
    .await;
    // The one that stays is refused, so the one before it is not there either.
    let checked = mapping(&db, "w", &in_json()).await;
    let first = with(record("a", &[1.0, 2.0]), "n", Value::Text("good".into()));
    let second = with(record("a", &[1.0, 2.0]), "n", Value::Text("bad".into()));
    let ack = put(&db, &checked, &[first, second]).await;
    assert_eq!((ack.written, ack.superseded, ack.refused.len()), (0, 0, 2), "{ack:?}");
    assert_eq!(db.text("select count(*) from w").await, "0");
    // What a trigger drops is refused.
    let dropping = mapping(&db, "t", &in_json()).await;
    for _ in 0..2 {
        let ack = put(&db, &dropping, &many(0, 10)).await;
        assert_eq!((ack.written, ack.refused.len()), (9, 1), "{ack:?}");
        assert_eq!((ack.refused[0].at, ack.refused[0].why.rule), (3, "server"), "{ack:?}");
    }
}

#[tokio::test]
async fn a_killed_write_leaves_nothing_and_is_safe_to_repeat() {
    let db = server::database().await;
    db.run(
        "create table t (id text primary key, embedding vector(2), n int);
         create function wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
         create trigger wait after insert on t for each statement execute function wait();
         select pg_advisory_lock(1)",
    )
    .await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let records = many(0, 200);
    let mut first = writer(&db, &mapping).await;
    let batch = records.clone();
    let put = tokio::spawn(async move { first.put(&Namespace::new(""), &batch).await });
    // The insert waits for the lock once it has written its rows.
    let waiting = "select count(pg_terminate_backend(pid)) > 0 from pg_stat_activity where datname = current_database() and wait_event = 'advisory'";
    server::until(&db, waiting).await;
    let error = put.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(db.text("select count(*) from t").await, "0");
    db.run("select pg_advisory_unlock(1)").await;
    let mut second = writer(&db, &mapping).await;
    assert_eq!(second.put(&Namespace::new(""), &records).await.unwrap().written, 200);
    assert_eq!(second.put(&Namespace::new(""), &records).await.unwrap().written, 200);
    assert_eq!(db.text("select count(*) from t").await, "200");
}

#[tokio::test]
async fn a_table_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let db = server::database().await;
    db.run(
        "create table t (id text primary key, embedding vector(2));
         create view v as select * from t;
         create table keyless (id text, embedding vector(2));
         create table needy (id text primary key, embedding vector(2), must int not null);
         create table counted (id bigint generated always as identity primary key, embedding vector(2));
         create table late (id text primary key deferrable initially deferred, embedding vector(2))",
    )
    .await;
    let layout = Layout {
        id: Some("id".into()),
        fields: vecshift::provider::pgvector::Fields::Named(vec![]),
        ..Layout::default()
    };
    for (table, part) in [
        ("v", "no table"),
        ("keyless", "no key over the ids"),
        ("late", "no key over the ids"),
        ("needy", "`must`"),
        ("counted", "gives the ids"),
    ] {
        let mapping = mapping(&db, table, &layout).await;
        let opened =
            Writer::open(&db.address(), Settings::default(), mapping, Strictness::default()).await;
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Refused, "{table}");
        assert!(error.message().contains(part), "{table}: {error}");
    }
    // A role that may read and not write: as it sees the table, and as the server answers.
    let address = db.role("only_reads", "grant select on t to only_reads").await;
    let session =
        vecshift::provider::pgvector::Session::open(&address, Settings::default()).await.unwrap();
    let extension =
        vecshift::provider::pgvector::look::server(&session).await.unwrap().extension.unwrap();
    let table = vecshift::provider::pgvector::look::table(&session, &crate::common::public("t"))
        .await
        .unwrap()
        .unwrap();
    let seen = vecshift::provider::pgvector::Mapping::new(table, extension, &layout).unwrap();
    let error = Writer::open(&address, Settings::default(), seen.into(), Strictness::default())
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.hint().unwrap().contains("INSERT"));
    let owners = mapping(&db, "t", &layout).await;
    let mut writer =
        Writer::open(&address, Settings::default(), owners, Strictness::default()).await.unwrap();
    let error = writer.put(&Namespace::new(""), &[record("a", &[1.0, 2.0])]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
}

#[tokio::test]
async fn tenants_are_kept_apart() {
    let db = server::database().await;
    db.run(
        "create table shared (id text, tenant text, embedding vector(2), payload jsonb, primary key (tenant, id));
         create table alone (id text primary key, tenant text, embedding vector(2), payload jsonb);
         create table parts (id text, tenant text, embedding vector(2), payload jsonb, primary key (tenant, id)) partition by list (tenant)",
    )
    .await;
    let layout = Layout { id: Some("id".into()), tenant: Some("tenant".into()), ..in_json() };
    let of_a = [record("x", &[1.0, 0.0]), record("y", &[4.0, 0.0])];
    let of_b = [record("x", &[2.0, 0.0])];
    let of_none = [record("x", &[3.0, 0.0])];
    let tenants = [("a", &of_a[..]), ("b'; drop table parts; --", &of_b), ("", &of_none)];
    let session = db.session().await;
    for table in ["shared", "parts"] {
        let mapping = mapping(&db, table, &layout).await;
        for _ in 0..2 {
            for (tenant, records) in tenants {
                let ack = put_in(&db, &mapping, tenant, records).await;
                assert_eq!(ack.written, records.len() as u64, "{table}");
            }
        }
        for (tenant, records) in tenants {
            let partition = Some(Namespace::new(tenant));
            let back = all_of(&db, &mapping, Scope { partition, filter: None }).await;
            assert_eq!(back, records, "{table}");
        }
        let a = Namespace::new("a");
        let ids = [RecordId::new("x"), RecordId::new("none")];
        assert_eq!(
            delete::by_ids(&session, &mapping, &Namespace::new("c"), &ids).await.unwrap(),
            0
        );
        assert_eq!(delete::by_ids(&session, &mapping, &a, &ids).await.unwrap(), 1);
        assert_eq!(delete::partition(&session, &mapping, &a).await.unwrap(), 1);
        assert_eq!(delete::partition(&session, &mapping, &a).await.unwrap(), 0);
        assert_eq!(count(&session, &mapping, &Scope::default()).await.unwrap(), 2);
        assert_eq!(put_in(&db, &mapping, "a", &of_a).await.written, 2, "{table}");
    }
    assert_eq!(
        db.text(
            "select count(*) from pg_inherits join pg_class on oid = inhrelid where relkind = 'r'"
        )
        .await,
        "3"
    );
    // Where the key is the id alone, another partition's record is not taken away.
    let alone = mapping(&db, "alone", &layout).await;
    assert_eq!(alone.identity, Identity::Global);
    assert_eq!(put_in(&db, &alone, "a", &of_a[..1]).await.written, 1);
    // Nor is the one before it in the batch there, which was to make room for it.
    let batch = [of_none[0].clone(), of_b[0].clone(), of_a[1].clone()];
    let ack = put_in(&db, &alone, "", &batch).await;
    assert_eq!((ack.written, ack.superseded), (1, 0), "{ack:?}");
    let rules: Vec<_> = ack.refused.iter().map(|refused| refused.why.rule).collect();
    assert_eq!(rules, ["id_taken"; 2]);
    assert_eq!(all(&db, &alone).await, of_a);
}

#[tokio::test]
async fn records_are_deleted_by_a_filter_and_never_all_by_mistake() {
    let db = server::database().await;
    db.run("create table t (id text primary key, embedding vector(2), payload jsonb)").await;
    let mapping = mapping(&db, "t", &in_json()).await;
    put(&db, &mapping, &many(0, 100)).await;
    let session = db.session().await;
    let filter = Filter::read(&json!({"n": {"$lt": 90}})).unwrap();
    let error = delete::matching(&session, &mapping, &Scope::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let scope = Scope { partition: None, filter: Some(filter) };
    assert_eq!(delete::matching(&session, &mapping, &scope).await.unwrap(), 90);
    assert_eq!(ids(&all(&db, &mapping).await).len(), 10);
    assert_eq!(delete::by_ids(&session, &mapping, &Namespace::new(""), &[]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_disk_is_no_refusal_of_records() {
    let db = server::database_alone(&[]).await;
    let folder = db.server().folder().join("small");
    let Some(mounted) = server::small_disk(&folder) else {
        eprintln!(
            "NOT MEASURED: no small file system can be mounted here; `bad_input` has the server's answer alone"
        );
        return;
    };
    db.run(&format!("create tablespace small location '{}'", folder.display())).await;
    db.run(
        "create table t (id text primary key, embedding vector(1000) not null) tablespace small",
    )
    .await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let values: Vec<f32> = (0..1_000).map(|at| at as f32).collect();
    let records: Vec<_> = (0..4_000).map(|at| record(&at.to_string(), &values)).collect();
    let mut writer = writer(&db, &mapping).await;
    let error = writer.put(&Namespace::new(""), &records).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert_eq!(error.context_of("sqlstate"), Some("53100"));
    assert!(error.hint().unwrap().contains("disk"));
    // Once there is room, the same session goes on.
    mounted.grow();
    assert_eq!(writer.put(&Namespace::new(""), &records).await.unwrap().written, 4_000);
}
