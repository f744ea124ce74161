//! A journal that comes from elsewhere: cut off at each of its requests, beside another one, and beside a runner.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::cut::{ENDS, until_it_dies};
use super::store::{Fault, Shelf, Store, Weather};
use super::{PLAN, begun, bucket_in, entry, holder, home, noted};
use crate::error::{ErrorKind, Result};
use crate::journal::{Artifact, Entry, Event};
use crate::state::{Backend, Pushed};

/// More than two whole segments.
const EVENTS: usize = 2_500;

/// The machine from which a run comes, with what it wrote in its folder and elsewhere.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for (path, text) in machine.files() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        machine
    }

    fn scratch(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn files(&self) -> [(PathBuf, &'static str); 3] {
        let run = self.scratch().join("twin/artifacts/A");
        let backup = self.0.path().join("backup");
        [
            (run.join("deep/lines.jsonl"), "1\n2\n"),
            (backup.join("snapshot.json"), "{}"),
            (backup.join("deep/0.parquet"), "records"),
        ]
    }

    /// The first so many events of a run.
    fn events(&self, run: &str, count: usize) -> Vec<Entry> {
        let wrote = |name: &str, path: PathBuf| Event::ArtifactWritten {
            stage: "copy".into(),
            artifact: Artifact {
                name: name.into(),
                path: path.display().to_string(),
                records: 1,
                kept: None,
                written: None,
            },
        };
        let [(lines, _), (backup, _), _] = self.files();
        let backup = backup.parent().unwrap().to_owned();
        let first = [begun(run), wrote("lines", lines), wrote("snapshot", backup)];
        let all = first.into_iter().chain((0..).map(|number| noted(format!("{run} {number}"))));
        (0..).zip(all.take(count)).map(|(seq, event)| entry(seq, event)).collect()
    }

    async fn push(&self, store: Store, events: &[Entry]) -> Result<Pushed> {
        bucket_in(store, self.scratch()).home(PLAN).push(&holder("ada"), events).await
    }

    /// Checks that somebody on another machine gets everything that the run wrote.
    async fn assert_files_are_kept(&self, shelf: &Shelf, events: &[Entry]) {
        let elsewhere = tempfile::tempdir().unwrap();
        let home = bucket_in(Store::calm(shelf), elsewhere.path().join("state")).home(PLAN);
        for entry in events {
            let Event::ArtifactWritten { artifact, .. } = &entry.event else { continue };
            home.fetch("A", artifact, &elsewhere.path().join(&artifact.name)).await.unwrap();
        }
        let there = ["lines", "snapshot/snapshot.json", "snapshot/deep/0.parquet"];
        for (name, (_, text)) in there.iter().zip(self.files()) {
            let path = elsewhere.path().join(name);
            assert_eq!(std::fs::read_to_string(path).unwrap(), text, "{name}");
        }
    }
}

/// Returns how many events everybody sees of a run.
async fn seen(shelf: &Shelf, run: &str) -> usize {
    let home = home(shelf);
    let (last, of) = (home.entries().await.unwrap(), home.entries_of(run).await.unwrap());
    let of = of.unwrap_or_default();
    assert!(last == of || of.is_empty(), "another one is the last");
    of.len()
}

#[tokio::test(start_paused = true)]
async fn a_push_that_is_cut_off_anywhere_shows_nothing_or_all_and_is_repeated() {
    let machine = Machine::new();
    let events = machine.events("A", EVENTS);
    let mut has_ended = false;
    for at in 0.. {
        for end in ENDS {
            let shelf = Shelf::new();
            let first = until_it_dies(&shelf, machine.scratch(), (at, end), async |home| {
                home.push(&holder("ada"), &events).await
            });
            has_ended = first.await.is_some();
            let before = seen(&shelf, "A").await;
            assert!([0, EVENTS].contains(&before), "request {at} {end:?}: {before}");
            let pushed = machine.push(Store::calm(&shelf), &events).await.unwrap();
            assert_eq!(pushed.there_before, before, "request {at} {end:?}");
            assert!(pushed.missing.is_empty(), "request {at} {end:?}: {:?}", pushed.missing);
            machine.assert_files_are_kept(&shelf, &events).await;
            let taken = home(&shelf).take(&holder("bob")).await.unwrap();
            assert!(taken.entries == events, "request {at} {end:?}");
        }
        if has_ended {
            assert!(at > 20, "{at}");
            return;
        }
    }
}

/// The run went on, where it should not have, before the push was repeated.
#[tokio::test(start_paused = true)]
async fn a_push_that_was_cut_off_is_repeated_with_more() {
    for (first, then) in [(EVENTS, EVENTS + 1_200), (2_000, 3_500), (700, 900)] {
        let mut has_ended = false;
        for at in 0.. {
            let machine = Machine::new();
            let shelf = Shelf::new();
            let events = machine.events("A", first);
            let cut = until_it_dies(&shelf, machine.scratch(), (at, Fault::Mute), async |home| {
                home.push(&holder("ada"), &events).await
            });
            has_ended |= cut.await.is_some();
            let [(lines, _), ..] = machine.files();
            std::fs::write(&lines, "1\n2\n3\n").unwrap();
            let more = machine.events("A", then);
            let again = until_it_dies(&shelf, machine.scratch(), (at, Fault::Gone), async |home| {
                home.push(&holder("ada"), &more).await
            });
            drop(again.await);
            let between = seen(&shelf, "A").await;
            assert!([0, first, then].contains(&between), "{at}: {between}");
            machine.push(Store::calm(&shelf), &more).await.unwrap();
            assert_eq!(seen(&shelf, "A").await, then, "{at}");
            assert_eq!(std::fs::read_to_string(&lines).unwrap(), "1\n2\n3\n", "{at}");
            if has_ended {
                break;
            }
        }
    }
}

/// One request takes a minute, in which somebody else does all that they want.
struct Standing {
    at: usize,
    count: AtomicUsize,
    stands: Notify,
}

impl Weather for Standing {
    fn next(&self) -> (Duration, Fault, Duration) {
        let is_it = self.count.fetch_add(1, Ordering::SeqCst) == self.at;
        if is_it {
            self.stands.notify_one();
        }
        let time = if is_it { Duration::from_secs(25) } else { Duration::ZERO };
        (time, Fault::Fine, Duration::ZERO)
    }
}

/// Pushes events while `other` comes in between at the request `at`. Returns what came of both, and whether it came in between.
async fn beside<T>(
    (shelf, machine): (&Shelf, &Machine),
    (events, at): (&[Entry], usize),
    other: impl Future<Output = T>,
) -> (Result<Pushed>, T, bool) {
    let weather = Arc::new(Standing { at, count: AtomicUsize::new(0), stands: Notify::new() });
    let store = Store::new(shelf, weather.clone());
    let mut one = Box::pin(machine.push(store, events));
    let ended = tokio::select! {
        biased;
        ended = &mut one => Some(ended),
        () = weather.stands.notified() => None,
    };
    let came = other.await;
    match ended {
        Some(ended) => (ended, came, false),
        None => (one.await, came, true),
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_pushes_at_once_one_wins_and_the_other_hears_of_it() {
    let machine = Machine::new();
    let there = |pushed: &Result<Pushed>| match pushed {
        Ok(pushed) => Some(pushed.there_before),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            None
        }
    };
    for (run, count) in [("A", EVENTS), ("A", EVENTS + 1_700), ("A", 900), ("B", 2)] {
        for at in 0.. {
            let shelf = Shelf::new();
            let (events, others) = (machine.events("A", EVENTS), machine.events(run, count));
            let other = async {
                let pushed = machine.push(Store::calm(&shelf), &others).await;
                let seen = (seen(&shelf, "A").await, seen(&shelf, "B").await);
                assert!(
                    [(0, 0), (EVENTS, 0), (count, 0), (0, count)].contains(&seen),
                    "{run} {count}, {at}: {seen:?}"
                );
                pushed
            };
            let (one, other, is_between) = beside((&shelf, &machine), (&events, at), other).await;
            let what = format!("{run} {count}, {at}: {one:?}, {other:?}");
            let both = [there(&one), there(&other)];
            let last = (seen(&shelf, "A").await, seen(&shelf, "B").await);
            match run {
                "B" => {
                    assert!(both == [Some(0), None] || both == [None, Some(0)], "{what}");
                    let won = if both[0].is_some() { (EVENTS, 0) } else { (0, count) };
                    assert_eq!(last, won, "{what}");
                }
                _ if count == EVENTS => {
                    let told = Some(EVENTS);
                    assert!(both == [Some(0), told] || both == [told, Some(0)], "{what}");
                    assert_eq!(last, (EVENTS, 0), "{what}");
                }
                _ => {
                    // The longer one is a whole one, too, and is what is there wherever it could begin with the other.
                    assert!(both.iter().any(Option::is_some), "{what}");
                    assert!([EVENTS, count].contains(&last.0), "{what}");
                    let longer = if count > EVENTS { &others } else { &events };
                    machine.push(Store::calm(&shelf), longer).await.unwrap();
                    assert_eq!(seen(&shelf, "A").await, longer.len(), "{what}");
                }
            }
            if !is_between {
                break;
            }
        }
    }
}

/// A runner that comes in between has the whole run or none, and is not lost.
#[tokio::test(start_paused = true)]
async fn a_runner_beside_a_push_goes_on_with_all_of_it_or_begins_its_own_run() {
    let machine = Machine::new();
    let events = machine.events("A", EVENTS);
    for at in 0.. {
        let shelf = Shelf::new();
        let other = async {
            let taken = home(&shelf).take(&holder("bob")).await.unwrap();
            let mut log = taken.log;
            match taken.entries.len() {
                0 => log.append(&[entry(0, begun("R"))]).await.unwrap(),
                EVENTS => {}
                other => panic!("{at}: {other}"),
            }
            // It holds the plan for as long as the other one would wait.
            log
        };
        let (one, log, is_between) = beside((&shelf, &machine), (&events, at), other).await;
        let last = home(&shelf).entries().await.unwrap();
        match one {
            Ok(_) => assert!(last == events, "{at}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Refused, "{at}: {error}");
                assert_eq!(last, [entry(0, begun("R"))], "{at}");
                assert_eq!(seen(&shelf, "A").await, 0, "{at}");
            }
        }
        log.release().await;
        if !is_between {
            return;
        }
    }
}

/// The other push has fewer events, and a runner goes on with those.
#[tokio::test(start_paused = true)]
async fn a_push_of_more_is_in_nobodys_way_who_has_taken_the_run() {
    let machine = Machine::new();
    let (events, fewer) = (machine.events("A", EVENTS), machine.events("A", 900));
    for at in 0.. {
        let shelf = Shelf::new();
        let other = async {
            if machine.push(Store::calm(&shelf), &fewer).await.is_err() {
                return None;
            }
            let mut taken = home(&shelf).take(&holder("bob")).await.unwrap();
            let next = entry(taken.entries.len() as u64, noted("bob's"));
            taken.log.append(std::slice::from_ref(&next)).await.unwrap();
            Some(([taken.entries, vec![next]].concat(), taken.log))
        };
        let (one, other, is_between) = beside((&shelf, &machine), (&events, at), other).await;
        match other {
            Some((went_on, mut log)) => {
                let last = [entry(went_on.len() as u64, noted("and on"))];
                log.append(&last).await.unwrap();
                let there = home(&shelf).entries().await.unwrap();
                assert!(there == [&went_on[..], &last].concat(), "{at}: {one:?}");
                assert_eq!(one.is_ok(), went_on.len() > EVENTS, "{at}: {one:?}");
            }
            // All segments of the longer one were there, or all of it.
            None => assert_eq!(one.unwrap().there_before, 0, "{at}"),
        }
        if !is_between {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_to_a_plan_that_somebody_holds_is_refused() {
    let (machine, shelf) = (Machine::new(), Shelf::new());
    let log = home(&shelf).take(&holder("bob")).await.unwrap().log;
    let events = machine.events("A", EVENTS);
    let error = machine.push(Store::calm(&shelf), &events).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert_eq!(seen(&shelf, "A").await, 0);
    log.release().await;
    machine.push(Store::calm(&shelf), &events).await.unwrap();
    // Who died with it has to be seen to.
    drop(home(&shelf).take(&holder("bob")).await.unwrap().log);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let more = machine.events("A", EVENTS + 1);
    let error = machine.push(Store::calm(&shelf), &more).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_on_the_machine_is_named() {
    let (machine, shelf) = (Machine::new(), Shelf::new());
    std::fs::remove_dir_all(machine.0.path()).unwrap();
    let events = machine.events("A", 4);
    let pushed = machine.push(Store::calm(&shelf), &events).await.unwrap();
    let names: Vec<_> = pushed.missing.iter().map(|artifact| &*artifact.name).collect();
    assert_eq!(names, ["lines", "snapshot"]);
}
