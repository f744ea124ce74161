//! Comparing records: every way one can differ is found, named and counted, and the counts add up.

use vecshift::copy::{Comparison, DifferenceKind};
use vecshift::model::{
    Comparing, Enumeration, Likeness, Namespace, Range, Record, RecordId, Shard, SparseVector,
    Value, Vector, VectorName, Vectors,
};

fn shard() -> Shard {
    Shard {
        source: Namespace::new("a"),
        cell: 0,
        target: Namespace::new("b"),
        enumeration: Enumeration::Scan(Range::new(&"list")),
        expected: 1,
    }
}

fn record() -> Record {
    Record {
        id: RecordId::new("x"),
        vectors: Vectors::plain(
            Vector::from_values([1.0, 0.0, -2.5]),
            SparseVector::new(vec![9, 1], Vector::from_values([0.9, 0.1])),
        ),
        metadata: serde_json::from_str(
            r#"{"text":"t","number":9007199254740992,"flag":true,"list":["a","b"],"null":null}"#,
        )
        .unwrap(),
    }
}

type Change = fn(&mut Record);

/// One change each, the kind of difference it is, and whether a tolerance of 0.01 hides it.
const CHANGES: [(&str, Change, Option<DifferenceKind>, bool); 17] = [
    ("nothing", |_| {}, None, true),
    ("a component", |r| set(r, [1.0, 0.0, -2.6]), Some(DifferenceKind::Vector), false),
    ("a component a little", |r| set(r, [1.0, 0.0, -2.501]), Some(DifferenceKind::Vector), true),
    ("the sign of a zero", |r| set(r, [1.0, -0.0, -2.5]), Some(DifferenceKind::Vector), true),
    ("no number", |r| set(r, [f32::NAN, 0.0, -2.5]), Some(DifferenceKind::Vector), false),
    (
        "a component less",
        |r| r.vectors.put(VectorName::DENSE, Vector::from_values([1.0, 0.0])),
        Some(DifferenceKind::Vector),
        false,
    ),
    ("sparse order", |r| sparse(r, &[1, 9], &[0.1, 0.9]), None, true),
    ("a sparse value", |r| sparse(r, &[9, 1], &[0.9, 0.2]), Some(DifferenceKind::Sparse), false),
    (
        "a sparse value a little",
        |r| sparse(r, &[9, 1], &[0.9, 0.101]),
        Some(DifferenceKind::Sparse),
        true,
    ),
    ("a sparse index", |r| sparse(r, &[8, 1], &[0.9, 0.1]), Some(DifferenceKind::Sparse), false),
    (
        "no sparse values",
        |r| drop(r.vectors.take("sparse_values")),
        Some(DifferenceKind::Sparse),
        false,
    ),
    (
        "a text",
        |r| field(r, "text", Value::Text("T".into())),
        Some(DifferenceKind::Metadata),
        false,
    ),
    (
        "a large number",
        |r| field(r, "number", Value::F64(9_007_199_254_740_994.0)),
        Some(DifferenceKind::Metadata),
        false,
    ),
    (
        "a type",
        |r| field(r, "number", Value::Text("9007199254740992".into())),
        Some(DifferenceKind::Metadata),
        false,
    ),
    ("an item", |r| field(r, "list", Value::List(vec![])), Some(DifferenceKind::Metadata), false),
    (
        "a field more",
        |r| field(r, "more", Value::Bool(false)),
        Some(DifferenceKind::Metadata),
        false,
    ),
    ("a null less", |r| drop(r.metadata.0.remove("null")), None, true),
];

fn set(record: &mut Record, values: [f32; 3]) {
    record.vectors.put(VectorName::DENSE, Vector::from_values(values));
}

fn sparse(record: &mut Record, indices: &[u32], values: &[f32]) {
    let values = Vector::from_values(values.iter().copied());
    record.vectors.put(VectorName::SPARSE, SparseVector::new(indices.to_vec(), values).unwrap());
}

fn field(record: &mut Record, name: &str, value: Value) {
    record.metadata.0.insert(name, value);
}

