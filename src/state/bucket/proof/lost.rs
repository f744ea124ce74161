//! One request after the other goes wrong, in every way, while a plan is taken, written, renewed, set aside and left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::store::{Fault, Shelf, Store, Weather};
use super::{LEASE, PLAN, begun, bucket, entry, holder, home, noted, texts};
use crate::error::Result;
use crate::journal::{Event, Letter, Request};
use crate::state::{Backend, Log};

/// Lets the requests with these numbers go wrong.
struct At {
    count: AtomicUsize,
    faults: Vec<(usize, Fault)>,
}

impl Weather for At {
    fn next(&self) -> (Duration, Fault, Duration) {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let fault = self.faults.iter().find(|(at, _)| *at == number);
        (Duration::ZERO, fault.map_or(Fault::Fine, |(_, fault)| *fault), Duration::ZERO)
    }
}

/// All that can become of one request. What arrives late does so before it is asked again, after, and after a minute.
const FAULTS: [Fault; 10] = [
    Fault::AnswerLost,
    Fault::RequestLost,
    Fault::Late(Duration::from_millis(50)),
    Fault::Late(Duration::from_millis(250)),
    Fault::Late(Duration::from_secs(60)),
    Fault::Conflict,
    Fault::Doubled,
    Fault::Mute,
    Fault::Gone,
    Fault::Slow,
];

/// What is there in the end.
#[derive(Debug, PartialEq)]
struct End {
    first: Vec<String>,
    last: Vec<String>,
    /// The segments of all runs.
    segments: Vec<String>,
    epoch: u64,
    /// The run that the head names beside the last one.
    before: Option<String>,
    letters: usize,
    is_held: bool,
}

/// Plays everything that a plan's life is made of; returns the end and how many requests it took.
async fn play(faults: &[(usize, Fault)]) -> (End, usize) {
    let shelf = Shelf::new();
    let weather = Arc::new(At { count: AtomicUsize::new(0), faults: faults.to_vec() });
    life(Store::new(&shelf, weather.clone())).await.unwrap_or_else(|error| {
        panic!("{faults:?}: {error}");
    });
    let count = weather.count.load(Ordering::SeqCst);
    // What is late arrives.
    tokio::time::sleep(Duration::from_secs(300)).await;
    let home = home(&shelf);
    let is_segment = |key: &String| key.contains("/log/");
    let head = shelf.bytes("twin/hot/head.json").unwrap();
    let head: serde_json::Value = serde_json::from_slice(&head).unwrap();
    let end = End {
        first: texts(&home.entries_of("A").await.unwrap().unwrap()),
        last: texts(&home.entries().await.unwrap()),
        segments: shelf.keys().into_iter().filter(is_segment).collect(),
        epoch: head["epoch"].as_u64().unwrap(),
        before: head["before"]["run"].as_str().map(str::to_owned),
        letters: home.letters().await.unwrap().len(),
        is_held: home.lock().await.unwrap().is_some(),
    };
    // Whatever went wrong, the plan can be taken up.
    home.take(&holder("eve")).await.unwrap().log.release().await;
    (end, count)
}

/// Works while the plan is held.
async fn held<T>(log: &dyn Log, work: impl Future<Output = Result<T>>) -> Result<T> {
    let hold = log.hold();
    tokio::select! {
        done = work => done,
        error = hold.keep() => Err(error),
    }
}

async fn life(store: Store) -> Result<()> {
    let home = bucket(store).home(PLAN);
    let mut log = home.take(&holder("ada")).await?.log;
    let hold = log.hold();
    log.append(&[entry(0, begun("A")), entry(1, noted("1"))]).await?;
    for seq in 2..18 {
        log.append(&[entry(seq, noted(seq.to_string()))]).await?;
    }
    // The pack, a renewal in time, and one that is late.
    held(&*log, async {
        tokio::time::sleep(LEASE / 2).await;
        Ok(())
    })
    .await?;
    tokio::time::sleep(LEASE).await;
    hold.pass().await?;
    let pause = Letter::new(Request::Pause { by: "eve".into() });
    home.ask(&pause).await?;
    let id = home.ask(&pause).await?;
    home.withdraw(&id).await?;
    // A list that got no answer is looked at again some seconds later.
    let mut letters = 0;
    for _ in 0..4 {
        letters = home.letters().await?.len();
        if letters == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    assert_eq!(letters, 1);
    log.release().await;

    // A release whose answer is lost leaves the plan held until the lease has ended.
    tokio::time::sleep(LEASE * 2).await;
    let taken = home.take(&holder("bob")).await?;
    assert_eq!(taken.entries.len(), 18);
    let mut log = taken.log;
    log.append(&[entry(18, Event::RunFinished)]).await?;
    log.archive("A").await?;
    log.append(&[entry(0, begun("B"))]).await?;
    log.append(&[entry(1, noted("dies"))]).await?;
    drop(log);

    tokio::time::sleep(LEASE * 2).await;
    let taken = home.take(&holder("cat")).await?;
    assert_eq!(texts(&taken.entries), ["B", "dies"]);
    let mut log = taken.log;
    log.append(&[entry(2, noted("goes on"))]).await?;
    log.release().await;
    tokio::time::sleep(LEASE * 2).await;
    let mut log = home.take(&holder("dan")).await?.log;
    log.append(&[entry(3, noted("ends"))]).await?;
    log.release().await;
    Ok(())
}

fn virtually<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// The last release may be lost, which the lease heals.
fn is_same(end: &End, expected: &End) -> bool {
    let held = End { is_held: end.is_held, ..End { is_held: false, ..copy(expected) } };
    *end == held
}

fn copy(end: &End) -> End {
    End {
        first: end.first.clone(),
        last: end.last.clone(),
        segments: end.segments.clone(),
        before: end.before.clone(),
        ..*end
    }
}

#[test]
fn whatever_becomes_of_one_request_nothing_is_lost_doubled_or_missing() {
    let (expected, count) = virtually(play(&[]));
    assert_eq!(expected.first.len(), 19);
    assert_eq!(expected.last, ["B", "dies", "goes on", "ends"]);
    assert_eq!(expected.before.as_deref(), Some("A"));
    assert!(!expected.is_held && count > 50, "{count}");
    for at in 0..count {
        for fault in FAULTS {
            let (end, _) = virtually(play(&[(at, fault)]));
            assert!(is_same(&end, &expected), "request {at} {fault:?}: {end:?}, not {expected:?}");
        }
    }
}

/// What is asked again goes wrong, too.
#[test]
fn whatever_becomes_of_two_requests_in_a_row_nothing_is_lost_doubled_or_missing() {
    let (expected, count) = virtually(play(&[]));
    for at in 0..count {
        for first in FAULTS {
            // All pairs in turn over the requests: each request meets each first fault, and three second ones.
            for second in (0..3).map(|nth| FAULTS[(at + nth * 3) % FAULTS.len()]) {
                let (end, _) = virtually(play(&[(at, first), (at + 1, second)]));
                assert!(is_same(&end, &expected), "request {at} {first:?}, {second:?}: {end:?}");
            }
        }
    }
}
