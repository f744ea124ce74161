use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use vecshift::ErrorKind;
use vecshift::model::{Filter, Metadata, Numbers, Record, Value};
use vecshift::provider::pgvector::{Layout, Mapping, Scope};

use crate::common::{all_of, count, ids, mapping, put, record};
use crate::server;

fn scalar() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        any::<bool>().prop_map(|value| json!(value)),
        (-3..4_i64).prop_map(|value| json!(value)),
        prop::sample::select(vec![
            0.1,
            0.5,
            -0.0,
            1.5,
            1e300,
            5e-324,
            0.1 + 0.2,
            1e21,
            123_456_789.125
        ])
        .prop_map(|value| json!(value)),
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| json!(value)),
        prop::sample::select(vec![
            "", "a", "A", "é", "e\u{301}", "1", "true", "null", "'", "\"", "\\", "\\u0000", "😀",
            "a "
        ])
        .prop_map(|value| json!(value)),
    ]
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![4 => scalar(), 1 => Just(json!(null))];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(serde_json::Value::Array),
            btree_map("[ab]", inner, 0..2).prop_map(|map| json!(map)),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "we\"ird ' name", "a.b"]).prop_map(str::to_owned)
}

fn test() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        scalar(),
        (prop::sample::select(vec!["$eq", "$ne"]), scalar())
            .prop_map(|(operator, value)| json!({ operator: value })),
        (prop::sample::select(vec!["$in", "$nin"]), vec(scalar(), 0..4))
            .prop_map(|(operator, value)| json!({ operator: value })),
        (
            prop::sample::select(vec!["$gt", "$gte", "$lt", "$lte"]),
            prop_oneof![
                (-3..4_i64).prop_map(|n| json!(n)),
                any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| json!(n)),
                Just(json!(0.1))
            ]
        )
            .prop_map(|(operator, value)| json!({ operator: value })),
        any::<bool>().prop_map(|wanted| json!({ "$exists": wanted })),
    ]
}

fn filter() -> impl Strategy<Value = serde_json::Value> {
    let leaf = btree_map(name(), test(), 1..3).prop_map(|map| json!(map));
    leaf.prop_recursive(2, 8, 3, |inner| {
        (prop::sample::select(vec!["$and", "$or"]), vec(inner, 1..3))
            .prop_map(|(operator, branches)| json!({ operator: branches }))
    })
}

fn payload(value: &serde_json::Value) -> Value {
    Value::from_json(&value.to_string(), Numbers::Exact).unwrap()
}