#[test]
fn every_way_a_record_can_differ_is_found() {
    for (name, change, kind, is_tolerable) in CHANGES {
        for likeness in [Likeness::Bits, Likeness::Tolerance(0.01)] {
            let mut seen = record();
            change(&mut seen);
            let mut comparison = Comparison::default();
            let found =
                comparison.compare(&shard(), &record(), Some(&seen), &Comparing::all(likeness));
            let is_tolerated = is_tolerable && likeness != Likeness::Bits;
            let kinds: Vec<_> = found.iter().map(|one| one.kind).collect();
            let wanted: Vec<_> = kind.filter(|_| !is_tolerated).into_iter().collect();
            assert_eq!(kinds, wanted, "{name} with {likeness:?}");
            let sums = comparison.equal + comparison.mismatched + comparison.missing;
            assert_eq!((comparison.compared, sums), (1, 1), "{name}");
            assert_eq!(comparison.mismatched == 1, !wanted.is_empty(), "{name}");
            let is_metadata = wanted.contains(&DifferenceKind::Metadata);
            assert_eq!(comparison.metadata_mismatched == 1, is_metadata, "{name}");
            let is_values = !wanted.is_empty() && !is_metadata;
            assert_eq!(comparison.values_mismatched == 1, is_values, "{name}");
        }
    }
}

#[test]
fn any_two_changes_are_both_found() {
    for (first, one, kind_one, _) in CHANGES {
        for (second, two, kind_two, _) in CHANGES {
            let mut seen = record();
            one(&mut seen);
            two(&mut seen);
            let mut comparison = Comparison::default();
            let found = comparison.compare(
                &shard(),
                &record(),
                Some(&seen),
                &Comparing::all(Likeness::Bits),
            );
            let kinds: Vec<_> = found.iter().map(|one| one.kind).collect();
            // The second change of a kind may have undone the first.
            let wanted =
                if kind_one == kind_two || kind_two.is_none() { kind_one } else { kind_two };
            let undoes =
                second.starts_with("sparse order") && kind_one == Some(DifferenceKind::Sparse);
            if !undoes {
                assert!(
                    wanted.is_none_or(|kind| kinds.contains(&kind)),
                    "{first}, {second}: {kinds:?}"
                );
            }
            assert_eq!(comparison.equal, u64::from(kinds.is_empty()), "{first}, {second}");
        }
    }
}

#[test]
fn a_difference_says_where_and_what_both_sides_have() {
    let mut seen = record();
    set(&mut seen, [1.5, 0.0, -2.5]);
    field(&mut seen, "text", Value::Text("other".into()));
    let mut comparison = Comparison::default();
    let found =
        comparison.compare(&shard(), &record(), Some(&seen), &Comparing::all(Likeness::Bits));
    let lines: Vec<String> =
        found.iter().map(|difference| serde_json::to_string(difference).unwrap()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"source_namespace":"a","target_namespace":"b","id":"x","kind":"vector","index":0,"difference":0.5,"differing":1,"source":1.0,"target":1.5,"detail":"component 0 is 1.5, not 1.0, off by 5.000e-1"}
    {"source_namespace":"a","target_namespace":"b","id":"x","kind":"metadata","field":"text","source":"t","target":"other","detail":"metadata field `text` is \"other\", not \"t\""}
    "#);
    assert_eq!(comparison.max_difference(), 0.5);
}

#[test]
fn sums_of_many_add_up_and_nothing_compared_is_no_match() {
    let mut total = Comparison::default();
    assert_eq!((total.compared, total.equal), (0, 0));
    for (_, change, _, _) in CHANGES {
        let mut seen = record();
        change(&mut seen);
        let mut one = Comparison::default();
        one.compare(&shard(), &record(), Some(&seen), &Comparing::all(Likeness::Bits));
        one.compare(&shard(), &record(), None, &Comparing::all(Likeness::Bits));
        total.add(one);
    }
    assert_eq!(total.compared, 2 * CHANGES.len() as u64);
    assert_eq!(total.missing, CHANGES.len() as u64);
    assert_eq!(total.compared, total.equal + total.mismatched + total.missing);
    let drifts: Vec<_> = total.schemas.drifts().map(|drift| drift.field).collect();
    assert_eq!(drifts, ["more", "number"]);
    assert_eq!(total.max_difference(), f64::INFINITY);
}
