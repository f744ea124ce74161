//! `emulate` as a process: what fills it, what it keeps, how it begins and ends.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use vecshift::model::{Metadata, Namespace, Record, SparseVector, Vector, VectorField, Vectors};
use vecshift::provider::parquet::RecordWriter;

use crate::cli_rig::{Cli, Emulated};

fn record(id: &str, values: &[f32]) -> Record {
    let metadata = json!({ "kind": "seed", "n": 1 });
    Record {
        id: id.into(),
        vectors: Vectors::plain(Vector::from_values(values.iter().copied()), None),
        metadata: serde_json::from_value::<Metadata>(metadata).unwrap(),
    }
}

/// Writes a file of records, in their namespaces.
fn write(cli: &Cli, name: &str, records: &[(&str, Record)]) {
    let mut writer = RecordWriter::create(cli.path(name), &VectorField::plain()).unwrap();
    for (namespace, record) in records {
        writer.append(&Namespace::new(*namespace), std::slice::from_ref(record)).unwrap();
    }
    writer.finish().unwrap();
}

struct Client(reqwest::Client);

impl Client {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self(reqwest::Client::builder().no_proxy().build().unwrap())
    }

    async fn post(&self, host: &str, path: &str, body: Value) -> reqwest::Result<Value> {
        let request = self.0.post(format!("{host}{path}")).header("Api-Key", "k").json(&body);
        request.send().await?.error_for_status()?.json().await
    }

    async fn counts(&self, host: &str) -> Value {
        let stats = self.post(host, "/describe_index_stats", json!({})).await.unwrap();
        stats["namespaces"].clone()
    }
}

/// Returns the address of an index's own listener.
fn host(emulated: &Emulated, index: &str) -> String {
    let indexes = emulated.ready["indexes"].as_array().unwrap();
    let found = indexes.iter().find(|one| one["name"] == index);
    found.unwrap_or_else(|| panic!("{}", emulated.ready))["host"].as_str().unwrap().to_owned()
}

fn two_files(cli: &Cli) {
    let (one, other) = (record("a", &[1.0, 2.0, 3.0]), record("b", &[3.0, 2.0, 1.0]));
    write(cli, "one.parquet", &[("", one.clone()), ("shelf", one), ("shelf", other.clone())]);
    write(cli, "other.parquet", &[("late", other)]);
}

#[tokio::test]
async fn seeds_fill_their_indexes_before_it_is_ready() {
    let cli = Cli::new();
    two_files(&cli);
    let emulated = Emulated::serve(
        &cli,
        &[
            &["--index", "articles=3:cosine", "--index", "empty=8:euclidean"][..],
            &["--seed", "articles=one.parquet", "--seed", "articles=other.parquet"],
        ]
        .concat(),
    );
    assert_eq!(emulated.ready["records"], 4, "{}", emulated.ready);
    let client = Client::new();
    let articles = host(&emulated, "articles");
    let counts = client.counts(&articles).await;
    let expected = json!({"__default__": {"vectorCount": 1}, "shelf": {"vectorCount": 2},
        "late": {"vectorCount": 1}});
    assert_eq!(counts, expected);
    let query =
        json!({"namespace": "shelf", "topK": 1, "vector": [1, 2, 3], "includeMetadata": true});
    let found = client.post(&articles, "/query", query).await.unwrap();
    assert_eq!(found["matches"][0]["id"], "a");
    assert_eq!(found["matches"][0]["metadata"], json!({"kind": "seed", "n": 1.0}));
    assert_eq!(client.counts(&host(&emulated, "empty")).await, json!({}));
    assert_eq!(emulated.end(), Some(0));
}

#[test]
fn what_is_wrong_with_seeds_is_said_by_name() {
    let cli = Cli::with_plans();
    two_files(&cli);
    let sparse = SparseVector::new(vec![1], Vector::from_values([1.0])).unwrap();
    let dense = Vector::from_values([1.0, 2.0, 3.0]);
    let hybrid = Record { vectors: Vectors::plain(dense, Some(sparse)), ..record("h", &[1.0]) };
    write(&cli, "hybrid.parquet", &[("", hybrid)]);
    cli.write("text.parquet", "no records");
    let (index, seed) = ("--index", "--seed");
    let a = "a=3:cosine";
    for (arguments, code, parts) in [
        (&[seed, "one.parquet"][..], 64, &["one.parquet", "add --index"][..]),
        (&[index, a, seed, "absent.parquet"], 3, &["absent.parquet"]),
        (&[index, a, seed, "text.parquet"], 3, &["text.parquet"]),
        (
            &[index, "a=4:cosine", seed, "one.parquet"],
            3,
            &["one.parquet", "3 components", "a has 4"],
        ),
        (&[index, a, seed, "hybrid.parquet"], 3, &["hybrid.parquet", "sparse values", "cosine"]),
        (&[index, a, seed, "one.parquet", seed, "one.parquet"], 3, &["id a is twice"]),
        (&[index, "a=3:cosinus"], 64, &["`cosinus`", "dotproduct"]),
        (&[index, "a=0:cosine"], 3, &["dimension must be 1 to 20000"]),
        (&[index, "A_1=3:cosine"], 3, &["'A_1'"]),
        (&[index, a, index, "a=4:cosine"], 64, &["two --index", "`a`"]),
        (&[index, a, index, "b=3:cosine", seed, "one.parquet"], 64, &["NAME=one.parquet", "a, b"]),
        (&[index, a, seed, "b=one.parquet"], 64, &["no --index is named `b`"]),
        (
            &["--world", "plans/quickstart.yaml", index, "packages-pod=3:cosine"],
            64,
            &["--world", "`packages-pod`"],
        ),
    ] {
        let said = cli.run(&[&["emulate", "--listen", "127.0.0.1:0"], arguments].concat());
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        for part in parts {
            assert!(said.err.contains(part), "{arguments:?}: {said:?}");
        }
        assert_eq!(said.out, "", "{arguments:?}");
    }
}

