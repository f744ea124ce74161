//! Records with several vectors, and ids of every kind: written and read back, read from files of others, refused.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeListBuilder, Float16Builder, Float32Builder, Float64Builder, LargeListBuilder,
    ListBuilder, MapBuilder, UInt32Builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use super::*;
use crate::model::{
    AnyVector, Element, IdKind, Metadata, Metric, MultiVector, Namespace, Record, RecordId,
    SparseVector, Vector, VectorField, VectorKind, VectorName, Vectors,
};
use crate::plan::file::Columns;

fn named(name: &str, kind: VectorKind) -> VectorField {
    VectorField::usual(VectorName::of_several(name), kind)
}

/// Fields of every kind; two have the names of other columns.
fn fields() -> Vec<VectorField> {
    let (dense, metric) = (VectorKind::Dense, Some(Metric::Dotproduct));
    vec![
        VectorField { element: Element::F16, dimension: Some(2), ..named("title", dense) },
        VectorField { metric, ..named("Metadata", dense) },
        VectorField { element: Element::Bit, ..named("values", dense) },
        VectorField::usual(VectorName::only("words"), VectorKind::Sparse),
        VectorField::usual(VectorName::only("id"), VectorKind::Multi),
    ]
}

fn dense(values: impl IntoIterator<Item = f32>) -> AnyVector {
    Vector::from_values(values).into()
}

fn several(dimension: u32, values: &[f32]) -> AnyVector {
    let components = Vector::from_values(values.iter().copied());
    AnyVector::Multi(MultiVector::new(dimension, components).unwrap())
}

fn of(id: impl Into<RecordId>, vectors: Vectors) -> Record {
    Record { id: id.into(), vectors, metadata: Metadata::default() }
}

/// A record of which each lacks other vectors.
fn record(at: usize) -> Record {
    let number = at as f32;
    let all = [
        (fields()[0].name.clone(), dense([number, -0.0])),
        (fields()[1].name.clone(), dense([0.1 * number, f32::MIN_POSITIVE, f32::NAN])),
        (fields()[2].name.clone(), dense([0.0, 1.0, 1.0, 0.0, 1.0])),
        (
            fields()[3].name.clone(),
            SparseVector::new(vec![7, u32::MAX], Vector::from_values([number, 0.5]))
                .unwrap()
                .into(),
        ),
        (fields()[4].name.clone(), several(3, &vec![number + 0.1; 3 * (1 + at % 4)])),
    ];
    let has = all.into_iter().enumerate().filter(|(field, _)| (at >> field) & 1 == 0);
    let id = match at % 50 {
        3 => RecordId::from(format!("-{at}")),
        _ => RecordId::Number(u64::MAX - at as u64),
    };
    of(id, has.map(|(_, vector)| vector).collect())
}

fn write_records(path: &Path, fields: &[VectorField], records: &[Record]) -> crate::Result<()> {
    let mut writer = RecordWriter::create(path, fields)?;
    writer.append(&Namespace::new("n"), records)?;
    writer.finish().map(drop)
}

fn write_columns(path: &Path, columns: Vec<(&str, ArrayRef)>, note: Option<&str>) {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    if let Some(note) = note {
        writer.append_key_value_metadata(KeyValue::new("vecshift".to_owned(), note.to_owned()));
    }
    writer.close().unwrap();
}

fn open(path: &Path, columns: serde_json::Value) -> crate::Result<Arc<RowReader>> {
    let asked: Columns = serde_json::from_value(columns).unwrap();
    RowReader::open(path, "f.parquet", &asked, &Folders::default()).map(Arc::new)
}

fn records(reader: &Arc<RowReader>) -> crate::Result<Vec<Record>> {
    let mut all = Vec::new();
    for group in 0..reader.groups().len() {
        let mut rows = GroupRows::<Record>::open(reader.clone(), group, Chosen::From(0), 100)?;
        while let Some(some) = rows.next(&|_| true)? {
            all.extend(some.into_iter().map(|(_, record)| record));
        }
    }
    Ok(all)
}

fn ids() -> ArrayRef {
    Arc::new(StringArray::from(vec!["a", "b"]))
}

