//! Files of records as pyarrow, pandas and DuckDB write them: every codec, every type, folders, and what is refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use vecshift::plan::file::Columns;
use vecshift::provider::Source;
use vecshift::provider::files::Files;
use vecshift::provider::storage::S3Options;

use crate::python::environment;

/// What `files.py` says of a folder.
#[derive(Deserialize)]
struct Case {
    columns: Columns,
    records: Option<Vec<Value>>,
    error: Option<Vec<String>>,
}

/// All records, each as `files.py` writes them, by namespace and id.
async fn read(folder: &Path, columns: Columns) -> vecshift::Result<Vec<Value>> {
    let files = Files::new(folder.to_str().unwrap(), folder, S3Options::default(), columns);
    files.describe().await?;
    let mut found = Vec::new();
    for namespace in files.stats().await?.namespaces.into_keys() {
        let mut page: Option<String> = None;
        loop {
            let listed = files.list(&namespace, page.as_deref()).await?;
            for record in files.fetch(&namespace, &listed.ids).await? {
                let values: Vec<f32> = record.vector.values().collect();
                let sparse = record.sparse.map(|sparse| {
                    let values: Vec<f32> = sparse.values.values().collect();
                    json!({ "indices": sparse.indices, "values": values })
                });
                found.push(json!([namespace, record.id, values, sparse, record.metadata]));
            }
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
    }
    Ok(found)
}

/// Numbers as floats, so that `1` and `1.0` are one, and objects in the order of their keys.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> =
                fields.iter().map(|(key, one)| (key, plain(one))).collect();
            json!(sorted)
        }
        other => other.clone(),
    }
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
        let told = std::fs::read(path.join("case.json")).unwrap();
        std::fs::remove_file(path.join("case.json")).unwrap();
        let case: Case = serde_json::from_slice(&told).unwrap();
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
