use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeListBuilder, Float32Builder, Float64Builder, LargeListBuilder, ListBuilder,
};
use arrow_array::{ArrayRef, LargeStringArray, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::model::{
    Contents, Metadata, Namespace, Record, RecordId, SparseVector, Value, Vector, VectorField,
    Vectors,
};

fn record(at: usize) -> Record {
    let values = [at as f32 * 0.1, -0.0, f32::MIN_POSITIVE, 1.0e-45];
    let metadata: Metadata =
        serde_json::from_str(r#"{"n":0.30000000000000004,"ü":"日本","l":["a"],"b":true}"#).unwrap();
    Record {
        id: RecordId::from(format!("id {at}")),
        vectors: Vectors::plain(
            Vector::from_values(values),
            at.is_multiple_of(2)
                .then(|| SparseVector::new(vec![u32::MAX, 3], Vector::from_values([0.1, -0.2])))
                .flatten(),
        ),
        metadata: if at.is_multiple_of(3) { Metadata::default() } else { metadata },
    }
}

fn read_all(path: &Path) -> Vec<(Namespace, Record)> {
    read(path).unwrap().flat_map(Result::unwrap).collect()
}

fn write_foreign(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn ids() -> ArrayRef {
    Arc::new(StringArray::from(vec!["a", "b"]))
}

fn vectors() -> ArrayRef {
    let mut vectors = ListBuilder::new(Float32Builder::new());
    vectors.append_value([Some(1.0)]);
    vectors.append_value([Some(2.0)]);
    Arc::new(vectors.finish())
}

#[test]
fn records_come_back_bit_for_bit_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/records.parquet");
    let mut writer = RecordWriter::create(&path, &VectorField::plain()).unwrap();
    let records: Vec<Record> = (0..2_300).map(record).collect();
    writer.append(&Namespace::from(""), &records[..1_100]).unwrap();
    writer.append(&Namespace::from("ñ"), &records[1_100..]).unwrap();
    assert!(!path.exists(), "a file that is not whole has no name yet");
    let written = writer.finish().unwrap();

    let read: Vec<(Namespace, Record)> = read_all(&path);
    let only: Vec<Record> = read.iter().map(|(_, record)| record.clone()).collect();
    assert_eq!(only, records);
    assert!(read[0].0.is_default());
    assert_eq!(read[1_100].0, Namespace::from("ñ"));
    assert_eq!(count_rows(&path).unwrap(), 2_300);
    assert_eq!(contents(&path).unwrap(), written);
    assert_eq!(written[&Namespace::from("ñ")].records, 1_200);
}

#[test]
fn no_records_make_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.parquet");
    let written = RecordWriter::create(&path, &VectorField::plain()).unwrap().finish().unwrap();
    assert_eq!((count_rows(&path).unwrap(), contents(&path).unwrap()), (0, written));
}

#[test]
fn other_layouts_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.parquet");

    let mut fixed = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    fixed.values().append_slice(&[1.0, 2.0, 3.0, 4.0]);
    fixed.append(true);
    fixed.append(true);
    let metadata = LargeStringArray::from(vec![Some(r#"{"a":1}"#), None]);
    write_foreign(
        &path,
        vec![("id", ids()), ("values", Arc::new(fixed.finish())), ("metadata", Arc::new(metadata))],
    );
    let read = read_all(&path);
    assert!(read[0].0.is_default());
    assert_eq!(read[1].1.dense(), &Vector::from_values([3.0, 4.0]));
    assert!(read[1].1.metadata.is_empty() && !read[0].1.metadata.is_empty());

    let mut large = LargeListBuilder::new(Float32Builder::new());
    large.append_value([Some(1.0), Some(2.0)]);
    large.append_null();
    let ids: ArrayRef = Arc::new(UInt64Array::from(vec![7, 8]));
    write_foreign(&path, vec![("id", ids), ("values", Arc::new(large.finish()))]);
    let read = read_all(&path);
    assert_eq!(read[0].1.id, RecordId::Number(7));
    assert!(read[1].1.dense().is_empty());
}

#[test]
fn what_json_has_not_comes_back_from_a_file_and_is_refused_for_an_import() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rare.parquet");
    let field = |value: Value| Metadata([("field", value)].into());
    let values = [
        Value::Bytes(b"\x00\xff".as_slice().into()),
        Value::F64(f64::INFINITY),
        Value::Map([("$bytes", Value::Text("AP8=".into()))].into()),
        Value::Text("text".into()),
    ];
    let record =
        |(at, value): (usize, &Value)| Record { metadata: field(value.clone()), ..record(at) };
    let records: Vec<Record> = values.iter().enumerate().map(record).collect();
    let namespace = Namespace::new("n");
    let mut writer = RecordWriter::create(&path, &VectorField::plain()).unwrap();
    writer.append(&namespace, &records).unwrap();
    let written = writer.finish().unwrap();
    assert_eq!(contents(&path).unwrap(), written);
    let rows: Vec<_> = read_all(&path).into_iter().map(|(_, record)| record).collect();
    assert_eq!(rows, records);
    assert!(encode(&namespace, &records[..1]).is_err());
}

#[test]
fn a_number_in_json_that_no_float_keeps_is_not_rounded_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.parquet");
    let texts = vec![r#"{"n":18446744073709551617}"#, r#"{"n":[1e400]}"#];
    let metadata: ArrayRef = Arc::new(StringArray::from(texts));
    write_foreign(&path, vec![("id", ids()), ("values", vectors()), ("metadata", metadata)]);
    let read = read_all(&path);
    let digits = |text: &str| Value::Decimal(text.into());
    assert_eq!(read[0].1.metadata.get("n"), Some(&digits("18446744073709551617")));
    assert_eq!(read[1].1.metadata.get("n"), Some(&Value::List(vec![digits("1e400")])));
}

#[test]
fn what_would_lose_something_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.parquet");
    let first_error = |path: &Path| read(path).unwrap().next().unwrap().unwrap_err().to_string();

    let mut doubles = ListBuilder::new(Float64Builder::new());
    doubles.append_value([Some(1.0)]);
    doubles.append_value([Some(0.1)]);
    write_foreign(&path, vec![("id", ids()), ("values", Arc::new(doubles.finish()))]);
    let error = first_error(&path);
    assert!(error.contains("no 32-bit float equals") && error.contains("row: 2"), "{error}");

    let metadata: ArrayRef = Arc::new(StringArray::from(vec!["{}", "[1]"]));
    write_foreign(&path, vec![("id", ids()), ("values", vectors()), ("metadata", metadata)]);
    let error = first_error(&path);
    assert!(error.contains("not a JSON object") && error.contains("row: 2"), "{error}");
    assert!(error.contains("wrong.parquet"), "{error}");

    write_foreign(&path, vec![("key", ids())]);
    assert!(read(&path).err().unwrap().to_string().contains("no column `id`"));

    std::fs::write(&path, "not parquet").unwrap();
    assert!(read(&path).is_err());
}

#[test]
fn a_component_that_is_null_is_no_number_and_spoils_its_own_row_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holes.parquet");
    let mut holes = ListBuilder::new(Float32Builder::new());
    holes.append_value([Some(1.0), None]);
    holes.append_value([Some(2.0), Some(3.0)]);
    write_foreign(&path, vec![("id", ids()), ("values", Arc::new(holes.finish()))]);
    let read = read_all(&path);
    let first: Vec<f32> = read[0].1.dense().values().collect();
    assert!(first[0] == 1.0 && first[1].is_nan());
    assert_eq!(read[1].1.dense(), &Vector::from_values([2.0, 3.0]));
}

