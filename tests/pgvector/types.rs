use vecshift::model::{
    AnyVector, IdKind, Namespace, Record, RecordId, SparseVector, Value, Vector,
};
use vecshift::provider::pgvector::{Fields, Layout, Strictness, fits};

use crate::common::{all, dense, ids, mapping, put, put_in, record, with};
use crate::server;

const EVERYTHING: &str = "(
    id text primary key, embedding vector(3), half halfvec(3), sparse sparsevec(1000), bits bit(10), r real[], d float8[],
    a int2, b int4, c int8, f real, g float8, n numeric, flag bool, key uuid, at timestamptz, raw bytea, plain json,
    texts text[], longs int8[], grid int4[], address inet, day date, meta jsonb)";

#[tokio::test]
async fn every_type_is_read() {
    let db = server::database().await;
    db.run(&format!(
        "create table t {EVERYTHING};
         insert into t values ('x', '[1,-0,3.5]', '[1,2.5,65504]', '{{1:1.5,1000:-2}}/1000', B'1001101011', '{{1,2}}', '{{0.5,2}}',
           -3, 70000, 9007199254740993, 0.1, 0.1, 123456789012345678901234567890.1230, true, '0123ABCD-0001-0002-8003-000000000004',
           '2020-01-02 03:04:05.678901+09', '\\x00ff', '{{\"b\": 1.50, \"a\": 1}}', '{{a,NULL,\"c d\"}}', '{{1,9223372036854775807}}',
           '{{{{1,2}},{{3,4}}}}', '10.0.0.1/8', '2020-02-29', '{{\"deep\": {{\"x\": [1, 2.5, null, 1e400]}}, \"no\": null}}');
         insert into t (id) values ('y')"
    ))
    .await;
    let layout = Layout {
        vectors: [
            ("embedding", "embedding"),
            ("half", "half"),
            ("sparse", "sparse"),
            ("bits", "bits"),
            ("r", "r"),
            ("d", "d"),
        ]
        .map(|(name, column)| (name.to_owned(), column.to_owned()))
        .into(),
        json: Some("meta".into()),
        ..Layout::default()
    };
    let mapping = mapping(&db, "t", &layout).await;
    let records = all(&db, &mapping).await;
    let [x, y] = &records[..] else { panic!("{records:?}") };
    assert!(y.vectors.is_empty() && y.metadata.is_empty());
    let sparse = SparseVector::new(vec![0, 999], Vector::from_values([1.5, -2.0])).unwrap();
    for (name, vector) in [
        ("embedding", dense(&[1.0, -0.0, 3.5])),
        ("half", dense(&[1.0, 2.5, 65_504.0])),
        ("sparse", AnyVector::Sparse(sparse)),
        ("bits", dense(&[1., 0., 0., 1., 1., 0., 1., 0., 1., 1.])),
        ("r", dense(&[1.0, 2.0])),
        ("d", dense(&[0.5, 2.0])),
    ] {
        assert_eq!(x.vectors.get(name), Some(&vector), "{name}");
    }
    let field = |name: &str| x.metadata.get(name).cloned().unwrap_or_else(|| panic!("{name}"));
    let text = |text: &str| Value::Text(text.into());
    for (name, value) in [
        ("a", Value::I64(-3)),
        ("b", Value::I64(70_000)),
        ("c", Value::I64(9_007_199_254_740_993)),
        ("f", Value::F64(f64::from(0.1_f32))),
        ("g", Value::F64(0.1)),
        ("n", Value::Decimal("123456789012345678901234567890.1230".into())),
        ("flag", Value::Bool(true)),
        ("key", text("0123abcd-0001-0002-8003-000000000004")),
        ("at", Value::Time("2020-01-01T18:04:05.678901Z".into())),
        ("raw", Value::Bytes(vec![0, 255].into())),
        ("texts", Value::List(vec![text("a"), Value::Null, text("c d")])),
        ("longs", Value::List(vec![Value::I64(1), Value::I64(i64::MAX)])),
        ("address", text("10.0.0.1/8")),
        ("day", text("2020-02-29")),
        ("no", Value::Null),
    ] {
        assert_eq!(field(name), value, "{name}");
    }
    let pair = |a, b| Value::List(vec![Value::I64(a), Value::I64(b)]);
    assert_eq!(field("grid"), Value::List(vec![pair(1, 2), pair(3, 4)]));
    let Value::Map(deep) = field("deep") else { panic!() };
    let Some(Value::List(deep)) = deep.get("x") else { panic!() };
    assert_eq!(deep[..3], [Value::I64(1), Value::F64(2.5), Value::Null]);
    // The digits of 10^400, which no float holds.
    assert!(matches!(&deep[3], Value::Decimal(digits) if digits.len() == 401));
}

