//! Parquet files as a source: streamed or imported into an index, and compared with it record by record.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::{Entry, Event, Route, RunState};
use vecshift::model::{
    Cursor, Metadata, Namespace, Record, RecordId, SparseVector, StageId, Vector, VectorField,
    VectorName, Vectors,
};
use vecshift::provider::parquet::RecordWriter;
use vecshift::run::{Outcome, RunOptions, Silent, preview};

use crate::rig::Rig;

fn record(number: usize, of: usize) -> Record {
    let metadata: Metadata =
        serde_json::from_value(serde_json::json!({ "number": number, "of": of })).unwrap();
    let values = Vector::from_values([number as f32, 0.5]);
    Record {
        id: RecordId::new(format!("id {number}/{of}")),
        vectors: Vectors::plain(
            Vector::from_values([1.0, number as f32, of as f32 * 0.1, -0.0]),
            number.is_multiple_of(3).then(|| SparseVector::new(vec![1, 9], values).unwrap()),
        ),
        metadata,
    }
}

/// Writes one file with namespaces in its rows, in no order, and more rows than a row reader takes at once.
fn mixed(root: &Path) {
    let mut writer = RecordWriter::create(root.join("all.parquet"), &VectorField::plain()).unwrap();
    for number in (0..1_500).rev() {
        let namespace = Namespace::new(["one", "two", ""][number % 3]);
        writer.append(&namespace, &[record(number, number % 3)]).unwrap();
    }
    writer.finish().unwrap();
}

/// Writes files as Pinecone imports them: the folder is the namespace, and the rows have none.
fn folders(root: &Path) {
    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    for (folder, count) in [("red", 300), ("blue/deep", 40), ("__default__", 5)] {
        let path = root.join(folder).join("0.parquet");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let records: Vec<Record> = (0..count).map(|number| record(number, 7)).collect();
        // The program's own output, without the column of the namespaces.
        let whole = root.join("whole.parquet");
        let mut writer = RecordWriter::create(&whole, &VectorField::plain()).unwrap();
        writer.append(&Namespace::new("elsewhere"), &records).unwrap();
        writer.finish().unwrap();
        let file = std::fs::File::open(&whole).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
        let batches: Vec<RecordBatch> =
            reader.unwrap().build().unwrap().map(Result::unwrap).collect();
        let without = |batch: &RecordBatch| {
            let columns: Vec<(String, ArrayRef)> = batch
                .schema()
                .fields()
                .iter()
                .zip(batch.columns())
                .filter(|(field, _)| field.name() != "namespace")
                .map(|(field, column)| (field.name().clone(), column.clone()))
                .collect();
            assert!(columns.iter().any(|(_, column)| column.as_any().is::<StringArray>()));
            RecordBatch::try_from_iter_with_nullable(
                columns.into_iter().map(|(name, column)| (name, column, true)),
            )
            .unwrap()
        };
        let parts: Vec<RecordBatch> = batches.iter().map(without).collect();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(file, parts[0].schema(), None).unwrap();
        parts.iter().for_each(|part| writer.write(part).unwrap());
        writer.close().unwrap();
        std::fs::remove_file(&whole).unwrap();
    }
    std::fs::write(root.join("red/_SUCCESS"), "").unwrap();
}

fn plan(source: &Path, copy: &str) -> String {
    format!(
        r#"
version: 1
name: files
source: {{ provider: parquet, index: "{}" }}
target: {{ provider: pinecone, index: new }}
stages:
  - {{ kind: audit, sample: 50 }}
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 4, metric: dotproduct }}
  - kind: copy
{copy}
    assert: [copy.failed == 0, copy.complete == true]
  - kind: verify
    queries: {{ count: 20 }}
    assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0, metadata_mismatched == 0]
"#,
        source.display()
    )
}

async fn moved(text: &str) -> Rig {
    let rig = Rig::empty_of_text(text).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    rig
}