fn floats(rows: [&[f32]; 2]) -> ArrayRef {
    let mut vectors = ListBuilder::new(Float32Builder::new());
    rows.into_iter().for_each(|row| vectors.append_value(row.iter().copied().map(Some)));
    Arc::new(vectors.finish())
}

/// A row of vectors, some of them null.
type Row<'a> = Option<Vec<Option<&'a [f32]>>>;

fn lists(rows: &[Row<'_>]) -> ArrayRef {
    let mut lists = ListBuilder::new(ListBuilder::new(Float32Builder::new()));
    for row in rows {
        for one in row.iter().flatten() {
            let one = one.map(|values| values.iter().copied().map(Some).collect::<Vec<_>>());
            lists.values().append_option(one);
        }
        lists.append(row.is_some());
    }
    Arc::new(lists.finish())
}

#[test]
fn vectors_of_every_kind_and_ids_come_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("several.parquet");
    let all: Vec<Record> = (0..1_500).map(record).collect();
    write_records(&path, &fields(), &all).unwrap();
    let reader = open(&path, serde_json::json!({})).unwrap();
    let of_sides =
        |records: &[Record]| records.iter().map(|record| format!("{record:?}")).collect::<Vec<_>>();
    let read = records(&reader).unwrap();
    assert_eq!(of_sides(&read), of_sides(&all), "names, kinds and lengths");
    assert!(read.iter().zip(&all).all(|(one, other)| one.vectors == other.vectors));
    assert!(
        read.iter()
            .flat_map(|one| one.vectors.iter())
            .all(|(name, vector)| { name.is_only() == (vector.kind() != VectorKind::Dense) })
    );
    let noted: Vec<VectorField> = reader.fields().cloned().collect();
    assert_eq!(noted, fields());
    assert_eq!((reader.ids(), reader.has_sparse()), (IdKind::Number, true));
    let sums = contents(&path).unwrap();
    assert_eq!(sums[&Namespace::new("n")], crate::model::Contents::of(&all));
}

#[test]
fn the_columns_have_the_names_of_the_vectors_where_these_are_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    write_records(&path, &fields(), &[record(0)]).unwrap();
    let error = open(&path, serde_json::json!({ "values": "x" })).err().unwrap().to_string();
    let there = "`namespace` (text), `id` (text), `title` (list of 32-bit float), \
                 `Metadata_vector` (list of 32-bit float), `values` (list of 32-bit float), \
                 `sparse_values` (struct of indices, values), `id_vector` (list of list of 32-bit float), \
                 `metadata` (text)";
    assert!(error.contains(there), "{error}");
    // The plan goes before the note.
    let asked = serde_json::json!({ "ignore": ["title", "Metadata_vector", "id_vector"] });
    let read = records(&open(&path, asked).unwrap()).unwrap();
    let names: Vec<_> = read[0].vectors.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["values", "words"].map(VectorName::only));
    assert!(names.iter().all(VectorName::is_only));
    let asked = serde_json::json!({
        "vectors": { "a": "title", "b": { "column": "id_vector", "kind": "multi" } },
        "ignore": "others",
    });
    let reader = open(&path, asked).unwrap();
    let read: Vec<String> = reader.fields().map(ToString::to_string).collect();
    assert_eq!(
        read,
        [
            "a (dense, 2, f16)",
            "b (multi, f32)",
            "values (dense, bit)",
            "sparse_values (sparse, f32)"
        ]
    );
}

#[test]
fn what_has_no_place_in_a_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    let with = |name: &str, vector: AnyVector| {
        of("x", [(VectorName::of_several(name), vector)].into_iter().collect())
    };
    for (record, said) in [
        (with("other", dense([1.0])), "no column for the dense vector `other` of `x`"),
        (with("title", several(1, &[1.0])), "no column for the multi vector `title` of `x`"),
    ] {
        let error = write_records(&path, &fields(), &[record]).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(said), "{error}");
    }
    let plain = |id: RecordId| of(id, Vectors::plain(Vector::from_values([1.0]), None));
    let mixed = [plain(RecordId::Number(1)), plain("-1".into()), plain("1".into())];
    let error = write_records(&path, &VectorField::plain(), &mixed).unwrap_err().to_string();
    assert!(error.contains("the id `1` is a text, and those before are each a number"), "{error}");
    assert!(!path.exists());
}

