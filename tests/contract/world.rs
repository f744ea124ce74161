//! World of the scripts: an emulator with one pod, and folders to import from.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::builder::{Float32Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::model::{
    IndexSpec, Metadata, Metric, Namespace, Record, Vector, VectorType, Vectors,
};
use vecshift::pinecone_wire::Deployment;
use vecshift::plan::file::Faults;
use vecshift::plan::{self, Inputs, Plan};
use vecshift::provider::language;

pub const KEY: &str = "contract-key";
pub const POD: &str = "old-pod";

/// Time until what is made is ready.
const SOON: Duration = Duration::from_millis(20);

/// Starts an emulator with the pod `old-pod`. Rate limits are off: they have their own tests.
pub async fn emulator(faults: Faults) -> Emulator {
    let emulator = Emulator::start(EmulatorOptions {
        api_key: Some(KEY.to_owned()),
        rate_limits: false,
        faults,
        ready_after: SOON,
        collection_ready_after: SOON,
        backup_ready_after: SOON,
        restore_ready_after: SOON,
        import_starts_after: SOON,
        ..EmulatorOptions::default()
    })
    .await
    .unwrap();
    emulator.add_index(pod()).await.unwrap();
    emulator.insert(POD, &Namespace::new(""), (0..20).map(record).collect()).unwrap();
    emulator
}

pub fn pod() -> IndexSpec {
    IndexSpec {
        name: POD.to_owned(),
        dimension: Some(3),
        metric: Metric::Cosine,
        vector_type: VectorType::Dense,
        deployment: Deployment::Pod {
            environment: "us-east-1-aws".to_owned(),
            pod_type: "p1.x1".to_owned(),
            pods: 1,
            replicas: 1,
            shards: 1,
            indexed: None,
        }
        .into(),
        deletion_protection: false,
        tags: Default::default(),
    }
}

pub fn serverless(name: &str) -> IndexSpec {
    let (cloud, region) = ("aws".to_owned(), "us-east-1".to_owned());
    IndexSpec {
        name: name.to_owned(),
        metric: Metric::Dotproduct,
        deployment: Deployment::Serverless { cloud, region }.into(),
        deletion_protection: true,
        ..pod()
    }
}

pub fn record(n: u8) -> Record {
    let metadata = serde_json::json!({ "n": n, "kind": "old" });
    Record {
        id: format!("pod-{n}").into(),
        vectors: Vectors::plain(Vector::from_values([1.0, f32::from(n), 2.0]), None),
        metadata: serde_json::from_value::<Metadata>(metadata).unwrap(),
    }
}

/// Writes the files that `imports.py` imports: one folder for each namespace, and one import with a record of a wrong
/// dimension.
pub fn write_imports(folder: &Path) {
    let row = |n: u16, values: &[f32]| (format!("row-{n}"), values.to_vec());
    let rows = |count: u16| (0..count).map(|n| row(n, &[f32::from(n), 1.0, 0.5])).collect();
    write(&folder.join("import/one"), rows(20));
    write(&folder.join("import/two"), rows(10));
    let mixed = vec![row(0, &[1.0, 2.0, 3.0]), row(1, &[1.0, 2.0])];
    write(&folder.join("import-with-a-wrong-record/ns"), mixed);
}

/// Writes a file in Pinecone's import layout: columns `id`, `values`, `metadata` (JSON text).
fn write(folder: &Path, rows: Vec<(String, Vec<f32>)>) {
    let (mut ids, mut metadata) = (StringBuilder::new(), StringBuilder::new());
    let mut values = ListBuilder::new(Float32Builder::new());
    for (n, (id, row)) in rows.into_iter().enumerate() {
        ids.append_value(id);
        values.append_value(row.into_iter().map(Some));
        metadata.append_value(format!(r#"{{"n":{n},"tags":["a","b"]}}"#));
    }
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(ids.finish()) as ArrayRef),
        ("values", Arc::new(values.finish()) as ArrayRef),
        ("metadata", Arc::new(metadata.finish()) as ArrayRef),
    ])
    .unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let file = File::create(folder.join("0.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Writes a plan given as text to `folder` and reads it; a mistake in it fails the test.
pub fn plan_of(folder: &Path, text: &str) -> Plan {
    let path = folder.join("plan.yaml");
    std::fs::write(&path, text).unwrap();
    match language().read(&path, &Inputs::default()) {
        Ok(read) => read.plan,
        Err(diagnostics) => panic!("{}", diagnostics.render(plan::Colour::Never)),
    }
}
