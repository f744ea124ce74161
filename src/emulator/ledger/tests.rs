//! A ledger that is cut anywhere holds what was noted before.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Entry, Head};
use super::image::{Image, whole};
use super::writer::Ledger;
use crate::clock::Timestamp;
use crate::emulator::store::{Change, Store, Stored, Write};
use crate::model::filter::{Scalar, Test};
use crate::model::{
    Filter, Metadata, Metric, Namespace, Record, RecordId, SparseVector, Value, Vector, VectorType,
    Vectors,
};
use crate::pinecone_wire::control::ReadCapacity;
use crate::pinecone_wire::{Deployment, proto};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn head(id: &str) -> Head {
    let (cloud, region) = ("aws".to_owned(), "us-east-1".to_owned());
    Head {
        id: id.to_owned(),
        name: format!("index-{id}"),
        dimension: Some(2),
        metric: Metric::Dotproduct,
        vector_type: VectorType::Dense,
        deployment: Deployment::Serverless { cloud, region },
        deletion_protection: false,
        tags: [("a".to_owned(), "b".to_owned())].into(),
        schema: None,
        read_capacity: ReadCapacity::on_demand(),
        began: NOW,
        is_made_by_client: true,
    }
}

fn sparse() -> SparseVector {
    SparseVector::new(vec![1, 9], Vector::from_values([0.5, -0.0])).unwrap()
}

fn metadata(number: f64) -> Metadata {
    let list = Value::List(vec![Value::Text("x".into())]);
    let fields = [("n", Value::F64(number)), ("l", list), ("b", Value::Bool(true))];
    Metadata(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

fn upsert(ids: &[&str]) -> Write {
    let record = |id: &&str| Record {
        id: RecordId::new(id),
        vectors: Vectors::plain(Vector::from_values([1.0, f32::MIN_POSITIVE]), Some(sparse())),
        metadata: metadata(ids.len() as f64),
    };
    Write::Upsert(ids.iter().map(record).map(Stored::new).map(Arc::new).collect())
}

fn has_number(number: f64) -> Filter {
    Filter::field("n", Test::In(vec![Scalar::Number(number)]))
        .and(Filter::equals("b", Scalar::Bool(true)))
}

/// Every kind of write; each changes something.
fn writes() -> Vec<Write> {
    let change = Change {
        vector: Some(Vector::from_values([7.0, 8.0])),
        sparse: Some(sparse()),
        metadata: Some(metadata(0.1)),
    };
    vec![
        upsert(&["a", "b", "c", "d"]),
        Write::Update { id: "a".into(), change },
        Write::Update {
            id: "b".into(),
            change: Change { vector: None, sparse: None, metadata: Some(metadata(5.0)) },
        },
        Write::UpdateWhere { filter: has_number(4.0).negated(), set: metadata(6.0) },
        Write::Delete(vec!["d".into(), "absent".into()]),
        Write::DeleteWhere(has_number(6.0)),
        upsert(&["e"]),
        Write::DeleteAll,
        upsert(&["f", "g"]),
    ]
}

/// What a file would hold that was written of this.
fn shape(head: &Head, store: &Store) -> Vec<(Entry, Vec<proto::Vector>)> {
    let mut all = Vec::new();
    whole(head, store, |entry, records| -> Result<(), ()> {
        all.push((entry, records));
        Ok(())
    })
    .unwrap();
    all
}

fn all(image: Image) -> Vec<(Entry, Vec<proto::Vector>)> {
    image.into_indexes().flat_map(|kept| shape(&kept.head, &kept.store)).collect()
}

fn bytes(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("emulator.ledger")).unwrap()
}

#[test]
fn a_ledger_cut_anywhere_holds_every_whole_entry_before_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, ..) = Ledger::open(folder.path()).unwrap();
    let (namespace, mut store) = (Namespace::new("n"), Store::default());
    // The length of the file and what it holds, after each entry.
    let mut steps = vec![(bytes(folder.path()).len(), Vec::new())];
    ledger.keep(1, &head("1"), &store).unwrap();
    steps.push((bytes(folder.path()).len(), shape(&head("1"), &store)));
    for write in writes() {
        let receipt = ledger.note_write("1", &namespace, &write).unwrap();
        ledger.settle(receipt).unwrap();
        store.write(&namespace, write, NOW, Duration::ZERO);
        let shape = shape(&head("1"), &store);
        assert_ne!(shape, steps.last().unwrap().1);
        steps.push((bytes(folder.path()).len(), shape));
    }
    drop(ledger);

    let whole_file = bytes(folder.path());
    let ends: Vec<usize> = steps.iter().map(|(end, _)| *end).collect();
    let cuts = ends.iter().flat_map(|end| [end - 1, *end, end + 1, end + 20]);
    for cut in cuts.filter(|cut| (ends[0]..=whole_file.len()).contains(cut)) {
        std::fs::write(folder.path().join("emulator.ledger"), &whole_file[..cut]).unwrap();
        let (ledger, image, cut_off) = Ledger::open(folder.path()).unwrap();
        // An index is there by its last entry.
        let (_, expected) = steps.iter().rfind(|(end, _)| *end <= cut).unwrap();
        assert_eq!(&all(image), expected, "{cut}");
        assert!(cut_off > 0 || ends.contains(&cut) || cut < ends[1], "{cut}");
        // What comes next is behind what was there.
        ledger.keep(9, &head("9"), &Store::default()).unwrap();
        drop(ledger);
        let (_, image, cut_off) = Ledger::open(folder.path()).unwrap();
        assert_eq!((all(image).len(), cut_off), (expected.len() + 1, 0), "{cut}");
    }
}

/// An index that was never finished leaves nothing to another one that gets its id.
#[test]
fn half_an_index_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::default();
    store.write(&Namespace::new("n"), upsert(&["a"]), NOW, Duration::ZERO);
    let (ledger, ..) = Ledger::open(folder.path()).unwrap();
    let parts = shape(&head("1"), &store);
    for (entry, records) in &parts[..parts.len() - 1] {
        let receipt = ledger.note(entry, records.clone()).unwrap();
        ledger.settle(receipt).unwrap();
    }
    drop(ledger);
    let (ledger, image, _) = Ledger::open(folder.path()).unwrap();
    assert_eq!((image.ids, all(image).len()), (0, 0));
    ledger.keep(1, &head("1"), &Store::default()).unwrap();
    drop(ledger);
    let (_, image, _) = Ledger::open(folder.path()).unwrap();
    assert_eq!(image.ids, 1);
    assert_eq!(all(image), shape(&head("1"), &Store::default()));
}

/// What is written while an index is deleted is gone with it.
#[test]
fn a_write_to_a_deleted_index_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, ..) = Ledger::open(folder.path()).unwrap();
    ledger.keep(2, &head("1"), &Store::default()).unwrap();
    ledger.keep(2, &head("2"), &Store::default()).unwrap();
    let _ = ledger.note(&Entry::Deleted { index: "1".to_owned() }, Vec::new()).unwrap();
    let receipt = ledger.note_write("1", &Namespace::new("n"), &upsert(&["a"])).unwrap();
    ledger.settle(receipt).unwrap();
    drop(ledger);
    let (_, image, _) = Ledger::open(folder.path()).unwrap();
    assert_eq!(all(image), shape(&head("2"), &Store::default()));
}
