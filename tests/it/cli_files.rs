//! Files as a source, by the built binary: everything that needs no network.

use vecshift::model::{
    FieldName, Metadata, Namespace, Record, RecordId, Value, Vector, VectorField, Vectors,
};
use vecshift::provider::parquet::RecordWriter;

use crate::cli_rig::Cli;

const PLAN: &str = r#"version: 1
name: shelf
source: { provider: parquet, index: shelf }
target: { provider: pinecone, index: new }
stages:
  - kind: audit
    assert: [source.records == 3, source.rejects == 1, source.dimension == 2]
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 2, metric: cosine }
  - { kind: copy, assert: [copy.complete == true] }
"#;

/// Writes three records, one with a component more than the plan's index has.
fn shelf(cli: &Cli) {
    let mut writer =
        RecordWriter::create(cli.path("shelf/all.parquet"), &VectorField::plain()).unwrap();
    for (id, values) in [("a", vec![1.0, 0.5]), ("b", vec![0.5, 1.0]), ("c", vec![1.0, 2.0, 3.0])] {
        let record = Record {
            id: RecordId::from(id),
            vectors: Vectors::plain(Vector::from_values(values), None),
            metadata: Metadata::default(),
        };
        writer.append(&Namespace::new("n"), &[record]).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn an_audit_of_files_needs_neither_key_nor_network_and_knows_the_planned_dimension() {
    let cli = Cli::new();
    cli.write("shelf.yaml", PLAN);
    shelf(&cli);
    let said = cli.run(&["audit", "shelf.yaml"]);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    let text = format!("{}{}", said.out, said.err);
    assert!(text.contains("the target would refuse 1 record (dimension): `c` in `n`"), "{text}");
    assert!(text.contains("the source is 1 file: "), "{text}");
    let plan = cli.run(&["plan", "shelf.yaml"]);
    assert_ne!(plan.code, 0, "a plan looks at both sides");
    assert!(plan.err.contains("PINECONE_API_KEY"), "{}", plan.err);
}

/// Names that somebody else gave move no cursor, set no title, hide nothing and begin no line of a log.
#[test]
fn no_name_of_the_data_is_acted_on_by_a_terminal() {
    let hostile = [
        "a\u{1b}[2Jb",
        "n\u{1b}]0;own\u{7}s",
        "c\r\u{9b}8m",
        "\u{202e}gpj",
        "x\n::error::y",
        "é##[error]y",
        "\0",
    ];
    let acts = |text: &str| {
        text.contains(['\u{1b}', '\u{7}', '\r', '\u{9b}', '\u{202e}', '\0'])
            || text.lines().any(|line| line.trim_start().starts_with("::"))
            || text.contains("##[")
    };
    let cli = Cli::new();
    cli.write("shelf.yaml", PLAN);
    let write = |times: usize, namespace: fn(&str) -> Namespace| {
        let path = cli.path("shelf/all.parquet");
        let mut writer = RecordWriter::create(path, &VectorField::plain()).unwrap();
        for name in hostile {
            let record = Record {
                id: RecordId::from(name),
                vectors: Vectors::plain(Vector::from_values(vec![1.0, 2.0]), None),
                metadata: Metadata(
                    [(FieldName::from(name), Value::Text(name.into()))].into_iter().collect(),
                ),
            };
            for _ in 0..times {
                writer.append(&namespace(name), std::slice::from_ref(&record)).unwrap();
            }
        }
        writer.finish().unwrap();
    };
    let (plain, own) = (|_: &str| Namespace::new("n"), |name: &str| Namespace::new(name));
    // Records that are refused, ids that are there twice, and namespaces that the target cannot have.
    type Spaces = fn(&str) -> Namespace;
    let cases: [(usize, Spaces, &str); 3] = [
        (1, plain, "the target would refuse "),
        (2, plain, "twice"),
        (1, own, "cannot keep their names"),
    ];
    for (times, namespace, said) in cases {
        write(times, namespace);
        let audit = cli.run(&["audit", "shelf.yaml"]);
        let text = format!("{}{}", audit.out, audit.err);
        assert!(text.contains(said), "{text}");
        assert!(!acts(&text), "{text:?}");
        let audit = cli.run(&["audit", "shelf.yaml", "--json"]);
        assert!(!acts(&audit.out), "{}", audit.out);
        serde_json::from_str::<serde_json::Value>(&audit.out).unwrap();
    }
}
