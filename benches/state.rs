//! What it costs to keep a run's state in a bucket that answers after 50 ms: `cargo bench --bench state`.
//!
//! A copy of half a minute with its journal in a folder and in a bucket, by turns; opening a journal of 100,000 events. The bucket is in memory,
//! with a wait before each answer. The emulator runs as a process of its own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints and stops where it stands"
)]

#[path = "rig/emulator.rs"]
mod emulator;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vecshift::Result;
use vecshift::clock::{Clock, Stopwatch};
use vecshift::journal::{Event, Holder};
use vecshift::model::StageId;
use vecshift::plan::Inputs;
use vecshift::provider::language;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Outcome, PreparedRun, RunOptions, Silent, World};
use vecshift::state::{Backend, Bucket, Folder, Home, Journal};
use vecshift::storage::objects::{Listed, Memory, Objects, Put, Read, Version};

const LATENCY: Duration = Duration::from_millis(50);
const DIMENSION: usize = 384;
const RECORDS: u64 = 600_000;
const NAMESPACES: u64 = 400;
const ROUNDS: usize = 3;
const EVENTS: u64 = 100_000;

/// A bucket that answers after a while, and counts what it is asked.
#[derive(Debug)]
struct Far {
    objects: Memory,
    latency: Duration,
    asked: Mutex<BTreeMap<&'static str, u64>>,
}

impl Far {
    fn new(latency: Duration) -> Self {
        Self { objects: Memory::new(Clock::system()), latency, asked: Mutex::default() }
    }

    async fn wait(&self, what: &'static str) {
        *self.asked.lock().unwrap().entry(what).or_default() += 1;
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
    }

    fn asked(&self) -> String {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
    }
}

#[async_trait]
impl Objects for Far {
    fn uri(&self) -> &str {
        self.objects.uri()
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Put> {
        let what = match key {
            _ if key.contains("/log/") => "segments",
            _ if key.contains("/pack/") => "packs",
            _ => "other puts",
        };
        self.wait(what).await;
        self.objects.create(key, bytes).await
    }

    async fn replace(&self, key: &str, bytes: Bytes, version: &Version) -> Result<Put> {
        self.wait("heads").await;
        self.objects.replace(key, bytes, version).await
    }

    async fn get(&self, key: &str) -> Result<Option<Read>> {
        self.wait("gets").await;
        self.objects.get(key).await
    }

    async fn list(&self, below: &str) -> Result<Vec<Listed>> {
        self.wait("lists").await;
        self.objects.list(below).await
    }

    async fn folders(&self, below: &str) -> Result<Vec<String>> {
        self.wait("lists").await;
        self.objects.folders(below).await
    }

    async fn upload(&self, key: &str, file: &Path) -> Result<()> {
        self.wait("other puts").await;
        self.objects.upload(key, file).await
    }

    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        self.wait("gets").await;
        self.objects.download(key, file).await
    }
}

fn plan() -> String {
    format!(
        "version: 1\nname: bench\n\
         source: {{ provider: pinecone, index: from }}\n\
         target: {{ provider: pinecone, index: to }}\n\
         stages:\n\
         \x20 - {{ kind: create, spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: {DIMENSION} }} }}\n\
         \x20 - {{ kind: copy, assert: [copy.complete == true] }}\n\
         rehearsal:\n  source: {{ kind: serverless, records: {RECORDS}, namespaces: {NAMESPACES} }}\n"
    )
}

/// Runs the plan, and returns the records of a second of its copy stage.
async fn copy(home: Arc<dyn Home>, path: &Path) -> f64 {
    let Ok(read) = language().read(path, &Inputs::default()) else {
        panic!("the plan does not read")
    };
    let arguments = ["--world".as_ref(), path.as_os_str(), "--no-rate-limits".as_ref()];
    let (mut child, url) = emulator::emulate(&arguments);
    let world = World::open(&read.plan, &Environment::stand_in(url, Secret::new("bench"))).unwrap();
    let options = RunOptions::new(Holder::new("bench", "here", std::process::id()));
    let (clock, listener) = (Clock::system(), Arc::new(Silent));
    let run =
        PreparedRun::new(read.plan, world, None, home.clone(), clock, options, listener).await;
    let outcome = run.unwrap().execute(CancellationToken::new()).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let entries = home.entries().await.unwrap();
    let at = |is: fn(&Event) -> bool| entries.iter().find(|entry| is(&entry.event)).unwrap().at;
    let begin =
        at(|event| matches!(event, Event::StageStarted { stage, .. } if stage.as_str() == "copy"));
    let end = at(|event| matches!(event, Event::StagePassed { stage } if stage.as_str() == "copy"));
    RECORDS as f64 / end.duration_since(begin).as_secs_f64()
}

