//! How fast a stage of copying runs, and that its memory does not grow with the index: `cargo bench --bench copy`.
//!
//! The emulator runs as a process of its own, so the peak memory printed here is that of the copier alone.
//! Linux only: the peak is read from `/proc/self/status`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and stops where it stands"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::clock::{Clock, Stopwatch};
use vecshift::journal::{Holder, Paths};
use vecshift::plan::Inputs;
use vecshift::provider::language;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Outcome, PreparedRun, RunOptions, Silent, World};

const DIMENSION: usize = 768;
const SIZES: [u64; 3] = [5_000, 20_000, 40_000];

fn plan(records: u64) -> String {
    format!(
        "version: 1\nname: bench-{records}\n\
         source: {{ provider: pinecone, index: from }}\n\
         target: {{ provider: pinecone, index: to }}\n\
         stages:\n\
         \x20 - {{ kind: create, spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: {DIMENSION} }} }}\n\
         \x20 - {{ kind: copy, assert: [copy.complete == true] }}\n\
         rehearsal:\n  source: {{ kind: serverless, records: {records}, namespaces: 8 }}\n"
    )
}

/// The emulator with the plan's world; its address is in the first line it prints.
fn emulate(plan: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vecshift"))
        .args(["emulate", "--listen", "127.0.0.1:0", "--api-key", "bench", "--world"])
        .arg(plan)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines.map(Result::unwrap).find_map(|line| {
        let at = line.find("http://")?;
        let end = line[at..]
            .find(|c: char| c.is_whitespace() || c == '"')
            .map_or(line.len(), |end| at + end);
        Some(line[at..end].to_owned())
    });
    (child, found.unwrap())
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    let kib: f64 =
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(f64::NAN);
    kib / 1024.0
}

#[tokio::main]
async fn main() {
    for records in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, plan(records)).unwrap();
        let Ok(read) = language().read(&path, &Inputs::default()) else {
            panic!("the plan does not read")
        };
        let (mut child, url) = emulate(&path);
        let world =
            World::open(&read.plan, &Environment::stand_in(url, Secret::new("bench"))).unwrap();
        let options = RunOptions::new(Holder::new("bench", "here", std::process::id()));
        let paths = Paths::new(folder.path(), &read.plan.name);
        let run = PreparedRun::new(
            read.plan,
            world,
            None,
            paths,
            Clock::system(),
            options,
            Arc::new(Silent),
        )
        .unwrap();
        let watch = Stopwatch::start();
        let outcome = run.execute(CancellationToken::new()).await.unwrap();
        let seconds = watch.elapsed().as_secs_f64();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
        println!(
            "{records:>6} records x {DIMENSION}: {seconds:>5.1} s, {:>7.0} records/s, {:>6.1} MB/s, peak memory {:>5.0} MB",
            records as f64 / seconds,
            records as f64 * DIMENSION as f64 * 4.0 / seconds / 1e6,
            peak_mb()
        );
    }
}