#[test]
fn columns_of_others_are_read_by_the_names_of_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    let mut fixed = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    fixed.values().append_slice(&[1.0, 2.0, 3.0, 4.0]);
    fixed.append(true);
    fixed.append(false);
    let mut halves = LargeListBuilder::new(Float16Builder::new());
    halves.append_value([Some(half::f16::from_f32(0.5))]);
    halves.append_value([Some(half::f16::from_f32(-2.0))]);
    let inner = FixedSizeListBuilder::new(Float64Builder::new(), 2);
    let mut tokens = LargeListBuilder::new(inner);
    tokens.values().values().append_slice(&[1.0, 2.0, 3.0, 4.0]);
    tokens.values().append(true);
    tokens.values().append(true);
    tokens.append(true);
    tokens.append(true);
    let mut words = MapBuilder::new(None, UInt32Builder::new(), Float32Builder::new());
    words.keys().append_value(9);
    words.values().append_value(0.5);
    words.append(true).unwrap();
    words.append(false).unwrap();
    let ids: DictionaryArray<Int32Type> = ["one", "two"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("key", Arc::new(ids)),
        ("title", Arc::new(fixed.finish())),
        ("body embedding", Arc::new(halves.finish())),
        ("tokens", Arc::new(tokens.finish())),
        ("bag", Arc::new(words.finish())),
    ];
    write_columns(&path, columns, None);
    let refused = open(&path, serde_json::json!({})).err().unwrap();
    let mapping = r#"columns: { id: key, sparse_values: bag, vectors: { title: title, "body embedding": "body embedding", tokens: tokens } }"#;
    assert!(refused.hint().unwrap().contains(mapping), "{:?}", refused.hint());

    let asked = serde_json::json!({
        "id": "key",
        "vectors": { "title": {}, "body": "body embedding", "tokens": { "kind": "multi" }, "words": "bag" },
    });
    let reader = open(&path, asked).unwrap();
    let fields: Vec<String> = reader.fields().map(ToString::to_string).collect();
    let expected =
        ["body (dense, f16)", "title (dense, f32)", "tokens (multi, f64)", "words (sparse, f32)"];
    assert_eq!(fields, expected);
    let read = records(&reader).unwrap();
    let name = VectorName::of_several;
    let first = [
        (name("title"), dense([1.0, 2.0])),
        (name("body"), dense([0.5])),
        (name("tokens"), several(2, &[1.0, 2.0, 3.0, 4.0])),
        (name("words"), SparseVector::new(vec![9], Vector::from_values([0.5])).unwrap().into()),
    ];
    let second = [(name("body"), dense([-2.0])), (name("tokens"), several(0, &[]))];
    let expected =
        [of("one", first.into_iter().collect()), of("two", second.into_iter().collect())];
    assert_eq!(read, expected);
}

#[test]
fn vectors_that_are_none_are_refused_with_their_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    let good: Row<'_> = Some(vec![Some(&[1.0, 2.0]), Some(&[3.0, 4.0])]);
    for (row, said) in [
        (vec![Some(&[1.0, 2.0][..]), Some(&[3.0])], "differ in length: 2 and 1 components"),
        (vec![Some(&[1.0, 2.0]), None], "one of its vectors is null"),
        (vec![Some(&[]), Some(&[])], "its vectors have no components"),
    ] {
        write_columns(&path, vec![("id", ids()), ("t", lists(&[good.clone(), Some(row)]))], None);
        let reader = open(&path, serde_json::json!({ "vectors": { "t": "t" } })).unwrap();
        let error = records(&reader).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let error = error.to_string();
        assert!(error.contains(said), "{error}");
        for place in ["vector: t", "id: b", "row: 2", "file: f.parquet"] {
            assert!(error.contains(place), "{place}: {error}");
        }
    }
    // None of them is a record without that vector.
    write_columns(&path, vec![("id", ids()), ("t", lists(&[good, None]))], None);
    let reader = open(&path, serde_json::json!({ "vectors": { "t": "t" } })).unwrap();
    let read = records(&reader).unwrap();
    assert!(read[0].vectors.get("t").is_some() && read[1].vectors.is_empty());
}