#[test]
fn a_file_that_changed_since_it_was_opened_is_not_read() {
    use crate::plan::file::Columns;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write_foreign(&path, vec![("id", ids()), ("values", vectors())]);
    let reader =
        RowReader::open(path.as_path(), "a.parquet", &Columns::default(), &Folders::default())
            .unwrap();
    let reader = Arc::new(reader);
    let open = || GroupRows::<Record>::open(reader.clone(), 0, Chosen::Only(vec![1]), 9);
    let rows = open().unwrap().next(&|_| true).unwrap().unwrap();
    assert_eq!(
        rows.iter().map(|(row, record)| (*row, record.id.to_string())).collect::<Vec<_>>(),
        [(1, "b".to_owned())]
    );
    let mut writer = RecordWriter::create(&path, &VectorField::plain()).unwrap();
    writer.append(&Namespace::from("n"), &[record(1)]).unwrap();
    writer.finish().unwrap();
    let error = open().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("changed while it was being read"), "{error}");
}

#[test]
fn a_changed_value_changes_the_contents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let mut writer = RecordWriter::create(&path, &VectorField::plain()).unwrap();
    writer.append(&Namespace::from("n"), &[record(1)]).unwrap();
    let written = writer.finish().unwrap();
    let changed =
        Record { vectors: Vectors::plain(Vector::from_values([0.0; 4]), None), ..record(1) };
    let read = contents(&path).unwrap();
    assert_eq!(read, written);
    assert_eq!(read[&Namespace::from("n")], Contents::of([&record(1)]));
    assert_ne!(read[&Namespace::from("n")], Contents::of([&changed]));
}

#[test]
fn the_sample_of_the_examples_can_be_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/packages.parquet");
    let mut count = 0;
    for record in read(&path).unwrap().records() {
        let (namespace, record) = record.unwrap();
        assert!(!namespace.is_default() && !record.metadata.is_empty());
        assert_eq!(record.dense().dimension(), 384);
        count += 1;
    }
    assert!(count > 1_000 && count == count_rows(&path).unwrap());
}
