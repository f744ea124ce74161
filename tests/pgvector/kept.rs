//! What a table makes of what it is given, and what is known by that.

use std::path::Path;
use std::process::Stdio;

use vecshift::ErrorKind;
use vecshift::model::{Namespace, Record, RecordId, Value, Vector, VectorName, Vectors};
use vecshift::provider::pgvector::{Row, Settings, Table};
use vecshift::store::calls::Calls;
use vecshift::store::{Opened, Rule, Store};

use crate::server::{self, Database};

async fn table(db: &Database, name: &str) -> std::sync::Arc<dyn Store> {
    let table = Table::new(db.address(), Settings::default(), name, Row::default()).unwrap();
    let table = table.through(Calls::bare());
    table.describe().await.unwrap().unwrap();
    table
}

fn record(fields: &[(&str, Value)]) -> Record {
    let mut vectors = Vectors::default();
    vectors.put(VectorName::only("embedding"), Vector::from_values([0.5, -0.0]));
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let metadata = vecshift::model::Metadata(fields.collect());
    Record { id: RecordId::new("a"), vectors, metadata }
}

/// Whatever a table changes in a value that it takes, it says beforehand.
#[tokio::test]
async fn a_record_comes_back_as_it_was_said() {
    let db = server::database().await;
    db.run(
        "create table k (id text primary key, embedding vector(2) not null, at timestamptz,
           price numeric, score double precision, metadata jsonb)",
    )
    .await;
    let (table, n) = (table(&db, "public.k").await, Namespace::new(""));
    let (write, fetch) = (table.must_write().unwrap(), table.must_fetch().unwrap());
    let time = |text: &str| Value::Time(text.into());
    for (field, value, is_changed) in [
        ("at", time("2026-01-01T01:00:00.250+01:00"), true),
        ("at", time("2026-01-01T00:00:00.000001Z"), false),
        ("price", Value::F64(-0.0), true),
        ("price", Value::Decimal("1.10".into()), false),
        ("score", Value::F64(-0.0), false),
        ("other", Value::List(vec![Value::F64(-0.0), Value::F64(0.1)]), true),
        (
            "other",
            Value::Map([(vecshift::model::FieldName::from("m"), Value::F64(-0.0))].into()),
            true,
        ),
        ("other", Value::Text("x".into()), false),
    ] {
        let given = record(&[(field, value.clone())]);
        let kept = write.kept(&given).into_owned();
        let is_same = |a: &Record, b: &Record| {
            let held = |one: &Record| one.metadata.get(field).cloned().unwrap_or(Value::Null);
            a.vectors == b.vectors && held(a).is_identical(&held(b))
        };
        assert_eq!(!is_same(&given, &kept), is_changed, "{field} {value:?}");
        assert_eq!(write.upsert(&n, std::slice::from_ref(&given)).await.unwrap().count, 1);
        let back = fetch.fetch(&n, std::slice::from_ref(&given.id)).await.unwrap();
        assert!(is_same(&back[0], &kept), "{field} {value:?}: {back:?}, not {kept:?}");
    }
    let finer = record(&[("at", time("2026-01-01T00:00:00.0000001Z"))]);
    assert_eq!(write.rejects(&Namespace::from(""), &finer, None).unwrap().rule, Rule::Rounding);
}

/// A view that another process holds is there until that process ends it, whatever is asked of this one.
#[tokio::test]
async fn a_view_that_somebody_else_holds_is_not_called_closed() {
    let db = server::database().await;
    db.run(
        "create table v (id text primary key, embedding vector(2) not null);
         insert into v select g::text, array[g, 1]::vector from generate_series(1, 5) g",
    )
    .await;
    let (holder, other) = (table(&db, "public.v").await, table(&db, "public.v").await);
    let (holder, other) = (holder.views().unwrap(), other.views().unwrap());
    let view = holder.open().await.unwrap();
    db.run("insert into v values ('new', '[1, 2]')").await;
    assert_eq!(other.count(&view).await.unwrap().total, 5);
    let error = other.close(&view).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Refused, "{error:?}");
    holder.renew(&view).await.unwrap();
    holder.close(&view).await.unwrap();
    // The server ends the session a moment after its connection.
    while other.close(&view).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(other.count(&view).await.unwrap_err().kind(), ErrorKind::ViewLost);
    other.close(&view).await.unwrap();
}

async fn run(folder: &Path, plan: &str, db: &Database) -> (bool, String) {
    let path = folder.join("plan.yaml");
    std::fs::write(&path, plan).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.args(["run", "plan.yaml"]).current_dir(folder);
    command.env("DATABASE_URL", db.url()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Halves that a copy rounded to are what it would write again; those of others are not, though a tolerance of a
/// verification lets them pass.
#[tokio::test]
async fn what_a_column_rounds_to_is_a_copys_own() {
    let db = server::database().await;
    db.run(
        "create table a (id text primary key, embedding vector(3) not null);
         insert into a select g::text, array[g / 7.0, 1 / 3.0, -g / 11.0]::vector from generate_series(1, 20) g",
    )
    .await;
    let plan = |name: &str, create: &str, copy: &str| {
        format!(
            "version: 1
name: {name}
source: {{ provider: pgvector, index: a }}
target: {{ provider: pgvector, index: b }}
stages:
{create}  - kind: copy{copy}
    assert: [copy.complete == true, copy.failed == 0]
  - kind: verify
    tolerance: 0.5
    assert: [missing == 0, mismatched == 0]
"
        )
    };
    let create = "  - kind: create
    spec: { dimension: 3, metric: cosine, element: f16, rounding: accept }
";
    let folder = tempfile::tempdir().unwrap();
    let (succeeds, said) = run(folder.path(), &plan("first", create, ""), &db).await;
    assert!(succeeds, "{said}");
    let (succeeds, said) = run(folder.path(), &plan("again", "", ""), &db).await;
    assert!(succeeds, "{said}");
    db.run("update b set embedding = (embedding::vector + '[0.01,0,0]'::vector)::halfvec where id = '7'").await;
    let (succeeds, said) = run(folder.path(), &plan("third", "", ""), &db).await;
    let sentence = "the target holds 1 id that the copy would write, with something else";
    assert!(!succeeds && said.contains(sentence), "{said}");
    let before = db.text("select embedding::text from b where id = '7'").await;
    let skip = "\n    existing: skip";
    let (succeeds, said) = run(folder.path(), &plan("fourth", "", skip), &db).await;
    assert!(succeeds && said.contains("1 left as the target had them"), "{said}");
    assert_eq!(db.text("select embedding::text from b where id = '7'").await, before);
}
