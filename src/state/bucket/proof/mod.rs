//! What the protocol is held to: every request that goes wrong in every way, runners that freeze and die in any order, and what
//! a commit costs.

mod away;
mod cut;
mod damage;
mod lost;
mod pushed;
mod requests;
mod simulation;
mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};

use self::store::{Shelf, Store, start};
use super::Bucket;
use crate::clock::Clock;
use crate::error::Result;
use crate::journal::{Entry, Event, FORMAT, Holder};
use crate::state::{Backend, Home};
use crate::storage::objects::Objects;

const PLAN: &str = "twin";
const LEASE: Duration = Duration::from_secs(12);

fn bucket(objects: impl Objects + 'static) -> Bucket {
    bucket_in(objects, "scratch")
}

/// The same on a machine with a folder for files of runs.
fn bucket_in(objects: impl Objects + 'static, scratch: impl Into<PathBuf>) -> Bucket {
    Bucket::new(Arc::new(objects), LEASE, scratch, Clock::test(start())).unwrap()
}

/// A home that nothing goes wrong with.
fn home(shelf: &Shelf) -> Arc<dyn Home> {
    bucket(Store::calm(shelf)).home(PLAN)
}

fn holder(name: &str) -> Holder {
    Holder { url: Some(format!("https://ci.example/{name}")), ..Holder::new(name, "ci", 7) }
}

fn entry(seq: u64, event: Event) -> Entry {
    Entry { v: FORMAT, seq, at: start(), answers: None, event }
}

fn begun(run: &str) -> Event {
    Event::RunStarted {
        run: run.into(),
        plan: PLAN.into(),
        digest: "sha256:9c1f".into(),
        program: "0.1.0".into(),
        holder: "ada@ci (process 7)".into(),
        rehearsal: false,
        path: None,
        source: "a".into(),
        target: "b".into(),
        stages: vec!["copy".into()],
        gates: None,
        reviewed: None,
    }
}

fn noted(text: impl Into<String>) -> Event {
    Event::Noted { stage: "copy".into(), text: text.into() }
}

fn texts(entries: &[Entry]) -> Vec<String> {
    let text = |entry: &Entry| match &entry.event {
        Event::Noted { text, .. } => text.clone(),
        Event::RunStarted { run, .. } => run.clone(),
        other => format!("{other:?}"),
    };
    entries.iter().map(text).collect()
}

/// Writes a run of `segments` segments, one event each, and leaves the plan.
async fn written(home: &dyn Home, run: &str, segments: u64) -> Result<()> {
    let mut log = home.take(&holder("ada")).await?.log;
    let hold = log.hold();
    let work: BoxFuture<'_, Result<()>> = async {
        log.append(&[entry(0, begun(run))]).await?;
        for seq in 1..segments {
            log.append(&[entry(seq, noted(seq.to_string()))]).await?;
            // Packs are written when there is time.
            if seq % 16 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }
    .boxed();
    tokio::select! {
        done = work => done?,
        error = hold.keep() => return Err(error),
    }
    log.release().await;
    Ok(())
}