#[tokio::test]
async fn what_was_read_is_written_and_read_again_the_same() {
    let db = server::database().await;
    db.run(&format!("create table a {EVERYTHING}; create table b {EVERYTHING}")).await;
    db.run(
        "insert into a values ('x', '[1,-0,3.5]', '[1,2.5,65504]', '{1:1.5,1000:-2}/1000', B'1001101011', '{1,2}', '{0.5,2}',
           -3, 70000, 9007199254740993, 0.1, 'NaN', 1.10, false, '0123ABCD-0001-0002-8003-000000000004',
           'infinity', '\\x00ff', '{\"b\":1.5,\"a\":1}', '{a,NULL,\"c d\"}', '{1,9223372036854775807}', '{5}',
           '10.0.0.1/8', '0021-02-28 BC', '{\"deep\": {\"x\": [1, 2.5, null, 1e400, 1.0]}, \"no\": null}');
         insert into a (id, n, at) values ('y', 'NaN', '12020-01-01'), ('z', 'Infinity', '0020-01-01 BC');
         insert into a (id, n, g) select 'n' || g, g / 7.0, g / 7.0 from generate_series(1, 50) g",
    )
    .await;
    let layout = Layout {
        vectors: [
            ("embedding", "embedding"),
            ("half", "half"),
            ("sparse", "sparse"),
            ("bits", "bits"),
            ("r", "r"),
            ("d", "d"),
        ]
        .map(|(name, column)| (name.to_owned(), column.to_owned()))
        .into(),
        json: Some("meta".into()),
        ..Layout::default()
    };
    let records = all(&db, &mapping(&db, "a", &layout).await).await;
    let target = mapping(&db, "b", &layout).await;
    let ack = put(&db, &target, &records).await;
    assert_eq!((ack.written, ack.refused.len()), (53, 0), "{:?}", ack.refused);
    // An absent payload is an empty object on its way in.
    let different =
        "select id from (select * from a except select * from b) d where d.meta is not null";
    let json =
        "select a.id from a join b using (id) where a.id = 'x' and a.plain::text = b.plain::text";
    db.run("update a set meta = '{}' where meta is null; alter table a alter plain type jsonb; alter table b alter plain type jsonb").await;
    assert!(db.rows(different).await.is_empty());
    assert_eq!(db.rows(json).await.len(), 1);
    let bits = "select count(*) from a join b using (id) where float8send(a.g) is not distinct from float8send(b.g) and vector_send(a.embedding) is not distinct from vector_send(b.embedding)";
    assert_eq!(db.text(bits).await, "53");
}