#[test]
fn a_port_that_is_taken_ends_it_at_once() {
    let cli = Cli::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = cli.run(&["emulate", "--listen", &address, "--persist", "kept"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
    assert!(said.err.contains(&format!("cannot listen on {address}")), "{said:?}");
    assert!(said.err.contains("--listen 127.0.0.1:0"), "{said:?}");
    assert!(!cli.path("kept").exists());
}

#[tokio::test]
async fn the_same_command_goes_on_with_what_was_kept() {
    let cli = Cli::new();
    two_files(&cli);
    let arguments = ["--persist", "kept", "--index", "articles=3:cosine", "--seed", "one.parquet"];
    let client = Client::new();
    let first = Emulated::serve(&cli, &arguments);
    assert_eq!(first.ready["records"], 3);
    let deletion = json!({"namespace": "shelf", "ids": ["a"]});
    client.post(&host(&first, "articles"), "/vectors/delete", deletion).await.unwrap();

    let usual = ["emulate", "--listen", "127.0.0.1:0"];
    let said = cli.run(&[&usual[..], &arguments].concat());
    assert_eq!(said.code, 9, "{said:?}");
    assert!(said.err.contains("another emulator has the folder kept"), "{said:?}");
    assert_eq!(first.end(), Some(0));

    // What was deleted does not come back from the seed.
    let second = Emulated::serve(&cli, &arguments);
    assert_eq!(second.ready["records"], 2, "{}", second.ready);
    assert_eq!(second.end(), Some(0));
    let said =
        cli.run(&[&usual[..], &["--persist", "kept", "--index", "articles=4:cosine"]].concat());
    assert_eq!(said.code, 8, "{said:?}");
    assert!(said.err.contains("articles that was kept has 3 dimensions"), "{said:?}");
}

/// Requests are under way when the process is killed: what was answered is there, the rest may be.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_kill_is_there_afterwards() {
    const WRITERS: usize = 4;
    let cli = Cli::new();
    let arguments = ["--persist", "kept", "--index", "a=3:cosine", "--no-rate-limits"];
    let mut emulated = Emulated::serve(&cli, &arguments);
    let address = host(&emulated, "a");
    let answered = AtomicUsize::new(0);
    let (sender, mut enough) = tokio::sync::mpsc::channel(1);
    let write = |writer: usize| {
        let (address, answered, sender) = (&address, &answered, sender.clone());
        async move {
            let client = Client::new();
            for n in 0.. {
                let id = format!("{writer}-{n}");
                let body = json!({"vectors": [{"id": id, "values": [1, 2, 3]}]});
                if client.post(address, "/vectors/upsert", body).await.is_err() {
                    return n;
                }
                if answered.fetch_add(1, Ordering::SeqCst) == 60 {
                    let _ = sender.try_send(());
                }
            }
            unreachable!()
        }
    };
    let writers = futures::future::join_all((0..WRITERS).map(write));
    let killed = async {
        enough.recv().await;
        emulated.child.kill().unwrap();
    };
    let (acknowledged, ()) = tokio::join!(writers, killed);
    emulated.child.wait().unwrap();
    // And the last change is one that was not finished.
    let ledger = cli.path("kept/emulator.ledger");
    let bytes = std::fs::read(&ledger).unwrap();
    std::fs::write(&ledger, [&bytes[..], &bytes[20..25]].concat()).unwrap();

    let emulated = Emulated::serve(&cli, &arguments);
    let address = host(&emulated, "a");
    let client = Client::new();
    for (writer, count) in acknowledged.into_iter().enumerate() {
        let ids: Vec<_> = (0..count).map(|n| format!("ids={writer}-{n}")).collect();
        for ids in ids.chunks(100) {
            let url = format!("{address}/vectors/fetch?{}", ids.join("&"));
            let answer = client.0.get(url).header("Api-Key", "k").send().await.unwrap();
            let found: Value = answer.json().await.unwrap();
            assert_eq!(found["vectors"].as_object().unwrap().len(), ids.len(), "{found}");
        }
    }
}
