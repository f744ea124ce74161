//! The one object of a plan that is replaced: who holds it, and which run is its last.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json;
use crate::clock::after;
use crate::error::Result;
use crate::journal::{Holder, LockView};
use crate::storage::objects::{Read, Version};

/// The version of its format.
const FORMAT: u32 = 1;
/// More takes, segments or seconds than a plan ever has.
const MOST: u64 = 100_000_000;

/// The head of a plan. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub v: u32,
    /// Raised whenever the plan changes hands.
    pub epoch: u64,
    /// Another one in each write: versions of a store may be sums of the bytes, and the same bytes would have the same.
    pub nonce: String,
    /// The lock as people name it, the same from the take on; `None` while nobody holds the plan.
    pub lock: Option<String>,
    pub holder: Option<Holder>,
    /// The time of the take, by the holder's clock: for people.
    pub since: Timestamp,
    pub lease_s: u64,
    pub run: Option<String>,
    #[serde(flatten)]
    pub extent: Extent,
    /// The run before it, which is the last one to whoever reads as long as `run` has no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
}

/// A run that has ended, and how far its log reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    pub run: String,
    #[serde(flatten)]
    pub extent: Extent,
}

/// How far the log of the last run reached when the head was written. It may be longer by now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extent {
    pub last_segment: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sha256: Option<String>,
    /// The last segment of the newest tail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<u64>,
}

impl Extent {
    fn is_possible(&self) -> bool {
        self.last_segment < MOST && self.tail.is_none_or(|tail| tail <= self.last_segment)
    }
}

/// A head as it was read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub head: Head,
    pub version: Version,
    /// The time of its last write, by the store's clock.
    pub modified: Timestamp,
}

impl Head {
    /// Returns a head that nobody has written yet.
    pub fn first(lease: Duration, now: Timestamp) -> Self {
        Self {
            v: FORMAT,
            epoch: 0,
            nonce: String::new(),
            lock: None,
            holder: None,
            since: now,
            lease_s: lease.as_secs(),
            run: None,
            extent: Extent::default(),
            before: None,
        }
    }

    /// Returns what it says of how far the log of a run reaches; `None` if it does not name it.
    pub fn extent_of(&self, run: &str) -> Option<&Extent> {
        let before = self.before.as_ref().filter(|before| before.run == run);
        match &self.run {
            Some(last) if last == run => Some(&self.extent),
            _ => before.map(|before| &before.extent),
        }
    }

    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }

    pub fn bytes(&self) -> Result<Bytes> {
        json::line(self).map(Bytes::from)
    }

    /// Returns who holds the plan, whether the lease has ended or not.
    pub fn lock(&self, modified: Timestamp) -> Option<LockView> {
        let (holder, id) = (self.holder.clone()?, self.lock.clone()?);
        let until = after(modified, self.lease());
        Some(LockView { id, holder, since: self.since, until, by_lease: true })
    }
}

impl Seen {
    /// # Errors
    /// `Refused` for a newer format, `Conflict` for what is no head.
    pub fn parse(read: Read, key: &str) -> Result<Self> {
        let head: Head = json::read(&read.bytes, key, FORMAT, |head: &Head| head.v)?;
        let is_possible = head.epoch < MOST
            && head.lease_s < MOST
            && head.extent.is_possible()
            && head.before.as_ref().is_none_or(|before| before.extent.is_possible());
        if !is_possible {
            return Err(json::damaged(format!(
                "`{key}` is damaged: it has numbers that no run writes"
            )));
        }
        Ok(Self { head, version: read.version, modified: read.modified })
    }

    pub fn lock(&self) -> Option<LockView> {
        self.head.lock(self.modified)
    }
}