#[tokio::test]
async fn large_vectors_unicode_ids_and_hostile_names_pass() {
    let db = server::database().await;
    let values: Vec<f32> = (0..16_000).map(|at| at as f32 * 1e-3).collect();
    let columns = [r#"we"ird"; drop table victims; --"#, "sélect ✓", "%s", "a'b", "UPPER", "$1"];
    let quoted = columns.map(|name| format!("\"{}\" text", name.replace('"', "\"\"")));
    db.run(&format!(
        "create table victims (); create schema \"sch\"\"ema\"; create table \"sch\"\"ema\".\"ta'ble\" (\"i d\" text primary key, \"v\"\"ec\" vector, {}, \"js on\" jsonb)",
        quoted.join(", ")
    ))
    .await;
    let session = db.session().await;
    let name = vecshift::provider::pgvector::TableName::new("sch\"ema", "ta'ble");
    let table = vecshift::provider::pgvector::look::table(&session, &name).await.unwrap().unwrap();
    let extension =
        vecshift::provider::pgvector::look::server(&session).await.unwrap().extension.unwrap();
    let layout = Layout {
        json: Some("js on".into()),
        vectors: [("embedding".to_owned(), "v\"ec".to_owned())].into(),
        ..Layout::default()
    };
    let mapping = std::sync::Arc::new(
        vecshift::provider::pgvector::Mapping::new(table, extension, &layout).unwrap(),
    );
    let mut records: Vec<_> =
        ["", "'; drop table victims; --", "日本語 😀", "e\u{301}", "é", "\\", "%", "a\tb\nc"]
            .map(|id| record(id, &values))
            .into();
    for column in columns.iter().chain(&["in\"json", "日本"]) {
        records[0] = with(records[0].clone(), column, Value::Text(format!("{column}'; --").into()));
    }
    let ack = put(&db, &mapping, &records).await;
    assert_eq!((ack.written, ack.refused), (8, vec![]));
    let mut back = all(&db, &mapping).await;
    back.sort_by_key(|record| record.id.to_string());
    records.sort_by_key(|record| record.id.to_string());
    assert_eq!(back, records);
    let wanted: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
    let none = Namespace::new("");
    let parts = vecshift::provider::pgvector::Parts::ALL;
    assert_eq!(
        vecshift::provider::pgvector::fetch(&session, &mapping, &none, &wanted, parts)
            .await
            .unwrap()
            .len(),
        8
    );
    let filter = serde_json::json!({ columns[0]: format!("{}'; --", columns[0]), "in\"json": {"$ne": "x"}, "'; drop table victims; --": {"$exists": false} });
    let scope = vecshift::provider::pgvector::Scope {
        partition: None,
        filter: Some(vecshift::model::Filter::read(&filter).unwrap()),
    };
    assert_eq!(ids(&crate::common::all_of(&db, &mapping, scope.clone()).await), [""]);
    assert_eq!(
        vecshift::provider::pgvector::delete::matching(&session, &mapping, &scope).await.unwrap(),
        1
    );
    assert_eq!(
        vecshift::provider::pgvector::delete::by_ids(&session, &mapping, &none, &wanted)
            .await
            .unwrap(),
        7
    );
    assert_eq!(db.text("select count(*) from pg_class where relname = 'victims'").await, "1");
}

#[tokio::test]
async fn types_whose_bare_name_means_a_length_of_one_are_not_cut() {
    let db = server::database().await;
    db.run(
        "create type mood as enum ('fine', 'not fine'); create domain short as text check (length(value) < 5);
         create table t (id varchar(5) primary key, embedding vector(1), b bit(3), v varbit, c char(4), m mood, s short, i interval, cs char(3)[])",
    )
    .await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let text = |text: &str| Value::Text(text.into());
    let fields = [
        ("b", "101"),
        ("v", "10111"),
        ("c", "abcd"),
        ("m", "not fine"),
        ("s", "four"),
        ("i", "P1DT2H"),
        ("cs", "{abc,xyz}"),
    ];
    let record = fields
        .iter()
        .fold(record("abcde", &[1.0]), |record, (name, value)| with(record, name, text(value)));
    let bad = [("b", "10"), ("c", "abcde"), ("m", "none"), ("s", "five!"), ("cs", "{abcd}")];
    let bad = bad.iter().enumerate().map(|(at, (name, value))| {
        let other = Record { id: RecordId::new(format!("bad{at}")), ..record.clone() };
        with(other, name, text(value))
    });
    let records: Vec<_> = [record.clone()].into_iter().chain(bad).collect();
    let ack = put(&db, &mapping, &records).await;
    assert_eq!((ack.written, ack.refused.len()), (1, 5), "{ack:#?}");
    assert_eq!(all(&db, &mapping).await, std::slice::from_ref(&record));
    let session = db.session().await;
    let parts = vecshift::provider::pgvector::Parts::ALL;
    let found = vecshift::provider::pgvector::fetch(
        &session,
        &mapping,
        &Namespace::new(""),
        &[RecordId::new("abcde")],
        parts,
    )
    .await
    .unwrap();
    assert_eq!(found, [record]);
}

#[tokio::test]
async fn numbers_and_uuids_as_ids_and_generated_columns() {
    let db = server::database().await;
    db.run(
        "create table n (id bigint primary key, embedding vector(1), twice bigint generated always as (id % 1000 * 2) stored, made int generated always as identity);
         insert into n (id, embedding) values (-5, '[1]'), (5, '[1]'), (9223372036854775807, '[1]')",
    )
    .await;
    let numbers = mapping(&db, "n", &Layout::default()).await;
    let records = all(&db, &numbers).await;
    let found: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
    assert_eq!(
        found,
        [RecordId::new("-5"), RecordId::Number(5), RecordId::Number(i64::MAX as u64)]
    );
    assert_eq!(records[1].metadata.get("twice"), Some(&Value::I64(10)));
    // A value that the server makes is left to it.
    let ack = put(&db, &numbers, &records).await;
    assert_eq!(ack.written, 3, "{ack:?}");
    let uuid = RecordId::new("0123abcd-0001-0002-8003-000000000004").to(IdKind::Uuid).unwrap();
    for (id, rule) in [
        (RecordId::Number(12), None),
        (RecordId::new("-12"), None),
        (RecordId::Number(i64::MAX as u64 + 1), Some("id")),
        (RecordId::new("12"), Some("id_kind")),
        (RecordId::new("-012"), Some("id_kind")),
        (RecordId::new("x"), Some("id_kind")),
        (uuid, Some("id_kind")),
    ] {
        let one = Record { id: id.clone(), ..record("", &[1.0]) };
        let fit = fits(&numbers, Strictness::default(), (&Namespace::new(""), &one));
        assert_eq!(fit.err().map(|misfit| misfit.rule), rule, "{id:?}");
    }
    let layout = Layout { fields: Fields::Named(vec![]), ..Layout::default() };
    let few = mapping(&db, "n", &layout).await;
    assert!(all(&db, &few).await.iter().all(|record| record.metadata.is_empty()));
    let one = Record { id: RecordId::Number(1), ..record("", &[1.0]) };
    let ack = put_in(&db, &few, "tenant", &[one]).await;
    assert_eq!(ack.refused[0].why.rule, "partition");
}
