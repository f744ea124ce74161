//! Stores that promise what they do not keep, and what the probe says of each.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use vecshift::clock::Clock;
use vecshift::storage::objects::{Listed, Memory, Objects, Put, Read, Version, probe};
use vecshift::{Error, ErrorKind, Result};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Takes the condition of a create, and ignores it.
    CreatesOver,
    /// Takes the version of a replacement, and ignores it.
    AnyVersion,
    /// Takes a version where nothing is.
    ReplacesNothing,
    /// Has another version in mind than the one that it answered.
    NoVersion,
    /// Refuses by its answer alone.
    RefusesAndWrites,
    /// Remembers what was deleted, and refuses to create it.
    Marked,
    /// Says that it wrote.
    Forgets,
    /// Reads from a copy that is behind.
    Stale,
    Unlisted,
    NoPut,
    NoList,
    NoPutNoGetNoList,
    /// The answer of every second write is lost, after it was written.
    LosesAnswers,
    /// Every second write is too fast.
    Slow,
    /// Never answers a write.
    Silent,
}

#[derive(Debug)]
struct Bad {
    memory: Memory,
    fault: Fault,
    puts: AtomicUsize,
}

impl Bad {
    fn new(fault: Fault) -> Self {
        Self { memory: Memory::new(Clock::system()), fault, puts: AtomicUsize::new(0) }
    }

    fn allows(&self, action: &str) -> Result<()> {
        let denied: &[&str] = match self.fault {
            Fault::NoPut => &["put"],
            Fault::NoList => &["list"],
            Fault::NoPutNoGetNoList => &["put", "get", "list"],
            _ => &[],
        };
        match denied.contains(&action) {
            true => Err(Error::new(ErrorKind::Unauthorized, format!("no {action}"))
                .with_hint(format!("it needs {action}"))),
            false => Ok(()),
        }
    }

    async fn over(&self, key: &str, bytes: Bytes) -> Put {
        match self.memory.get(key).await.unwrap() {
            Some(there) => self.memory.replace(key, bytes, &there.version).await.unwrap(),
            None => self.memory.create(key, bytes).await.unwrap(),
        }
    }

    /// Returns what comes of a write of a store whose answers are late or lost.
    fn answered(&self, put: Put) -> Put {
        let lost = || Put::Unknown(Error::new(ErrorKind::Timeout, "no answer"));
        match self.fault {
            Fault::LosesAnswers if self.is_odd() => lost(),
            _ => put,
        }
    }

    fn is_odd(&self) -> bool {
        self.puts.fetch_add(1, Ordering::SeqCst).is_multiple_of(2)
    }

    /// Returns what a write that never comes to the store is answered.
    fn before(&self) -> Option<Put> {
        match self.fault {
            Fault::Silent => Some(Put::Unknown(Error::new(ErrorKind::Timeout, "no answer"))),
            Fault::Slow if self.is_odd() => {
                Some(Put::Unknown(Error::new(ErrorKind::RateLimited, "too fast")))
            }
            _ => None,
        }
    }
}

#[async_trait]
impl Objects for Bad {
    fn uri(&self) -> &str {
        "bad://shelf"
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Put> {
        self.allows("put")?;
        if let Some(put) = self.before() {
            return Ok(put);
        }
        let is_there = self.memory.get(key).await?.is_some();
        match self.fault {
            Fault::CreatesOver => Ok(self.over(key, bytes).await),
            Fault::RefusesAndWrites if is_there => {
                self.over(key, bytes).await;
                Ok(Put::Refused)
            }
            Fault::Marked => Ok(Put::Refused),
            Fault::Forgets => Ok(Put::Done(Version { e_tag: Some("a".to_owned()), version: None })),
            _ => Ok(self.answered(self.memory.create(key, bytes).await?)),
        }
    }

    async fn replace(&self, key: &str, bytes: Bytes, version: &Version) -> Result<Put> {
        self.allows("put")?;
        if let Some(put) = self.before() {
            return Ok(put);
        }
        let is_there = self.memory.get(key).await?.is_some();
        match self.fault {
            Fault::AnyVersion if is_there => Ok(self.over(key, bytes).await),
            Fault::ReplacesNothing if !is_there => Ok(self.over(key, bytes).await),
            Fault::NoVersion => Ok(Put::Refused),
            Fault::Stale => {
                let put = self.memory.replace(key, bytes, version).await?;
                self.puts.fetch_add(1, Ordering::SeqCst);
                Ok(put)
            }
            _ => Ok(self.answered(self.memory.replace(key, bytes, version).await?)),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Read>> {
        self.allows("get")?;
        let read = self.memory.get(key).await?;
        let is_behind = self.fault == Fault::Stale && self.puts.load(Ordering::SeqCst) > 0;
        Ok(read.map(|read| match is_behind {
            true => Read { bytes: Bytes::from_static(b"first"), ..read },
            false => read,
        }))
    }

    async fn list(&self, below: &str) -> Result<Vec<Listed>> {
        self.allows("list")?;
        match self.fault {
            Fault::Unlisted => Ok(Vec::new()),
            _ => self.memory.list(below).await,
        }
    }

    async fn folders(&self, below: &str) -> Result<Vec<String>> {
        self.memory.folders(below).await
    }

    async fn upload(&self, key: &str, file: &Path) -> Result<()> {
        self.memory.upload(key, file).await
    }

    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        self.memory.download(key, file).await
    }
}

#[tokio::test]
async fn a_store_that_breaks_its_word_is_refused_by_the_name_of_the_failure() {
    for (fault, why) in [
        (Fault::CreatesOver, "it creates over what is there"),
        (Fault::AnyVersion, "it takes any version"),
        (Fault::ReplacesNothing, "it replaces what is not there"),
        (Fault::NoVersion, "it refuses the right version"),
        (Fault::RefusesAndWrites, "it refuses to create, and writes"),
        (Fault::Marked, "it refuses to create an object that is not there"),
        (Fault::Forgets, "it does not keep what is written"),
        (Fault::Stale, "it shows what was there before"),
        (Fault::Unlisted, "it does not list what was written"),
    ] {
        let bad = Bad::new(fault);
        let error = probe(&bad, "hot/probe").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{fault:?}: {error}");
        let expected = format!("bad://shelf cannot keep a run apart from another: {why}");
        assert_eq!(error.message(), expected, "{fault:?}");
        assert!(error.context_of("object").unwrap().starts_with("hot/probe/probe-"));
    }
}

#[tokio::test]
async fn every_right_that_is_missing_is_named_at_once() {
    for (fault, message, hint) in [
        (Fault::NoPut, "no put", "it needs put"),
        (Fault::NoList, "no list", "it needs list"),
        (
            Fault::NoPutNoGetNoList,
            "not allowed to put and get and list in bad://shelf: no put; no get; no list",
            "it needs put; it needs get; it needs list",
        ),
    ] {
        let error = probe(&Bad::new(fault), "").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert_eq!((error.message(), error.hint()), (message, Some(hint)));
    }
}

/// Lost answers are no fault of a store.
#[tokio::test(start_paused = true)]
async fn answers_that_are_lost_and_writes_that_are_too_fast_pass() {
    for fault in [Fault::LosesAnswers, Fault::Slow] {
        let bad = Bad::new(fault);
        let probed = probe(&bad, "hot").await.unwrap();
        assert_eq!(bad.get(&probed.key).await.unwrap().unwrap().bytes, "third", "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_not_called_broken() {
    let error = probe(&Bad::new(Fault::Silent), "").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}
