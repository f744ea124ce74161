//! How fast a stage of copying runs, and that its memory does not grow with the index: `cargo bench --bench copy`.
//!
//! The emulator runs as a process of its own, so the peak memory printed here is that of the copier alone.
//! Linux only: the peak is read from `/proc/self/status`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and stops where it stands"
)]

#[path = "rig/emulator.rs"]
mod emulator;
#[path = "rig/memory.rs"]
mod memory;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::clock::{Clock, Stopwatch};
use vecshift::journal::Holder;
use vecshift::plan::Inputs;
use vecshift::provider::language;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Outcome, PreparedRun, RunOptions, Silent, World};
use vecshift::state::{Backend, Folder};

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

#[tokio::main]
async fn main() {
    for records in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, plan(records)).unwrap();
        let Ok(read) = language().read(&path, &Inputs::default()) else {
            panic!("the plan does not read")
        };
        let (mut child, url) = emulator::emulate(&["--world".as_ref(), path.as_os_str()]);
        let world =
            World::open(&read.plan, &Environment::stand_in(url, Secret::new("bench"))).unwrap();
        let options = RunOptions::new(Holder::new("bench", "here", std::process::id()));
        let home = Folder::new(folder.path(), "here", Clock::system()).home(&read.plan.name);
        let run = PreparedRun::new(
            read.plan,
            world,
            None,
            home,
            Clock::system(),
            options,
            Arc::new(Silent),
        )
        .await
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
            memory::peak_mb()
        );
    }
}
