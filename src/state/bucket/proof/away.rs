//! A bucket that goes away while a run copies, with the usual lease.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{join, join_all};
use tokio::time::{Instant, sleep, timeout_at};

use super::store::{Fault, Shelf, Store, Weather};
use super::{PLAN, begun, bucket, entry, holder, home, noted, start, texts};
use crate::clock::Clock;
use crate::error::{ErrorKind, Result};
use crate::state::{Backend, Bucket, Hold, Log, Taken, passing};

/// How long the bucket is away.
const AWAY: Duration = Duration::from_secs(600);
/// How long after the start of its last renewal a holder begins nothing more, and when what it has begun has to be over.
const OPEN: Duration = Duration::from_secs(75);
const OVER: Duration = Duration::from_secs(105);
/// Shards of the copy, batches of each, and the time that a batch takes.
const SHARDS: usize = 3;
const BATCHES: usize = 60;
const BATCH: Duration = Duration::from_secs(7);
/// The time between two checkpoints.
const CHECKPOINT: Duration = Duration::from_secs(5);

/// Has every request come to the same end while it is away.
struct Away {
    is_away: AtomicBool,
    end: Fault,
}

impl Away {
    fn new(end: Fault) -> Arc<Self> {
        Arc::new(Self { is_away: AtomicBool::new(false), end })
    }

    fn set(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }
}

impl Weather for Away {
    fn next(&self) -> (Duration, Fault, Duration) {
        let fault = if self.is_away.load(Ordering::SeqCst) { self.end } else { Fault::Fine };
        (Duration::ZERO, fault, Duration::ZERO)
    }
}

/// What a copy did: when each batch began and ended.
#[derive(Default)]
struct Batches(Mutex<Vec<(Instant, Instant)>>);

impl Batches {
    fn all(&self) -> Vec<(Instant, Instant)> {
        self.0.lock().unwrap().clone()
    }

    /// Writes the batches of a shard, each after the look that every call which changes an index begins with.
    async fn write(&self, hold: Arc<dyn Hold>) -> Result<()> {
        let look = passing(hold);
        for _ in 0..BATCHES {
            look().await?;
            let began = Instant::now();
            sleep(BATCH).await;
            self.0.lock().unwrap().push((began, Instant::now()));
        }
        Ok(())
    }

    /// Says in the journal how far the copy is, until it is at its end.
    async fn keep_up(&self, log: &mut dyn Log) -> Result<()> {
        let mut seq = 1;
        loop {
            sleep(CHECKPOINT).await;
            let done = self.all().len();
            log.append(&[entry(seq, noted(format!("{seq}: {done}")))]).await?;
            seq += 1;
            if done == SHARDS * BATCHES {
                return Ok(());
            }
        }
    }
}

/// Copies while the bucket goes away after `from`, and comes back.
async fn copy_through(end: Fault, from: Duration) {
    let what = format!("{end:?} from {from:?}");
    let renewed = Arc::new(Mutex::new(Instant::now()));
    let seen = renewed.clone();
    let shelf = Shelf::watched(move |key, _| {
        if key.ends_with("head.json") {
            *seen.lock().unwrap() = Instant::now();
        }
    });
    let away = Away::new(end);
    let store = Store::new(&shelf, away.clone());
    let clock = Clock::test(start());
    let bucket = Bucket::new(Arc::new(store), Bucket::LEASE, "scratch", clock).unwrap();
    let Taken { mut log, .. } = bucket.home(PLAN).take(&holder("ada")).await.unwrap();
    log.append(&[entry(0, begun("A"))]).await.unwrap();
    let hold = log.hold();

    let batches = Batches::default();
    let goes = Instant::now() + from;
    let comes = goes + AWAY;
    let closed = {
        let copy = join(
            join_all((0..SHARDS).map(|_| batches.write(hold.clone()))),
            batches.keep_up(&mut *log),
        );
        let mut work = std::pin::pin!(async {
            tokio::select! {
                biased;
                (shards, kept) = copy => {
                    shards.into_iter().chain([kept]).collect::<Result<Vec<_>>>()
                }
                error = hold.keep() => Err(error),
            }
        });
        assert!(timeout_at(goes, &mut work).await.is_err(), "{what}");
        away.set(true);
        assert!(timeout_at(comes, &mut work).await.is_err(), "{what}");
        let last = *renewed.lock().unwrap();
        // It went on as long as it might, and what it had begun was over before anybody else could begin.
        let (closed, over) = (last + OPEN, last + OVER);
        let before = batches.all();
        assert!(before.iter().any(|(began, _)| *began > goes), "{what}");
        assert!(before.iter().all(|(began, ended)| *began < closed && *ended < over), "{what}");
        away.set(false);
        work.await.unwrap();
        closed
    };

    let all = batches.all();
    assert_eq!(all.len(), SHARDS * BATCHES, "{what}");
    let after = all.iter().filter(|(began, _)| *began >= comes).map(|(began, _)| *began);
    let first = after.min().unwrap();
    assert!(first < comes + Duration::from_secs(60), "{what}: {:?}", first - comes);
    assert!(!all.iter().any(|(began, _)| (closed..comes).contains(began)), "{what}");
    log.release().await;
    let home = home(&shelf);
    let entries = home.entries().await.unwrap();
    assert!(entries.iter().map(|entry| entry.seq).eq(0..entries.len() as u64), "{what}");
    let said = texts(&entries).pop().unwrap();
    assert!(said.ends_with(&format!(": {}", SHARDS * BATCHES)), "{what}: {said}");
    let head = shelf.bytes("twin/hot/head.json").unwrap();
    let head: serde_json::Value = serde_json::from_slice(&head).unwrap();
    assert_eq!(head["epoch"], 1, "{what}: somebody else had the plan");
}

/// At every moment between two renewals, and whether requests hang, get lost or are sent away.
#[tokio::test(start_paused = true)]
async fn a_copy_stands_still_while_the_bucket_is_away_for_ten_minutes_and_goes_on_afterwards() {
    for end in [Fault::Gone, Fault::RequestLost, Fault::Slow] {
        for from in 60..92 {
            copy_through(end, Duration::from_secs(from)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_stays_away_is_given_up() {
    let shelf = Shelf::new();
    let away = Away::new(Fault::Gone);
    let home = bucket(Store::new(&shelf, away.clone())).home(PLAN);
    let mut log = home.take(&holder("ada")).await.unwrap().log;
    log.append(&[entry(0, begun("A"))]).await.unwrap();
    away.set(true);
    let began = Instant::now();
    let hold = log.hold();
    let event = entry(1, noted("x"));
    let (appended, kept) = tokio::join!(log.append(std::slice::from_ref(&event)), hold.keep());
    for error in [appended.unwrap_err(), kept, hold.pass().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.hint().is_some());
    }
    let took = began.elapsed().as_secs();
    assert!((1_800..2_000).contains(&took), "{took}");
}
