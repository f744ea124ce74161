//! What is true, whatever runners believe.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use tokio::time::Instant;

use crate::state::bucket::head::Head;
use crate::state::bucket::segment::Header;

/// What is true of one interleaving.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub head: Option<Head>,
    /// The epoch of each take by the name of its holder.
    pub epochs: BTreeMap<String, u64>,
    /// The newest epoch that has a segment.
    pub fenced: u64,
    /// The newest epoch under which an effect began, and the ends of effects by their epochs.
    pub effects: u64,
    pub under_way: Vec<(u64, Instant)>,
    /// Events that were acknowledged: the run, the number and the text.
    pub acked: Vec<(String, u64, String)>,
    /// Who has taken a plan and may begin effects.
    pub entered: BTreeSet<String>,
    /// The epochs that were unlocked before their fence was there.
    pub unlocked: BTreeSet<u64>,
    /// Runs in the order in which they began.
    pub runs: u32,
    pub wrong: Option<String>,
    pub played: Played,
    /// All requests of runners so far, with their times and what became of them.
    way: DefaultHasher,
}

/// What happened in interleavings, to see that all of it does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Played {
    pub effects: u64,
    pub takes: u64,
    /// Takes of a plan whose holder had not let go.
    pub takeovers: u64,
    /// Runners that found out that they had lost the plan.
    pub fenced: u64,
    pub unlocked: u64,
    pub freezes: u64,
    pub kills: u64,
}

impl Played {
    pub fn add(&mut self, other: Self) {
        self.effects += other.effects;
        self.takes += other.takes;
        self.takeovers += other.takeovers;
        self.fenced += other.fenced;
        self.unlocked += other.unlocked;
        self.freezes += other.freezes;
        self.kills += other.kills;
    }
}

impl Truth {
    /// Takes down what becomes of a request, to see that a seed plays the same way again.
    pub fn note(&mut self, what: impl Hash) {
        what.hash(&mut self.way);
    }

    pub fn way(&self) -> u64 {
        self.way.finish()
    }

    /// Takes down whose epoch is which, and where the fences are.
    pub fn watch(&mut self, key: &str, bytes: &Bytes) {
        if key.ends_with("head.json") {
            let head: Head = serde_json::from_slice(bytes).unwrap();
            let name = |head: &Head| head.holder.as_ref().map(|holder| holder.name.clone());
            let before = self.head.as_ref().and_then(name);
            if let Some(now) = name(&head) {
                self.played.takeovers += u64::from(before.is_some_and(|before| before != now));
                self.epochs.insert(now, head.epoch);
            }
            self.head = Some(head);
        } else if key.contains("/log/") {
            self.fenced = self.fenced.max(Header::read(bytes, key).unwrap().epoch);
        }
    }
}
