//! A machine that dies at one of its requests, each in turn: what everybody else sees then, and how it goes on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::store::{Fault, Shelf, Store, Weather};
use super::{LEASE, PLAN, begun, bucket_in, entry, holder, home, noted, texts, written};
use crate::error::Result;
use crate::journal::{Event, Letter, Request};
use crate::state::{Backend, Home, Taken};

/// What becomes of the last request of a machine: it never arrives, or it is done and nobody hears of it.
pub const ENDS: [Fault; 2] = [Fault::Gone, Fault::Mute];

/// The weather of a machine that dies at a request.
struct Dying {
    at: usize,
    end: Fault,
    count: AtomicUsize,
    died: Notify,
}

impl Weather for Dying {
    fn next(&self) -> (Duration, Fault, Duration) {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        if number == self.at {
            self.died.notify_one();
        }
        let fault = if number == self.at { self.end } else { Fault::Fine };
        (Duration::ZERO, fault, Duration::ZERO)
    }
}

/// Plays `life` on a machine that dies at its request `at`. Returns what came of it; `None` if it died.
pub async fn until_it_dies<T>(
    shelf: &Shelf,
    scratch: PathBuf,
    (at, end): (usize, Fault),
    life: impl AsyncFnOnce(Arc<dyn Home>) -> T,
) -> Option<T> {
    let weather = Arc::new(Dying { at, end, count: AtomicUsize::new(0), died: Notify::new() });
    let home = bucket_in(Store::new(shelf, weather.clone()), scratch).home(PLAN);
    tokio::select! {
        biased;
        done = life(home) => Some(done),
        () = weather.died.notified() => None,
    }
}

/// The scratch folder of a machine without files.
fn nowhere() -> PathBuf {
    PathBuf::from("scratch")
}

/// Sets the run aside that is there, if it shows, and writes another.
async fn next_run(home: &dyn Home, run: &str) -> Result<()> {
    let Taken { mut log, entries } = home.take(&holder(run)).await?;
    if let Some(Event::RunStarted { run: before, .. }) = entries.first().map(|entry| &entry.event) {
        if entries.last().is_some_and(|entry| entry.event != Event::RunFinished) {
            log.append(&[entry(entries.len() as u64, Event::RunFinished)]).await?;
        }
        log.archive(before).await?;
    }
    log.append(&[entry(0, begun(run))]).await?;
    log.append(&[entry(1, noted("1"))]).await?;
    log.release().await;
    Ok(())
}

/// The run that ended is seen until the next one has an event, and can be read ever after.
async fn assert_a_run_is_seen(shelf: &Shelf, what: &str) {
    let home = home(shelf);
    let entries = texts(&home.entries().await.unwrap());
    let begins = entries.first().map(String::as_str);
    let whole = ["A", "1", "2", "RunFinished"];
    match begins {
        Some("A") => assert_eq!(entries[..3], whole[..3], "{what}"),
        Some("B" | "C") => {}
        _ => panic!("{what}: {entries:?}"),
    }
    let first = texts(&home.entries_of("A").await.unwrap().unwrap());
    assert_eq!(first[..3], whole[..3], "{what}");
    // A letter to whatever was open before the first of them is to none of them.
    assert!(home.letters().await.unwrap().is_empty(), "{what}");
}

/// Both of two machines that one after the other begin a run die, at each of their requests.
#[tokio::test(start_paused = true)]
async fn a_run_that_ended_is_seen_until_the_next_one_has_an_event() {
    let mut has_ended = false;
    for at in 0.. {
        for end in ENDS {
            for again in 0.. {
                let shelf = Shelf::new();
                let old = Letter::new(Request::Pause { by: "eve".into() });
                home(&shelf).ask(&old).await.unwrap();
                tokio::time::sleep(Duration::from_secs(2)).await;
                written(&*home(&shelf), "A", 3).await.unwrap();
                let first = until_it_dies(&shelf, nowhere(), (at, end), async |home| {
                    next_run(&*home, "B").await
                })
                .await;
                has_ended = first.is_some();
                assert_a_run_is_seen(&shelf, &format!("{at} {end:?}")).await;
                tokio::time::sleep(LEASE * 2).await;
                let second = until_it_dies(&shelf, nowhere(), (again, end), async |home| {
                    next_run(&*home, "C").await
                })
                .await;
                assert_a_run_is_seen(&shelf, &format!("{at}, then {again} {end:?}")).await;
                if let Some(done) = second {
                    done.unwrap();
                    let last = texts(&home(&shelf).entries().await.unwrap());
                    assert_eq!(last, ["C", "1"], "{at} {end:?}");
                    break;
                }
            }
        }
        if has_ended {
            return;
        }
    }
}
