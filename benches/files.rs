//! How fast Parquet files in random order of their ids are copied, and gone on with in the middle, and that memory does not
//! grow with them: `cargo bench --bench files`.
//!
//! The emulator runs as a process of its own, so the peak memory printed here is that of the copier alone.
//! Linux only: the peak is read from `/proc/self/status`, and set back before each run.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and stops where it stands"
)]

#[path = "rig/emulator.rs"]
mod emulator;
#[path = "rig/memory.rs"]
mod memory;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;
use vecshift::clock::{Clock, Stopwatch};
use vecshift::journal::{Entry, Holder, RunState};
use vecshift::model::{Metadata, Namespace, Record, RecordId, Vector, VectorField, Vectors};
use vecshift::plan::Inputs;
use vecshift::provider::language;
use vecshift::provider::parquet::RecordWriter;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Listener, Outcome, PreparedRun, Progress, RunOptions, World};
use vecshift::state::{Backend, Folder};

const DIMENSION: usize = 384;
const SIZES: [u64; 3] = [100_000, 300_000, 1_000_000];

const PLAN: &str = "version: 1\nname: bench\n\
    source: { provider: parquet, index: shelf }\n\
    target: { provider: pinecone, index: to }\n\
    stages:\n\
    \x20 - { kind: create, spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 384 } }\n\
    \x20 - { kind: copy, assert: [copy.complete == true] }\n";

/// Writes records whose ids are in no order.
fn write(path: &Path, records: u64) {
    let mut writer = RecordWriter::create(path, &VectorField::plain()).unwrap();
    let namespace = Namespace::new("n");
    for first in (0..records).step_by(1_000) {
        let part = (first..records.min(first + 1_000)).map(|number| {
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let component = |at: usize| (mixed.rotate_left(at as u32) >> 40) as f32 / 1e7;
            Record {
                id: RecordId::new(format!("{mixed:016x}")),
                vectors: Vectors::plain(Vector::from_values((0..DIMENSION).map(component)), None),
                metadata: Metadata::default(),
            }
        });
        writer.append(&namespace, &part.collect::<Vec<_>>()).unwrap();
    }
    writer.finish().unwrap();
}

/// Stops the run once half of the records are copied.
struct Half {
    of: u64,
    done: AtomicU64,
    stop: CancellationToken,
}

impl Listener for Half {
    fn event(&self, _: &Entry, _: &RunState) {}

    fn progress(&self, progress: &Progress) {
        self.done.fetch_max(progress.done, Ordering::Relaxed);
        if progress.unit == "records" && progress.done * 2 >= self.of {
            self.stop.cancel();
        }
    }
}

/// Runs the plan in `folder`, to its half or to its end; how long that took, and how many records were copied by then.
async fn run(folder: &Path, url: &str, records: u64, is_half: bool) -> (f64, u64) {
    let Ok(read) = language().read(&folder.join("plan.yaml"), &Inputs::default()) else {
        panic!("the plan does not read")
    };
    let mut environment = Environment::stand_in(url, Secret::new("bench"));
    environment.base = folder.to_owned();
    let world = World::open(&read.plan, &environment).unwrap();
    let options = RunOptions::new(Holder::new("bench", "here", std::process::id()));
    let home = Folder::new(folder.join("state"), "here", Clock::system()).home(&read.plan.name);
    let stop = CancellationToken::new();
    let of = if is_half { records } else { u64::MAX / 2 };
    let half = Arc::new(Half { of, done: AtomicU64::new(0), stop: stop.clone() });
    let run =
        PreparedRun::new(read.plan, world, None, home, Clock::system(), options, half.clone())
            .await
            .unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let watch = Stopwatch::start();
    let outcome = run.execute(stop).await.unwrap();
    assert_eq!(matches!(outcome, Outcome::Done), !is_half, "{outcome:?}");
    (watch.elapsed().as_secs_f64(), half.done.load(Ordering::Relaxed))
}

#[tokio::main]
async fn main() {
    for records in SIZES {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("shelf/all.parquet"), records);
        std::fs::write(folder.path().join("plan.yaml"), PLAN).unwrap();
        for is_stopped in [false, true] {
            let (mut child, url) = emulator::emulate(&["--no-rate-limits".as_ref()]);
            let (first, done) = match is_stopped {
                true => run(folder.path(), &url, records, true).await,
                false => (0.0, 0),
            };
            let (seconds, _) = run(folder.path(), &url, records, false).await;
            child.kill().unwrap();
            child.wait().unwrap();
            std::fs::remove_dir_all(folder.path().join("state")).unwrap();
            let how = match is_stopped {
                true => format!("{first:>5.1} s to {done}, then"),
                false => "in one go".to_owned(),
            };
            println!(
                "{records:>7} records x {DIMENSION}, {how} {seconds:>5.1} s, {:>7.0} records/s, peak memory {:>4.0} MB",
                records.saturating_sub(done) as f64 / seconds,
                memory::peak_mb()
            );
        }
    }
}
