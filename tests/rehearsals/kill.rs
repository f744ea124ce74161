//! Runs that are killed after any of their events, or in any of their steps.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vecshift::journal::{Entry, RunState};
use vecshift::run::{Listener, Outcome, PreparedRun, Progress};

/// A migration that can be begun and begun again.
pub trait Killed {
    async fn begun(&self, listener: Arc<dyn Listener>) -> PreparedRun;

    fn journal(&self) -> PathBuf;
}

/// A place to be killed at: the run is dropped on the spot once `after` events are written, and `kept` of them are on
/// disk. Events that are written together may reach the disk in part, and what a step has done may be lost with them.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    pub after: u64,
    pub kept: u64,
}

impl Kill {
    pub fn after(events: u64) -> Self {
        Self { after: events, kept: events }
    }

    /// Returns the places after each event of a whole run; in each step after it has acted, and before what came of it is on
    /// disk; and before each event that could not wait, with all lost that waited for it.
    ///
    /// An intent is never lost together with its effect: the effect begins when the intent is on disk.
    pub fn all(entries: &[Entry], steps: &[u64]) -> Vec<Self> {
        let last = entries.len() as u64;
        let is_intent = |number: u64| entries.get(number as usize).is_some_and(is_intent);
        let intents = (0..last).filter(|number| is_intent(*number)).map(|number| number + 1);
        let acted = steps.iter().copied().chain(intents).filter(|kept| !is_intent(*kept));
        let acted = acted.map(|kept| Self { after: kept + 1, kept });
        let killed = (1..last).map(Self::after).chain(acted).chain(waited(entries));
        killed.filter(|kill| kill.kept < last).collect()
    }
}

fn is_intent(entry: &Entry) -> bool {
    let event = serde_json::to_value(&entry.event).unwrap();
    let name = event["event"].as_str().unwrap();
    name.ends_with("_intended") || name == "hook_started"
}

/// Returns the places before each event that could not wait, with all lost that waited for it.
fn waited(entries: &[Entry]) -> impl Iterator<Item = Kill> {
    let mut kept = 0;
    (1..).zip(entries).filter_map(move |(number, entry)| {
        if entry.event.may_wait() {
            return None;
        }
        let before = std::mem::replace(&mut kept, number);
        let last_waiting = number - 1;
        (before > 0 && last_waiting > before).then_some(Kill { after: last_waiting, kept: before })
    })
}

/// An observer that signals when a certain number of events has been written, and when nobody writes any more.
struct Fuse {
    left: AtomicU64,
    blown: Arc<Notify>,
    is_gone: Arc<Notify>,
}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.is_gone.notify_one();
    }
}

impl Listener for Fuse {
    fn event(&self, _: &Entry, _: &RunState) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.blown.notify_one();
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// Runs until it is killed. Returns `false` if the run came to its end before: the number of checkpoints depends on how fast
/// it is.
pub async fn run_and_kill(run: &impl Killed, kill: Kill) -> bool {
    let (blown, is_gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let fuse =
        Fuse { left: AtomicU64::new(kill.after), blown: blown.clone(), is_gone: is_gone.clone() };
    let begun = run.begun(Arc::new(fuse)).await;
    let ended = tokio::select! {
        biased;
        () = blown.notified() => None,
        ended = begun.execute(CancellationToken::new()) => Some(ended),
    };
    let is_error = matches!(&ended, Some(Err(_) | Ok(Outcome::Erred { .. })));
    assert!(!is_error, "{kill:?}: {ended:?}");
    let is_killed = ended.is_none();
    is_gone.notified().await;
    if is_killed {
        cut(&run.journal(), kill.kept);
    }
    is_killed
}

/// Leaves the first events of a journal.
pub fn cut(path: &Path, events: u64) {
    let text = std::fs::read_to_string(path).unwrap();
    let kept: String = text.split_inclusive('\n').take(events as usize).collect();
    std::fs::write(path, kept).unwrap();
}

/// An observer that notes how many events were on disk before each step.
#[derive(Default)]
struct Steps {
    events: AtomicU64,
    begun_after: Mutex<Vec<u64>>,
}

impl Listener for Steps {
    fn event(&self, _: &Entry, _: &RunState) {
        self.events.fetch_add(1, Ordering::SeqCst);
    }

    fn step(&self, _: &dyn std::fmt::Debug) {
        self.begun_after.lock().unwrap().push(self.events.load(Ordering::SeqCst));
    }

    fn progress(&self, _: &Progress) {}
}

/// Runs to an end, and returns how many events were on disk before each step.
pub async fn run_noting_steps(run: &impl Killed) -> (Outcome, Vec<u64>) {
    let steps = Arc::new(Steps::default());
    let outcome = run.begun(steps.clone()).await.execute(CancellationToken::new()).await.unwrap();
    let begun_after = steps.begun_after.lock().unwrap().clone();
    (outcome, begun_after)
}
