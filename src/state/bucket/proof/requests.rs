//! What each act costs in requests and round trips.

use std::time::Duration;

use super::store::{Shelf, Store, since};
use super::{PLAN, begun, bucket, entry, holder, home, noted, written};
use crate::journal::Event;
use crate::state::{Backend, Home, Log};

fn count(shelf: &Shelf) -> [usize; 3] {
    let asked = shelf.asked();
    ["put", "get", "list"].map(|kind| asked.iter().filter(|(of, _)| *of == kind).count())
}

/// Begins a run and writes it while its plan is held; returns its log.
async fn begun_by_ada(home: &dyn Home, write: impl AsyncFnOnce(&mut dyn Log)) -> Box<dyn Log> {
    let mut log = home.take(&holder("ada")).await.unwrap().log;
    log.append(&[entry(0, begun("A"))]).await.unwrap();
    let hold = log.hold();
    tokio::select! { () = write(&mut *log) => {}, error = hold.keep() => panic!("{error}") }
    log
}

#[tokio::test(start_paused = true)]
async fn an_append_is_one_request() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    written(&*home, "A", 3).await.unwrap();
    let mut log = home.take(&holder("bob")).await.unwrap().log;
    shelf.asked();
    for seq in 3..6 {
        log.append(&[entry(seq, noted("x")), entry(seq, noted("y"))]).await.unwrap();
        assert_eq!(count(&shelf), [1, 0, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_of_five_hundred_segments_is_taken_up_and_left_in_about_ten_requests() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    written(&*home, "A", 500).await.unwrap();
    shelf.asked();
    let taken = home.take(&holder("bob")).await.unwrap();
    assert_eq!(taken.entries.len(), 500);
    // The head, a large pack, the tail and the head again; the head and a segment.
    assert_eq!(count(&shelf), [2, 4, 0]);
    let mut log = taken.log;
    assert!(home.letters().await.unwrap().is_empty());
    log.append(&[entry(500, noted("looked"))]).await.unwrap();
    log.release().await;
    assert_eq!(count(&shelf), [2, 0, 1]);
}

/// The promise of a job that looks once an hour for a week: less than 2,000 requests.
#[tokio::test(start_paused = true)]
async fn a_week_of_looks_is_under_two_thousand_requests() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    written(&*home, "A", 2).await.unwrap();
    shelf.asked();
    for seq in 2..170 {
        let taken = home.take(&holder("bob")).await.unwrap();
        let mut log = taken.log;
        home.letters().await.unwrap();
        log.hold().pass().await.unwrap();
        log.append(&[entry(seq, Event::RunContinued { holder: "bob".into() })]).await.unwrap();
        log.release().await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let asked: usize = count(&shelf).iter().sum();
    assert!(asked < 1_850, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_run_of_a_hundred_segments_whose_holder_died_is_taken_in_a_score_of_requests() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    let dies = begun_by_ada(&*home, async |log| {
        for seq in 1..100 {
            log.append(&[entry(seq, noted("x"))]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    drop(dies.await);
    tokio::time::sleep(Duration::from_secs(60)).await;
    shelf.asked();
    let taken = home.take(&holder("bob")).await.unwrap();
    assert_eq!(taken.entries.len(), 100);
    let asked: usize = count(&shelf).iter().sum();
    // Six packs, what is behind them and behind the last renewal, one mark, and the head three times.
    assert!(asked <= 30, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_of_a_hundred_thousand_events_is_open_in_two_seconds_from_afar() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    let ends = begun_by_ada(&*home, async |log| {
        for segment in 0..10_000 {
            let first = segment * 10 + 1;
            let entries: Vec<_> =
                (first..first + 10).map(|seq| entry(seq, noted("0123456789"))).collect();
            log.append(&entries).await.unwrap();
            if segment % 100 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(9)).await;
    });
    ends.await.release().await;
    shelf.asked();
    let far = bucket(Store::far(&shelf, Duration::from_millis(50))).home(PLAN);
    let before = since(&shelf);
    assert_eq!(far.entries().await.unwrap().len(), 100_001);
    let took = since(&shelf) - before;
    assert!(took < Duration::from_millis(500), "{took:?}");
    let asked: usize = count(&shelf).iter().sum();
    assert!(asked < 60, "{asked}");
}

/// A job that ends where a pack begins to be written leaves it to the next.
#[tokio::test(start_paused = true)]
async fn a_pack_that_was_not_written_is_made_up_for() {
    let shelf = Shelf::new();
    let home = home(&shelf);
    written(&*home, "A", 520).await.unwrap();
    let packs: Vec<_> = shelf.keys().into_iter().filter(|key| key.contains("/pack/")).collect();
    let kept = |key: &String| shelf.bytes(key).unwrap();
    for kind in ["/pack/256/000000000000", "/pack/256/"] {
        let gone: Vec<_> = packs.iter().filter(|key| key.contains(kind)).collect();
        let before: Vec<_> = gone.iter().map(|key| kept(key)).collect();
        gone.iter().for_each(|key| shelf.set(key, None));
        home.take(&holder("bob")).await.unwrap().log.release().await;
        assert_eq!(gone.iter().map(|key| kept(key)).collect::<Vec<_>>(), before);
    }
}
