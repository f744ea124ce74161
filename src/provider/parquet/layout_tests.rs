use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::{ArrayRef, Int64Array, NullArray, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::model::{Namespace, Record, Value};
use crate::plan::file::Columns;

fn texts() -> ArrayRef {
    Arc::new(StringArray::from(vec!["a", "b"]))
}

fn vectors() -> ArrayRef {
    let mut vectors = ListBuilder::new(Float32Builder::new());
    vectors.append_value([Some(1.0), Some(2.0)]);
    vectors.append_null();
    Arc::new(vectors.finish())
}

fn years() -> ArrayRef {
    Arc::new(Int64Array::from(vec![Some(2026), None]))
}

/// Writes columns as they are, even two of the same name.
fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn columns(yaml: serde_json::Value) -> Columns {
    serde_json::from_value(yaml).unwrap()
}

struct Scene {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Scene {
    fn of(columns: Vec<(&str, ArrayRef)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.parquet");
        write(&path, columns);
        Self { _folder: folder, path }
    }

    fn open(&self, asked: &Columns) -> crate::Result<RowReader> {
        self.open_below(asked, &Folders::default())
    }

    fn open_below(&self, asked: &Columns, folders: &Folders) -> crate::Result<RowReader> {
        RowReader::open(self.path.as_path(), "f.parquet", asked, folders)
    }

    fn refusal(&self, asked: &Columns) -> (String, String) {
        let error = self.open(asked).err().unwrap();
        (error.to_string(), error.hint().unwrap_or_default().to_owned())
    }
}

fn all(reader: RowReader) -> Vec<(Namespace, Record)> {
    let reader = Arc::new(reader);
    let (mut records, mut names) = (Vec::new(), Vec::new());
    for group in 0..reader.groups().len() {
        let mut rows: GroupRows<Record> =
            GroupRows::open(reader.clone(), group, Chosen::From(0), 1_000).unwrap();
        while let Some(some) = rows.next(&|_| true).unwrap() {
            records.extend(some.into_iter().map(|(_, record)| record));
        }
        names.extend(namespaces(&reader));
    }
    names.into_iter().zip(records).collect()
}

fn namespaces(reader: &RowReader) -> Vec<Namespace> {
    let mut all = Vec::new();
    for group in 0..reader.groups().len() {
        for names in reader.names(group).unwrap() {
            let names = names.unwrap();
            all.extend(names.rows().map(|row| Namespace::from(row.unwrap().1)));
        }
    }
    all
}

#[test]
fn a_column_that_nothing_reads_is_refused_with_the_mapping_that_takes_it() {
    let scene = Scene::of(vec![
        ("id", texts()),
        ("values", vectors()),
        ("title", texts()),
        ("release year", years()),
    ]);
    let (error, hint) = scene.refusal(&Columns::default());
    assert!(error.contains("columns `title`, `release year` are read as no part"), "{error}");
    let there = "`id` (text), `values` (list of 32-bit float), `title` (text), `release year` (whole number)";
    assert!(error.contains(there) && error.contains("f.parquet"), "{error}");
    let mapping = r#"source: { columns: { metadata: [title, "release year"] } }"#;
    assert!(hint.contains(mapping), "{hint}");

    let asked = columns(serde_json::json!({ "metadata": ["title", "release year"] }));
    let read = all(scene.open(&asked).unwrap());
    assert_eq!(read[0].1.metadata.get("release year"), Some(&Value::F64(2026.0)));
    assert_eq!(read[1].1.metadata.get("release year"), None);
    assert!(read[1].1.dense().is_empty(), "a null is no vector");
    let asked = columns(serde_json::json!({ "metadata": "others" }));
    assert_eq!(all(scene.open(&asked).unwrap()), read);
    let asked = columns(serde_json::json!({ "ignore": ["title", "release year"] }));
    let reader = scene.open(&asked).unwrap();
    assert_eq!(reader.passed_over().ignored, ["title", "release year"]);
    assert!(all(reader)[0].1.metadata.is_empty());
}

/// A column is passed over by the plan's word, also where its name says what it could be.
#[test]
fn what_the_plan_ignores_is_not_read_under_a_usual_name() {
    let scene = Scene::of(vec![
        ("id", texts()),
        ("values", vectors()),
        ("namespace", texts()),
        ("metadata", texts()),
    ]);
    let asked = columns(serde_json::json!({ "ignore": ["namespace", "metadata"] }));
    let reader = scene.open(&asked).unwrap();
    assert_eq!(reader.passed_over().ignored, ["namespace", "metadata"]);
    for (namespace, record) in all(reader) {
        assert!(namespace.is_default() && record.metadata.is_empty(), "{record:?}");
    }
    for asked in [
        serde_json::json!({ "ignore": ["values"] }),
        serde_json::json!({ "metadata": ["values"] }),
        serde_json::json!({ "ignore": ["id"] }),
    ] {
        let error = scene.refusal(&columns(asked)).0;
        assert!(error.contains("is needed, and the plan gives it another use"), "{error}");
    }
    let vector = columns(serde_json::json!({
        "vectors": { "embedding": "values" }, "ignore": ["sparse_values", "metadata"],
    }));
    let names: Vec<_> = scene.open(&vector).unwrap().fields().map(ToString::to_string).collect();
    assert_eq!(names, ["embedding (dense, f32)"]);
}

#[test]
fn a_missing_part_is_looked_for_under_other_names() {
    let scene = Scene::of(vec![("uuid", texts()), ("embedding", vectors()), ("metadata", texts())]);
    let (error, hint) = scene.refusal(&Columns::default());
    assert!(error.contains("there is no column `id`, there is no column `values`"), "{error}");
    assert!(hint.contains("columns: { id: uuid, values: embedding } }"), "{hint}");
    let (error, hint) = scene.refusal(&columns(serde_json::json!({ "id": "uuid" })));
    assert!(error.starts_with("there is no column `values`; there are: `uuid`"), "{error}");
    assert!(hint.contains("{ id: uuid, values: embedding }"), "{hint}");
    let asked = columns(serde_json::json!({ "id": "uuid", "values": "vector" }));
    assert!(scene.refusal(&asked).0.starts_with("there is no column `vector`"));
    let asked = columns(serde_json::json!({ "id": "embedding", "values": "embedding" }));
    assert!(scene.refusal(&asked).0.contains("`embedding` is list of 32-bit float; an id is text"));
}

#[test]
fn of_two_columns_of_one_name_none_is_read() {
    let scene = Scene::of(vec![("id", texts()), ("values", vectors()), ("id", years())]);
    assert!(scene.refusal(&Columns::default()).0.contains("two columns `id`"));
}

#[test]
fn a_column_of_nulls_alone_holds_nothing_that_could_be_lost() {
    let nulls: ArrayRef = Arc::new(NullArray::new(2));
    let scene = Scene::of(vec![("id", texts()), ("values", vectors()), ("later", nulls)]);
    let reader = scene.open(&Columns::default()).unwrap();
    assert_eq!(reader.passed_over().empty, ["later"]);
}

#[test]
fn folders_count_as_columns() {
    let scene = Scene::of(vec![("id", texts()), ("values", vectors())]);
    let folders = Folders {
        namespace: Namespace::new("first"),
        columns: vec![
            ("tenant".to_owned(), Some("red".to_owned())),
            ("year".to_owned(), Some("2026".to_owned())),
            ("none".to_owned(), None),
        ],
    };
    let error = scene.open_below(&Columns::default(), &folders).err().unwrap();
    assert!(error.to_string().contains("`tenant`, `year`, `none` are read as no part"), "{error}");
    let asked = columns(serde_json::json!({ "namespace": "tenant", "metadata": "others" }));
    let read = all(scene.open_below(&asked, &folders).unwrap());
    assert_eq!(read[0].0, Namespace::new("red"));
    assert_eq!(serde_json::to_string(&read[0].1.metadata).unwrap(), r#"{"year":"2026"}"#);
    let asked = columns(serde_json::json!({ "ignore": ["tenant", "year", "none"] }));
    let reader = scene.open_below(&asked, &folders).unwrap();
    assert_eq!(namespaces(&reader)[0], Namespace::new("first"));
    let asked =
        columns(serde_json::json!({ "namespace": { "constant": "x" }, "ignore": "others" }));
    let reader = scene.open_below(&asked, &folders).unwrap();
    assert_eq!(namespaces(&reader)[0], Namespace::new("x"));
}

#[test]
fn an_import_passes_over_what_it_does_not_know_as_the_service_does() {
    let scene = Scene::of(vec![("id", texts()), ("values", vectors()), ("title", texts())]);
    assert!(read(&scene.path).is_err());
    let rows = read_import(&scene.path).unwrap().next_rows().unwrap().unwrap();
    assert_eq!(rows.len(), 2);
}
