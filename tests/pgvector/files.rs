//! Tables whose records go through files: what an audit or a snapshot writes is, copied back, the same table.

use std::path::Path;
use std::process::Stdio;

use vecshift::model::{
    Metadata, Namespace, Record, RecordId, SparseVector, Vector, VectorField, Vectors,
};
use vecshift::provider::parquet::RecordWriter;

use crate::server::{self, Database};

/// Makes a table with vectors of every type, of which some rows lack one, and an empty one like it.
async fn tables(db: &Database) {
    db.run(
        "create schema library;
         create table library.books (id bigint primary key, title vector(8), body halfvec(4), words sparsevec(1000), flags bit(6), shelf text, pages int);
         insert into library.books select case when g % 50 = 7 then -g else g * 30000000000000000 end,
           case when g % 10 <> 0 then (select array_agg(((g * 31 + n * 7919) % 61) / 63.0 - n) from generate_series(1, 8) n)::vector end,
           case when g % 4 <> 1 then (select array_agg(((g * 17 + n * 104729) % 997) / 991.0) from generate_series(1, 4) n)::halfvec end,
           case when g % 3 = 0 then ('{' || g || ':0.5,1000:' || g || '}/1000')::sparsevec end,
           case when g % 2 = 0 then (g % 64)::bit(6) end,
           case when g % 5 <> 0 then 'shelf ' || g % 7 end, g
           from generate_series(1, 300) g;
         create table library.again (like library.books including all)",
    )
    .await;
}

const ROW: &str = "row: { vectors: [title, body, words, flags] }";

/// Runs a plan with these sides and stages for real, and checks that it ends well.
async fn run(db: &Database, folder: &Path, name: &str, sides: [&str; 2], stages: &str) {
    let [source, target] = sides;
    let plan = folder.join(format!("{name}.yaml"));
    let text = format!(
        "version: 1
name: {name}
source: {{ {source} }}
target: {{ {target} }}
stages:
{stages}"
    );
    std::fs::write(&plan, text).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.arg("run").arg(&plan).arg("--state").arg(folder.join("state"));
    command.env("DATABASE_URL", db.url()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn a_table_with_vectors_of_every_type_comes_back_from_files() {
    let db = server::database().await;
    tables(&db).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books/all.parquet");
    let table =
        format!("provider: pgvector, index: library.books, url: {{ env: DATABASE_URL }}, {ROW}");
    let audit = format!(
        "  - {{ kind: audit, sample: 300, export: {}, assert: [source.records == 300, source.rejects == 0] }}\n",
        file.display()
    );
    let again = table.replace("books", "again");
    run(&db, folder.path(), "out", [&table, &again], &audit).await;

    let files = format!("provider: parquet, index: {}", file.parent().unwrap().display());
    let back = "  - { kind: audit, assert: [source.records == 300, source.rejects == 0] }
  - { kind: copy, assert: [copy.failed == 0, copy.complete == true] }
  - { kind: verify, assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0, metadata_mismatched == 0, comparison == bits] }
";
    run(&db, folder.path(), "back", [&files, &again], back).await;
    let differ = "select count(*) from library.books a full join library.again b using (id) where a is distinct from b";
    assert_eq!(db.text(differ).await, "0");
    let counts = "select count(*) || ' ' || count(title) || ' ' || count(body) || ' ' || count(words) || ' ' || count(flags) from library.again";
    assert_eq!(db.text(counts).await, "300 270 225 100 150");
}

/// Files of an index of sparse vectors, with a column of dense ones that are none or without it, fill a table that has no
/// other vectors.
#[tokio::test]
async fn sparse_vectors_alone_become_a_table_of_them_alone() {
    let db = server::database().await;
    let target =
        "provider: pgvector, index: terms, url: { env: DATABASE_URL }, row: { vectors: [terms] }";
    let stages = "  - { kind: create, spec: { vectors: { terms: { dimension: 1000, vector_type: sparse, metric: dotproduct } } } }
  - { kind: copy, assert: [copy.failed == 0, copy.complete == true] }
  - { kind: verify, assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0] }
";
    for (name, fields) in
        [("with", &VectorField::plain()[..]), ("without", &VectorField::plain()[1..])]
    {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("files/all.parquet");
        let mut writer = RecordWriter::create(&file, fields).unwrap();
        let record = |at: u32| {
            let sparse = SparseVector::new(vec![at, 999], Vector::from_values([0.5, at as f32]));
            let vectors = Vectors::plain(Vector::NONE, sparse);
            Record { id: RecordId::from(format!("r{at}")), vectors, metadata: Metadata::default() }
        };
        let records: Vec<Record> = (1..=30).map(record).collect();
        writer.append(&Namespace::new(""), &records).unwrap();
        writer.finish().unwrap();
        let source = format!("provider: parquet, index: {}", file.parent().unwrap().display());
        run(&db, folder.path(), name, [&source, target], stages).await;
        assert_eq!(db.text("select count(terms) from terms").await, "30");
        db.run("drop table terms").await;
    }
}