async fn copies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.yaml");
    std::fs::write(&path, plan()).unwrap();
    println!("copy of {RECORDS} records x {DIMENSION} in {NAMESPACES} namespaces, records/s:");
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let state = folder.path().join(format!("state-{round}"));
        let local = Folder::new(&state, "here", Clock::system());
        near.push(copy(local.home("bench"), &path).await);
        let objects = Arc::new(Far::new(LATENCY));
        let bucket = Bucket::new(objects.clone(), Bucket::LEASE, &state, Clock::system()).unwrap();
        let watch = Stopwatch::start();
        far.push(copy(bucket.home("bench"), &path).await);
        let (seconds, asked) = (watch.elapsed().as_secs_f64(), objects.asked());
        println!(
            "  folder {:>7.0}, bucket {:>7.0}; the bucket's run of {seconds:.0} s asked for {asked}",
            near[round], far[round]
        );
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let slower = (1.0 - mean(&far) / mean(&near)) * 100.0;
    println!("  mean: folder {:.0}, bucket {:.0}: {slower:.1} % slower", mean(&near), mean(&far));
}

/// Opens a journal in which every event is a segment of its own, as where none ever waited for another.
async fn opening() {
    let scratch = tempfile::tempdir().unwrap();
    let objects = Arc::new(Far::new(Duration::ZERO));
    let bucket = |objects: Arc<Far>| {
        Bucket::new(objects, Bucket::LEASE, scratch.path(), Clock::system()).unwrap()
    };
    let holder = Holder::new("bench", "here", 1);
    let home = bucket(objects.clone()).home("p");
    let mut journal = Journal::open(&*home, &holder, Clock::system()).await.unwrap();
    let hold = journal.hold();
    let write = async {
        let stage = StageId::new("copy");
        let start = Event::RunStarted {
            run: "r".into(),
            plan: "p".into(),
            digest: "sha256:0".into(),
            program: "0".into(),
            holder: "h".into(),
            rehearsal: false,
            path: None,
            source: "a".into(),
            target: "b".into(),
            stages: vec![stage.clone()],
            gates: None,
            reviewed: None,
        };
        journal.append(start).await.unwrap();
        for number in 1..EVENTS {
            let text = format!("sentence {number} of what happened, as long as they usually are");
            journal.append(Event::Noted { stage: stage.clone(), text }).await.unwrap();
        }
    };
    tokio::select! {
        () = write => {}
        error = hold.keep() => panic!("{error}"),
    }
    journal.close().await;
    drop((home, hold));
    let objects = Arc::into_inner(objects).map_or_else(
        || panic!("something still has the bucket"),
        |far| Arc::new(Far { latency: LATENCY, ..far }),
    );
    println!("a journal of {EVENTS} events in as many segments, at {} ms:", LATENCY.as_millis());
    objects.asked();
    for what in ["read", "taken"] {
        let home = bucket(objects.clone()).home("p");
        let watch = Stopwatch::start();
        match what {
            "read" => assert_eq!(home.entries().await.unwrap().len() as u64, EVENTS),
            _ => {
                let journal = Journal::open(&*home, &holder, Clock::system()).await.unwrap();
                println!("  (its state is there after {:.2} s)", watch.elapsed().as_secs_f64());
                journal.close().await;
            }
        }
        println!("  {what} in {:.2} s: {}", watch.elapsed().as_secs_f64(), objects.asked());
    }
}

#[tokio::main]
async fn main() {
    opening().await;
    copies().await;
}
