//! Files with the columns of another system: mapped, refused with the mapping that takes them, or ignored by name; and
//! records that the audit and the copy refuse by the same rules.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::RunState;
use vecshift::model::{Namespace, RecordId, Value};
use vecshift::run::{Outcome, Silent, preview};

use crate::rig::Rig;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn vectors(rows: &[Option<&[f32]>]) -> ArrayRef {
    let mut vectors = ListBuilder::new(Float32Builder::new());
    for row in rows {
        vectors.append_option(row.map(|row| row.iter().copied().map(Some).collect::<Vec<_>>()));
    }
    Arc::new(vectors.finish())
}

/// Writes two files of a system with names of its own, and what lies beside them.
fn shop(root: &Path) {
    let rows: [Option<&[f32]>; 2] = [Some(&[1.0, 0.5, 0.0, 2.0]), Some(&[0.0, 0.0, 1.0, 0.25])];
    for year in ["2025", "2026"] {
        let keys = [format!("{year}-1"), format!("{year}-2")];
        let columns = vec![
            ("key", texts(&[&keys[0], &keys[1]])),
            ("embedding", vectors(&rows)),
            ("title", texts(&["one", "two"])),
            ("stock", Arc::new(Int64Array::from(vec![Some(7), None])) as ArrayRef),
        ];
        write(&root.join(format!("year={year}/part-0.snappy.parquet")), columns);
    }
    std::fs::write(root.join("_SUCCESS"), "").unwrap();
    std::fs::write(root.join("notes.csv"), "id\n1\n").unwrap();
}

fn plan(source: &Path, columns: &str, stages: &str) -> String {
    format!(
        r#"
version: 1
name: shop
source: {{ provider: parquet, index: "{}"{columns} }}
target: {{ provider: pinecone, index: new }}
stages:
{stages}
"#,
        source.display()
    )
}