async fn counts(rig: &Rig) -> Vec<(String, u64)> {
    let target = rig.world().target;
    target.describe().await.unwrap().unwrap();
    let counts = target.stats().await.unwrap().namespaces;
    counts.into_iter().map(|(name, count)| (name.explicit().to_owned(), count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_streamed_into_an_index_and_compared_with_it() {
    let folder = tempfile::tempdir().unwrap();
    mixed(folder.path());
    let rig =
        moved(&plan(folder.path(), "    namespaces: { rename: \"n_{{ namespace }}\" }")).await;
    assert_eq!(rig.state().route(&"copy".into()).unwrap().0, Route::Stream);
    let expected = [("n___default__", 500), ("n_one", 500), ("n_two", 500)];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counts(&rig).await, expected);
    let verify = rig.state().stages.into_iter().find(|stage| stage.id.as_str() == "verify");
    let notes = verify.unwrap().notes.join("\n");
    assert!(notes.contains("the source answers no queries"), "{notes}");
    assert!(notes.contains("compared 1,500 of 1,500 records: 1,500 equal"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_folders_are_imported_into_namespaces_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    folders(folder.path());
    let copy = "    strategy: import\n    import: { uri: \"s3://shelf/moves\" }";
    let rig = moved(&plan(folder.path(), copy)).await;
    assert_eq!(rig.state().route(&"copy".into()).unwrap().0, Route::Import);
    let expected = [("__default__", 5), ("blue", 40), ("red", 300)];
    assert_eq!(counts(&rig).await, expected.map(|(name, count)| (name.to_owned(), count)));
    assert_eq!(rig.emulator.counters().indexes["new"].imported, 345);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_alone_is_a_source_and_a_plan_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    mixed(folder.path());
    let mut other =
        RecordWriter::create(folder.path().join("other.parquet"), &VectorField::plain()).unwrap();
    other.append(&Namespace::new("other"), &[record(1, 1)]).unwrap();
    other.finish().unwrap();
    let text = plan(&folder.path().join("all.parquet"), "    namespaces: { select: [one] }");
    let rig = Rig::empty_of_text(&text).await;
    let world = rig.world();
    let seen = preview(&rig.plan, &world, &RunState::default(), &rig.options()).await.unwrap();
    assert_eq!(seen.source.records, Some(1_500));
    let deployment = seen.source.description.unwrap().spec.deployment.to_string();
    assert_eq!(deployment, "Parquet files");
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(counts(&rig).await, [("one".to_owned(), 500)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_files_are_reported_with_their_names() {
    let refused = async |root: &Path| {
        let rig = Rig::empty_of_text(&plan(root, "    strategy: stream")).await;
        let options = rig.options();
        let outcome = rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await;
        assert!(rig.emulator.indexes().is_empty());
        match outcome {
            Err(error) => error,
            Ok(Outcome::Erred { error, .. }) => error,
            Ok(other) => panic!("{other:?}"),
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let error = refused(folder.path()).await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("holds no Parquet file"), "{error}");

    mixed(folder.path());
    let mut again =
        RecordWriter::create(folder.path().join("again.parquet"), &VectorField::plain()).unwrap();
    again.append(&Namespace::new("two"), &[record(4, 1)]).unwrap();
    again.finish().unwrap();
    let error = refused(folder.path()).await.to_string();
    assert!(error.contains("`id 4/1` is twice in namespace `two`"), "{error}");
    assert!(error.contains("again.parquet, row 1 and all.parquet, row 1496"), "{error}");

    std::fs::write(folder.path().join("again.parquet"), "no parquet").unwrap();
    let error = refused(folder.path()).await.to_string();
    assert!(error.contains("again.parquet is not a Parquet file"), "{error}");
}

/// Writes one namespace of more records than a page holds, in an order that `place` gives.
fn long(root: &Path, place: impl Fn(usize) -> usize) {
    let mut writer = RecordWriter::create(root.join("all.parquet"), &VectorField::plain()).unwrap();
    for at in 0..2_500 {
        writer.append(&Namespace::new("n"), &[record(place(at), 1)]).unwrap();
    }
    writer.finish().unwrap();
}

/// A copy that was killed at a checkpoint on its way, and whose journal then says what `edit` makes of each event.
async fn killed(root: &Path, edit: impl Fn(&mut Value)) -> Rig {
    let rig = Rig::empty_of_text(&plan(root, "    strategy: stream")).await;
    let is_on_its_way = |event: &Event| matches!(event, Event::Checkpointed { checkpoint, .. } if matches!(checkpoint.cursor, Cursor::At(_)));
    rig.kill_at(rig.options(), is_on_its_way).await;
    let journal = rig.journal();
    let edited = std::fs::read_to_string(&journal).unwrap();
    let edited = edited.lines().map(|line| {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        edit(&mut entry);
        format!("{entry}\n")
    });
    let edited: String = edited.collect();
    std::fs::write(&journal, edited).unwrap();
    rig
}

/// Puts `value` wherever `key` is.
fn set(entry: &mut Value, key: &str, value: &Value) {
    match entry {
        Value::Object(fields) => {
            for (name, inside) in fields {
                if name == key { inside.clone_from(value) } else { set(inside, key, value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| set(item, key, value)),
        _ => {}
    }
}

fn notes(rig: &Rig) -> String {
    let stages = rig.state().stages.into_iter();
    stages.flat_map(|stage| stage.notes.clone()).collect::<Vec<_>>().join("\n")
}

const ANEW: &str = "is copied from its beginning again";

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_on_behind_the_row_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    long(folder.path(), |at| at * 7 % 2_500);
    let rig = killed(folder.path(), |_| {}).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(!notes(&rig).contains(ANEW), "{}", notes(&rig));
    assert_eq!(counts(&rig).await, [("n".to_owned(), 2_500)]);
    let planned = |entry: &&Entry| matches!(entry.event, Event::ShardPlanned { .. });
    assert_eq!(rig.entries().iter().filter(planned).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_an_earlier_version_kept_is_not_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    long(folder.path(), |at| at * 7 % 2_500);
    let rig = killed(folder.path(), |entry| {
        set(entry, "enumeration", &json!("list"));
        set(entry, "cursor", &json!({ "after": "id 700/1" }));
    })
    .await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(notes(&rig).contains(ANEW), "{}", notes(&rig));
    assert_eq!(counts(&rig).await, [("n".to_owned(), 2_500)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_changed_since_they_were_read_are_copied_from_their_beginning() {
    let folder = tempfile::tempdir().unwrap();
    long(folder.path(), |at| at);
    let rig = killed(folder.path(), |_| {}).await;
    long(folder.path(), |at| 2_499 - at);
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(notes(&rig).contains(ANEW), "{}", notes(&rig));
    assert_eq!(counts(&rig).await, [("n".to_owned(), 2_500)]);
}

/// Writes the same ids as [`long`] with other vectors.
fn rewritten(root: &Path) {
    let mut writer = RecordWriter::create(root.join("all.parquet"), &VectorField::plain()).unwrap();
    for at in 0..2_500 {
        let mut other = record(at, 1);
        other.vectors.put(VectorName::DENSE, Vector::from_values([at as f32, 1.0, 2.0, 3.0]));
        writer.append(&Namespace::new("n"), &[other]).unwrap();
    }
    writer.finish().unwrap();
}

/// A copy that leaves alone what the target holds, killed on its way; `held` was in its namespace of the target before.
async fn skipping(root: &Path, held: Vec<Record>) -> Rig {
    let copy = "    strategy: stream\n    existing: skip";
    let rig = Rig::empty_of_text(&plan(root, copy)).await;
    let until = RunOptions { until: Some(StageId::new("create")), ..rig.options() };
    rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    rig.emulator.insert("new", &Namespace::new("n"), held).unwrap();
    let is_on_its_way = |event: &Event| matches!(event, Event::Checkpointed { checkpoint, .. } if matches!(checkpoint.cursor, Cursor::At(_)));
    rig.kill_at(rig.options(), is_on_its_way).await;
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_wrote_itself_is_not_left_alone_when_it_is_copied_anew() {
    let folder = tempfile::tempdir().unwrap();
    long(folder.path(), |at| at);
    let rig = skipping(folder.path(), Vec::new()).await;
    rewritten(folder.path());
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(notes(&rig).contains(ANEW), "{}", notes(&rig));
    let copied = rig.state().stages.into_iter().find(|stage| stage.id.as_str() == "copy").unwrap();
    assert_eq!((copied.tally().copied, copied.tally().skipped), (2_500, 0));
    assert!(!notes(&rig).contains("left as the target had them"), "{}", notes(&rig));
    assert!(notes(&rig).contains("compared 2,500 of 2,500 records: 2,500 equal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_wrote_among_records_of_the_target_is_not_copied_anew() {
    let folder = tempfile::tempdir().unwrap();
    long(folder.path(), |at| at);
    let own = Record { vectors: record(9, 1).vectors, ..record(3, 1) };
    let rig = skipping(folder.path(), vec![own]).await;
    let before = std::fs::read(folder.path().join("all.parquet")).unwrap();
    rewritten(folder.path());
    let Outcome::Erred { error, .. } = rig.run().await else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.message().contains("could not be told from them"), "{error}");
    assert!(error.hint().unwrap().contains("roll back"), "{error:?}");

    std::fs::write(folder.path().join("all.parquet"), before).unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let copied = rig.state().stages.into_iter().find(|stage| stage.id.as_str() == "copy").unwrap();
    assert_eq!((copied.tally().copied, copied.tally().skipped), (2_499, 1));
}

/// What a copy says whose ids a manifest gives, and the folder that holds it.
fn by_manifest() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..2_500).map(|at| format!("n,{}\n", record(at, 1).id));
    let path = folder.path().join("ids.csv");
    std::fs::write(&path, format!("namespace,id\n{}", rows.collect::<String>())).unwrap();
    let asked = format!("{{ manifest: {{ file: \"{}\" }} }}", path.display());
    (folder, format!("    strategy: stream\n    enumerate: {asked}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_a_plan_gives_and_ids_that_the_target_holds_are_found_in_files() {
    let folder = tempfile::tempdir().unwrap();
    long(folder.path(), |at| at * 7 % 2_500);
    let (_ids, copy) = by_manifest();
    for (other, is_refused) in [(false, false), (true, true)] {
        let rig = Rig::empty_of_text(&plan(folder.path(), &copy)).await;
        let until = RunOptions { until: Some(StageId::new("create")), ..rig.options() };
        rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await.unwrap();
        let vectors = record(if other { 9 } else { 3 }, 1).vectors;
        let held = Record { vectors, ..record(3, 1) };
        rig.emulator.insert("new", &Namespace::new("n"), vec![held]).unwrap();
        match rig.run().await {
            Outcome::Done => assert!(!is_refused),
            Outcome::Erred { error, .. } => {
                assert!(is_refused, "{error}");
                let said = "the target holds 1 id that the copy would write";
                assert!(error.message().starts_with(said), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_twice_is_found_where_a_manifest_gives_the_ids() {
    let folder = tempfile::tempdir().unwrap();
    long(folder.path(), |at| at.min(2_498));
    let (_ids, copy) = by_manifest();
    let rig = Rig::empty_of_text(&plan(folder.path(), &copy)).await;
    let error = match rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await
    {
        Err(error) | Ok(Outcome::Erred { error, .. }) => error,
        Ok(other) => panic!("{other:?}"),
    };
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("`id 2498/1` is twice in namespace `n`"), "{error}");
}