#[test]
fn columns_that_cannot_be_what_the_plan_says_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    let two = || floats([&[1.0], &[2.0]]);
    write_columns(&path, vec![("id", ids()), ("a", two()), ("b", two())], None);
    for (columns, said) in [
        (serde_json::json!({ "vectors": { "a": "x" } }), "there is no column `x`"),
        (serde_json::json!({ "vectors": { "c": {} } }), "there is no column `c`"),
        (
            serde_json::json!({ "vectors": { "a": "id" } }),
            "the column `id` has another use already",
        ),
        (
            serde_json::json!({ "vectors": { "a": "a", "c": "a" } }),
            "the column `a` has another use already",
        ),
        (
            serde_json::json!({ "vectors": { "a": "a" } }),
            "column `b` is read as no part of a record",
        ),
        (
            serde_json::json!({ "vectors": { "a": { "kind": "multi" } } }),
            "`a` is list of 32-bit float; several vectors are a list of lists",
        ),
        (
            serde_json::json!({ "vectors": { "a": { "kind": "sparse" } } }),
            "`a` is list of 32-bit float; sparse values are",
        ),
        (serde_json::json!({ "id": "a" }), "`a` is list of 32-bit float; an id is"),
    ] {
        let error = open(&path, columns).err().unwrap().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    write_columns(&path, vec![("id", ids()), ("a", texts)], None);
    let error = open(&path, serde_json::json!({ "vectors": { "a": "a" } })).err().unwrap();
    assert!(error.to_string().contains("`a` is text; vectors are lists of floats"), "{error}");
}

#[test]
fn a_note_that_does_not_fit_its_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    let noted = |kind: &str| {
        format!(
            r#"{{"vectors":[{{"column":"a","name":"x","kind":"{kind}","later":1}}],"new":true}}"#
        )
    };
    let columns = |name| vec![("id", ids()), (name, floats([&[1.0], &[2.0]]))];
    write_columns(&path, columns("a"), Some(&noted("dense")));
    let read = records(&open(&path, serde_json::json!({})).unwrap()).unwrap();
    assert_eq!(read[1].vectors.get("x"), Some(&dense([2.0])));
    for (name, note, said) in [
        ("b", noted("dense"), "the vector `x` is in a column `a`, which is not there"),
        ("a", noted("multi"), "`a` is list of 32-bit float; several vectors are a list of lists"),
        ("a", noted("round"), "note of what the columns hold cannot be read"),
        ("a", "{".to_owned(), "note of what the columns hold cannot be read"),
    ] {
        write_columns(&path, columns(name), Some(&note));
        let error = open(&path, serde_json::json!({})).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(said), "{said}: {error}");
        // A bulk import of the service knows nothing of it.
        let import = read_import(&path).err().map(|error| error.to_string());
        assert!(import.unwrap().contains("there is no column `values`"));
    }
}

#[test]
fn ids_are_what_their_column_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    let bytes = [[7_u8; 16], [8; 16]];
    let uuids = FixedSizeBinaryArray::try_from_iter(bytes.into_iter()).unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-5, i64::MAX]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["5", "07"]));
    let uuid = |at: usize| RecordId::Uuid(uuid::Uuid::from_bytes(bytes[at]));
    for (column, note, kind, expected) in [
        (numbers, None, IdKind::Number, ["-5".into(), RecordId::Number(i64::MAX as u64)]),
        (Arc::new(uuids) as ArrayRef, None, IdKind::Uuid, [uuid(0), uuid(1)]),
        (texts.clone(), None, IdKind::Text, ["5".into(), "07".into()]),
        (texts, Some(r#"{"ids":"number"}"#), IdKind::Number, [RecordId::Number(5), "07".into()]),
    ] {
        write_columns(&path, vec![("id", column), ("values", floats([&[1.0], &[2.0]]))], note);
        let reader = open(&path, serde_json::json!({})).unwrap();
        assert_eq!(reader.ids(), kind);
        let read: Vec<RecordId> =
            records(&reader).unwrap().into_iter().map(|record| record.id).collect();
        assert_eq!(read, expected);
    }
}
