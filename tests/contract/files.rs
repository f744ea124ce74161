//! Files of records written by pyarrow, pandas and DuckDB: every codec, every type, folders, and what is refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Number, Value, json};
use vecshift::copy::all_ids;
use vecshift::model::Cursor;
use vecshift::model::{Metadata, Namespace, Record, RecordId, Vector, Vectors};
use vecshift::plan::file::Columns;
use vecshift::provider::files::Files;
use vecshift::provider::parquet;
use vecshift::storage::{Place, S3Options};
use vecshift::store::{Describe, Fetch, Scope};

use crate::python::environment;

/// A folder, as described by `files.py`.
#[derive(Deserialize)]
struct Case {
    columns: Columns,
    records: Option<Vec<Value>>,
    error: Option<Vec<String>>,
}

/// Reads all records, each in the form that `files.py` writes, by namespace and id.
async fn read(folder: &Path, columns: Columns) -> vecshift::Result<Vec<Value>> {
    let files = Files::new(folder.to_str().unwrap(), folder, S3Options::default(), columns);
    files.describe().await?;
    let mut found = Vec::new();
    for namespace in files.stats().await?.namespaces.into_keys() {
        let scope = Scope { namespace: &namespace, records: 0 };
        let mut all = all_ids(&files, scope, &Cursor::Start).await?;
        while let Some(listed) = all.next(100).await? {
            for record in Fetch::fetch(&files, &namespace, &listed.ids).await? {
                let values: Vec<f32> = record.dense().values().collect();
                let sparse = record.sparse().map(|sparse| {
                    let values: Vec<f32> = sparse.values.values().collect();
                    json!({ "indices": sparse.indices, "values": values })
                });
                // Writers give an id as its text, whatever the column is.
                let id = record.id.text();
                found.push(json!([namespace, id, values, sparse, record.metadata]));
            }
        }
    }
    Ok(found)
}

/// Writes numbers as floats, so that `1` and `1.0` are equal, unless no float keeps them, and objects in the order of their
/// keys.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) if is_kept_by_a_float(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> =
                fields.iter().map(|(key, one)| (key, plain(one))).collect();
            json!(sorted)
        }
        other => other.clone(),
    }
}

fn is_kept_by_a_float(number: &Number) -> bool {
    number.as_i64().is_none_or(|whole| whole as f64 as i64 == whole)
}

fn sorted(records: &[Value]) -> Vec<Value> {
    let mut records: Vec<Value> = records.iter().map(plain).collect();
    records.sort_by_key(|record| format!("{} {}", record[0], record[1]));
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_writers_are_read_whole_or_refused() {
    let Some(python) = environment("files") else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    python.run("files.py", &[root], Duration::from_secs(60)).await.unwrap();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read(path.join("case.json")).unwrap();
        std::fs::remove_file(path.join("case.json")).unwrap();
        let case: Case = serde_json::from_slice(&text).unwrap();
        cases += 1;
        match (read(&path, case.columns).await, case.records, case.error) {
            (Ok(found), Some(expected), _) => {
                let (found, expected) = (sorted(&found), sorted(&expected));
                if found != expected {
                    wrong.push(format!("{name}: {found:?}\n  instead of {expected:?}"));
                }
            }
            (Err(error), None, Some(parts)) => {
                let text = format!("{error} {}", error.hint().unwrap_or_default());
                let missing: Vec<_> = parts.iter().filter(|part| !text.contains(*part)).collect();
                if !missing.is_empty() {
                    wrong.push(format!("{name}: {text}\n  does not say {missing:?}"));
                }
            }
            (Ok(found), ..) => wrong.push(format!("{name}: was read: {found:?}")),
            (Err(error), ..) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(cases > 50, "only {cases} cases");
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_bucket_are_read_by_name_or_by_their_first_bytes() {
    let Some(python) = environment("moto") else { return };
    let server = python.serve("bucket.py").await;
    let s3 = S3Options::from_variables([
        ("AWS_ENDPOINT_URL", server.address.as_str()),
        ("AWS_ACCESS_KEY_ID", "the-id"),
        ("AWS_SECRET_ACCESS_KEY", "the-key"),
    ]);
    let place = Place::read("s3://shelf/exports", &s3).unwrap();
    let file = |id: &str| {
        let record = Record {
            id: RecordId::from(id),
            vectors: Vectors::plain(Vector::from_values([1.0, 0.5]), None),
            metadata: Metadata::default(),
        };
        Bytes::from(parquet::encode(&Namespace::new("n"), &[record]).unwrap())
    };
    for (path, bytes) in [
        ("red/000012_0", file("a")),
        ("blue/part-0.PARQUET", file("b")),
        ("part.gz", Bytes::from_static(b"other")),
        ("_SUCCESS", Bytes::new()),
        ("notes.csv", Bytes::from_static(b"id")),
    ] {
        place.put(path, bytes).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let open = |s3| Files::new("s3://shelf/exports", folder.path(), s3, Columns::default());
    let files = open(s3.clone());
    let inventory = files.inventory().await.unwrap().unwrap();
    assert_eq!((inventory.files, inventory.rows), (2, 2));
    let passed_over: Vec<String> =
        inventory.passed_over.iter().flat_map(|one| one.names.clone()).collect();
    assert_eq!(passed_over, ["_SUCCESS", "notes.csv", "part.gz"]);
    let namespaces = files.stats().await.unwrap().namespaces;
    assert_eq!(namespaces.into_iter().collect::<Vec<_>>(), [(Namespace::new("n"), 2)]);

    place.put("packed.parquet.gz", Bytes::from_static(b"\x1f\x8b other")).await.unwrap();
    let error = open(s3).describe().await.unwrap_err();
    assert!(
        error.to_string().contains("packed.parquet.gz was compressed as a whole (gz)"),
        "{error}"
    );
}
