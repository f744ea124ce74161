//! Agreement of the two filter implementations: the emulator's, and the one a copy applies to its records.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::filter::Filter;
use crate::model::{Metadata, RecordFilter};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-2..3i32).prop_map(|number| json!(number)),
        Just(json!(0.5)),
        any::<bool>().prop_map(|value| json!(value)),
        "[ab]{0,2}".prop_map(|text| json!(text)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let list = prop::collection::vec("[ab]{0,2}", 0..3).prop_map(|items| json!(items));
    prop_oneof![4 => scalar(), 1 => list]
}

fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x", "y", "z/~"]).prop_map(str::to_owned)
}

/// Generates tests; most operands fit their operator, some do not.
fn test() -> impl Strategy<Value = Value> {
    let operators =
        vec!["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$like"];
    let operand = prop_oneof![
        3 => value(),
        1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::Array),
        1 => Just(json!(null)),
    ];
    let tests = prop::collection::vec((prop::sample::select(operators), operand), 0..3);
    let object = tests.prop_map(|tests| {
        Value::Object(tests.into_iter().map(|(name, operand)| (name.to_owned(), operand)).collect())
    });
    prop_oneof![1 => value(), 3 => object]
}

fn filter() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::hash_map(field(), test(), 0..3)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()));
    leaf.prop_recursive(3, 12, 3, |inner| {
        (prop::sample::select(vec!["$and", "$or", "$not"]), prop::collection::vec(inner, 0..3))
            .prop_map(|(operator, branches)| json!({ operator: branches }))
    })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    prop::collection::btree_map(field(), value(), 0..4)
        .prop_map(|fields| serde_json::from_value(json!(fields)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 2_000,
        ..Default::default()
    })]

    #[test]
    fn both_read_the_same_filters_and_choose_the_same_records(filter in filter(), metadata in metadata()) {
        let theirs = Filter::read(&filter).ok().flatten();
        let ours = RecordFilter::read(&filter).ok();
        prop_assert_eq!(ours.is_some(), theirs.is_some(), "{}", filter);
        let theirs = theirs.map(|filter| filter.matches(&metadata));
        prop_assert_eq!(ours.map(|filter| filter.matches(&metadata)), theirs, "{}", filter);
    }
}