/// Draws values, the same ones on every run.
fn draw<T>(strategy: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// The ids that pass here.
fn passing(filter: &serde_json::Value, metadata: &[Metadata]) -> Vec<String> {
    let filter = Filter::read(filter).unwrap();
    let passes =
        |(at, metadata): (usize, &Metadata)| filter.matches(metadata).then(|| format!("{at:04}"));
    metadata.iter().enumerate().filter_map(passes).collect()
}

async fn compare(
    db: &server::Database,
    mapping: &std::sync::Arc<Mapping>,
    metadata: &[Metadata],
    filters: &[serde_json::Value],
) {
    let session = db.session().await;
    for filter in filters {
        let here = passing(filter, metadata);
        let scope = Scope { partition: None, filter: Some(Filter::read(filter).unwrap()) };
        let there = count(&session, mapping, &scope)
            .await
            .unwrap_or_else(|error| panic!("{filter}: {error}"));
        if there != here.len() as u64 {
            assert_eq!(ids(&all_of(db, mapping, scope).await), here, "{filter}");
        }
    }
}

#[tokio::test]
async fn jsonb_has_the_same_truth_as_a_filter_here() {
    let db = server::database().await;
    db.run("create table t (id text primary key, embedding vector(1), payload jsonb)").await;
    let layout = Layout { json: Some("payload".into()), ..Layout::default() };
    let mapping = mapping(&db, "t", &layout).await;
    let drawn = draw(&btree_map(name(), value(), 0..4), 400);
    let records: Vec<Record> = drawn
        .iter()
        .enumerate()
        .map(|(at, fields)| {
            let fields =
                fields.iter().map(|(name, value)| (name.clone(), payload(value))).collect();
            Record { metadata: Metadata(fields), ..record(&format!("{at:04}"), &[1.0]) }
        })
        .collect();
    let ack = put(&db, &mapping, &records).await;
    assert_eq!(ack.refused, []);
    let metadata: Vec<Metadata> = drawn
        .iter()
        .map(|fields| {
            Metadata(fields.iter().map(|(name, value)| (name.clone(), value.into())).collect())
        })
        .collect();
    compare(&db, &mapping, &metadata, &draw(&filter(), 600)).await;
    // A row without any payload, and one whose payload is null, have no field.
    db.run("delete from t; insert into t values ('0000', null, null), ('0001', null, 'null'), ('0002', null, '[1]')").await;
    let none = [Metadata::default(), Metadata::default(), Metadata::default()];
    compare(&db, &mapping, &none, &draw(&filter(), 50)).await;
}

#[tokio::test]
async fn columns_have_the_same_truth_as_a_filter_here() {
    let db = server::database().await;
    db.run(
        "create table t (id text primary key, embedding vector(1), a text, b float8, c int8, d bool, e numeric, f text[], g float8[], h real, i varchar(9), j jsonb, k uuid)",
    )
    .await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let number = |value: f64| Value::F64(value);
    let text = |value: &str| Value::Text(value.into());
    let floats = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, 5e-324, 1e300, 2.0];
    let words = ["", "a", "A", "é", "e\u{301}", "1", "'", "\\", "a "];
    let (mut rows, mut metadata) = (Vec::new(), Vec::new());
    for at in 0..200_usize {
        let mut fields: BTreeMap<String, Value> = BTreeMap::new();
        let mut sql = vec![format!("'{at:04}'"), "null".to_owned()];
        let pick = |salt: usize| (at * 2_654_435_761 + salt * 40_503) / 97 % 11;
        let mut cell = |name: &str, value: Option<(Value, String)>| match value {
            Some((value, text)) => {
                fields.insert(name.to_owned(), value);
                sql.push(text);
            }
            None => sql.push("null".to_owned()),
        };
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let word = |salt: usize| words.get(pick(salt)).map(|word| (text(word), literal(word)));
        let float = |salt: usize, kind: &str| {
            floats.get(pick(salt)).map(|float| (number(*float), format!("'{float}'::{kind}")))
        };
        cell("a", word(1));
        cell("b", float(2, "float8"));
        cell(
            "c",
            (pick(3) < 9)
                .then(|| (number(pick(3) as f64 - 4.0), format!("{}", pick(3) as i64 - 4))),
        );
        cell(
            "d",
            (pick(4) < 9).then(|| (Value::Bool(pick(4) % 2 == 0), format!("{}", pick(4) % 2 == 0))),
        );
        cell(
            "e",
            (pick(5) < 9)
                .then(|| (number(pick(5) as f64 / 8.0), format!("{}", pick(5) as f64 / 8.0))),
        );
        let list = [word(6), None, word(7)];
        cell(
            "f",
            (pick(8) < 9).then(|| {
                let values =
                    list.iter().map(|one| one.clone().map_or(Value::Null, |one| one.0)).collect();
                let texts: Vec<_> = list
                    .iter()
                    .map(|one| one.clone().map_or("null".to_owned(), |one| one.1))
                    .collect();
                (Value::List(values), format!("array[{}]::text[]", texts.join(",")))
            }),
        );
        cell(
            "g",
            (pick(9) < 6).then(|| {
                let (a, b) = (floats[pick(9)], floats[pick(10) % 8]);
                (Value::List(vec![number(a), number(b)]), format!("array['{a}','{b}']::float8[]"))
            }),
        );
        cell("h", (pick(11) < 9).then(|| (number(f64::from(0.1_f32)), "0.1".to_owned())));
        cell("i", word(12));
        cell(
            "j",
            word(13).map(|(value, _)| {
                (value.clone(), format!("to_jsonb({}::text)", literal(words[pick(13)])))
            }),
        );
        let key = "0123abcd-0001-0002-8003-000000000004";
        cell("k", (pick(14) < 6).then(|| (text(key), literal(key))));
        rows.push(format!("({})", sql.join(", ")));
        metadata.push(Metadata(fields.into()));
    }
    db.run(&format!("insert into t values {}", rows.join(", "))).await;
    let names =
        prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "none"]);
    let leaf = btree_map(names.prop_map(str::to_owned), test(), 1..3).prop_map(|map| json!(map));
    let mut filters = draw(&leaf, 900);
    let exact = f64::from(0.1_f32);
    filters.extend([
        json!({"h": exact}),
        json!({"h": {"$gte": exact}}),
        json!({"h": {"$gt": exact}}),
        json!({"h": 0.1}),
        json!({"k": "0123abcd-0001-0002-8003-000000000004"}),
        json!({"k": {"$ne": "0123ABCD-0001-0002-8003-000000000004"}}),
        json!({"$or": [{"a": "é"}, {"$and": [{"b": {"$gt": 0.0}}, {"d": false}]}]}),
    ]);
    compare(&db, &mapping, &metadata, &filters).await;
}

#[tokio::test]
async fn what_a_column_cannot_be_asked_is_named() {
    let db = server::database().await;
    db.run("create table t (id text primary key, embedding vector(1), at timestamptz, raw bytea, place inet)").await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let session = db.session().await;
    for name in ["at", "raw", "place"] {
        let scope =
            |filter| Scope { partition: None, filter: Some(Filter::read(&filter).unwrap()) };
        let error = count(&session, &mapping, &scope(json!({"x": {"$ne": 1}, name: "1"})))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(&format!("`{name}`")), "{error}");
        assert_eq!(
            count(&session, &mapping, &scope(json!({name: {"$exists": false}}))).await.unwrap(),
            0
        );
    }
}