const WHOLE: &str = r#"
  - { kind: audit, assert: [source.rejects == 0] }
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 4, metric: cosine }
  - { kind: copy, assert: [copy.failed == 0, copy.complete == true] }
  - { kind: verify, assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_mapping_that_a_refusal_holds_takes_the_files() {
    let folder = tempfile::tempdir().unwrap();
    shop(folder.path());
    let rig = Rig::empty_of_text(&plan(folder.path(), "", WHOLE)).await;
    let outcome = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
    let error = match outcome {
        Err(error) | Ok(Outcome::Erred { error, .. }) => error,
        Ok(other) => panic!("{other:?}"),
    };
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("there is no column `id`"), "{error}");
    let hint = error.hint().unwrap().to_owned();
    let mapping = hint.split_once("source: { ").unwrap().1.split_once(" }`").unwrap().0;
    let expected = "columns: { id: key, values: embedding, metadata: [title, stock, year] }";
    assert_eq!(mapping, expected);

    let rig = Rig::empty_of_text(&plan(folder.path(), &format!(", {mapping}"), WHOLE)).await;
    let seen = preview(&rig.plan, &rig.world(), &RunState::default(), &rig.options()).await;
    let seen = seen.unwrap();
    let notes = seen.notes.join("\n");
    assert!(notes.contains("1 file is not read (hidden): _SUCCESS"), "{notes}");
    assert!(notes.contains("1 file is not read (not Parquet): notes.csv"), "{notes}");
    assert_eq!(
        seen.source.inventory.map(|inventory| (inventory.files, inventory.rows)),
        Some((2, 4))
    );
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let notes = rig.state().stages[0].notes.join("\n");
    assert!(notes.contains("the source is 2 files: ") && notes.contains("4 rows"), "{notes}");
    assert!(notes.contains("notes.csv"), "{notes}");
    let target = rig.world().target;
    target.describe().await.unwrap();
    let found = target
        .must_fetch()
        .unwrap()
        .fetch(&Namespace::new(""), &[RecordId::new("2026-1")])
        .await
        .unwrap();
    let field = |name: &str| found[0].metadata.get(name).cloned();
    assert_eq!(field("title"), Some(Value::Text("one".into())));
    assert_eq!(field("stock"), Some(Value::F64(7.0)));
    assert_eq!(field("year"), Some(Value::Text("2026".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_an_audit_says_it_when_the_copy_begins() {
    let folder = tempfile::tempdir().unwrap();
    shop(folder.path());
    let columns = ", columns: { id: key, values: embedding, namespace: year, metadata: others, ignore: [stock] }";
    let stages = WHOLE.replace("  - { kind: audit, assert: [source.rejects == 0] }\n", "");
    let rig = Rig::empty_of_text(&plan(folder.path(), columns, &stages)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let notes = rig.state().stages[1].notes.join("\n");
    assert!(notes.contains("1 column is not read (in `columns.ignore`): stock"), "{notes}");
    let target = rig.world().target;
    target.describe().await.unwrap();
    let counts = target.stats().await.unwrap().namespaces;
    let counts: Vec<_> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(counts, [("2025", 2), ("2026", 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_and_the_copy_refuse_the_same_records_by_the_same_rules() {
    let folder = tempfile::tempdir().unwrap();
    let good: Option<&[f32]> = Some(&[1.0, 0.5, 0.25, 0.0]);
    let long = "x".repeat(600);
    let (zeros, five): (&[f32], &[f32]) = (&[0.0, -0.0, 0.0, 0.0], &[1.0, 2.0, 3.0, 4.0, 5.0]);
    let rows: [(&str, Option<&[f32]>, &str); 8] = [
        ("fine", good, r#"{"n":1,"list":["a"]}"#),
        ("zeros", Some(zeros), "{}"),
        ("five", Some(five), "{}"),
        ("nothing", None, "{}"),
        ("null", good, r#"{"n":null}"#),
        ("digits", good, r#"{"n":9007199254740993}"#),
        (&long, good, "{}"),
        ("also fine", good, ""),
    ];
    let columns = vec![
        ("id", texts(&rows.map(|row| row.0))),
        ("values", vectors(&rows.map(|row| row.1))),
        ("metadata", texts(&rows.map(|row| row.2))),
    ];
    write(&folder.path().join("all.pq"), columns);
    let stages = r#"
  - { kind: audit, assert: [source.rejects == 6] }
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 4, metric: cosine }
  - { kind: copy, assert: [copy.failed == 6, copy.complete == true] }
"#;
    let rig = Rig::empty_of_text(&plan(folder.path(), "", stages)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let state = rig.state();
    let artifact = |stage: usize, ending: &str| {
        let mut artifacts = state.stages[stage].artifacts.iter().map(|artifact| &artifact.path);
        let path = artifacts.find(|path| path.ends_with(ending)).unwrap();
        std::fs::read_to_string(path).unwrap()
    };
    let of = |one: &serde_json::Value| {
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        (text("id"), text("rule"), text("reason"))
    };
    let audit: serde_json::Value = serde_json::from_str(&artifact(0, "audit.json")).unwrap();
    let mut audited: Vec<_> = audit["rejects"].as_array().unwrap().iter().map(of).collect();
    let letters = artifact(2, "dead-letters.jsonl");
    let lines = letters.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut copied: Vec<_> = lines.map(|line| of(&line)).collect();
    audited.sort();
    copied.sort();
    assert_eq!(audited, copied);
    let rules: Vec<_> = copied.iter().map(|(id, rule, _)| (id.as_str(), rule.as_str())).collect();
    let expected = [
        ("digits", "long_number"),
        ("five", "dimension"),
        ("nothing", "no_vector"),
        ("null", "null_value"),
        (&*long, "id"),
        ("zeros", "zero_vector"),
    ];
    assert_eq!(rules, expected);
    for rule in ["long_number", "null_value"] {
        assert_eq!(audit["rejects_by_rule"][rule]["records"], 1);
    }
    let notes = [&state.stages[0], &state.stages[2]].map(|stage| stage.notes.join("\n"));
    for (notes, says) in notes.iter().zip(["the target would refuse", "not copied:"]) {
        let zeros = format!("{says} 1 record (only zeros): `zeros` in `__default__`");
        assert!(notes.contains(&zeros), "{notes}");
    }
}

/// Each value that the target does not keep is refused by its own rule until the plan has a word for it.
#[tokio::test(flavor = "multi_thread")]
async fn each_loss_is_refused_by_name_until_the_plan_says_the_word() {
    let folder = tempfile::tempdir().unwrap();
    let vector: Option<&[f32]> = Some(&[1.0, 0.5, 0.25, 0.0]);
    let rows = [
        ("null_value", r#"{"x":null}"#),
        ("nested_value", r#"{"x":{"y":{"z":"deep"}}}"#),
        ("list_value", r#"{"x":["a",1]}"#),
        ("long_number", r#"{"x":9007199254740993}"#),
    ];
    let columns = vec![
        ("id", texts(&rows.map(|row| row.0))),
        ("values", vectors(&rows.map(|_| vector))),
        ("metadata", texts(&rows.map(|row| row.1))),
    ];
    write(&folder.path().join("all.pq"), columns);
    let stages = |words: &str, refused: u32| {
        format!(
            r#"
  - {{ kind: audit, assert: [source.rejects == {refused}] }}
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 4, metric: cosine }}
  - {{ kind: copy, {words} assert: [copy.failed == {refused}, copy.complete == true] }}
  - {{ kind: verify, assert: [missing == {refused}, mismatched == 0] }}
"#
        )
    };
    let rig = Rig::empty_of_text(&plan(folder.path(), "", &stages("", 4))).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let notes = rig.state().stages[0].notes.join("\n");
    for (rule, word) in [
        ("null", "nulls: drop"),
        ("nested value", "flatten"),
        ("list", "lists: json_text"),
        ("long number", "numbers: text"),
    ] {
        let refused = format!("the target would refuse 1 record ({rule})");
        assert!(notes.contains(&refused) && notes.contains(word), "{rule}: {notes}");
    }
    let words = "metadata: { nulls: drop, nested: flatten, lists: json_text, numbers: text },";
    let rig = Rig::empty_of_text(&plan(folder.path(), "", &stages(words, 0))).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let target = rig.world().target;
    target.describe().await.unwrap();
    let ids: Vec<RecordId> = rows.map(|row| RecordId::new(row.0)).to_vec();
    let found = target.fetch().unwrap().fetch(&Namespace::new(""), &ids).await.unwrap();
    let mut fields: Vec<_> = found.iter().map(|one| serde_json::json!(one.metadata)).collect();
    fields.sort_by_key(|one| one.to_string());
    assert_eq!(
        fields,
        [
            serde_json::json!({ "x": "9007199254740993" }),
            serde_json::json!({ "x": r#"["a",1]"# }),
            serde_json::json!({ "x.y.z": "deep" }),
            serde_json::json!({}),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_parquet_file_says_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "id\n1\n").unwrap();
    let rig = Rig::empty_of_text(&plan(folder.path(), "", WHOLE)).await;
    let outcome = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
    let error = match outcome {
        Err(error) | Ok(Outcome::Erred { error, .. }) => error,
        Ok(other) => panic!("{other:?}"),
    };
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(
        error
            .to_string()
            .contains("holds no Parquet file; 1 file is not read (not Parquet): a.csv"),
        "{error}"
    );
}
