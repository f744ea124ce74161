//! A store in memory whose answers are late, lost or wrong when a test says so.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::{after, until};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::objects::{Listed, Objects, Put, Read, Version};

/// The time at which every store begins.
pub fn start() -> Timestamp {
    "2026-11-02T09:00:00Z".parse().unwrap()
}

/// Objects, with the time of a store that counts whole seconds. The same bytes have the same version.
#[derive(Clone, Debug)]
pub struct Shelf(Arc<Inner>);

type Watch = dyn Fn(&str, &Bytes) + Send + Sync;

struct Inner {
    began: Instant,
    objects: Mutex<BTreeMap<String, (Bytes, Timestamp, Version)>>,
    /// Every request, as its kind and key.
    asked: Mutex<Vec<(&'static str, String)>>,
    /// Called with what was written.
    seen: Box<Watch>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl Shelf {
    pub fn new() -> Self {
        Self::watched(|_, _| {})
    }

    pub fn watched(seen: impl Fn(&str, &Bytes) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            objects: Mutex::default(),
            asked: Mutex::default(),
            seen: Box::new(seen),
        }))
    }

    pub fn keys(&self) -> Vec<String> {
        self.objects().keys().cloned().collect()
    }

    pub fn bytes(&self, key: &str) -> Option<Bytes> {
        self.objects().get(key).map(|(bytes, ..)| bytes.clone())
    }

    /// Writes or removes an object behind everybody's back.
    pub fn set(&self, key: &str, bytes: Option<Bytes>) {
        let now = self.now();
        match bytes {
            Some(bytes) => {
                let version = version(&bytes);
                self.objects().insert(key.to_owned(), (bytes, now, version));
            }
            None => {
                self.objects().remove(key);
            }
        }
    }

    /// Returns the requests since the last time, as `put`, `get` and `list` with their keys.
    pub fn asked(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut *self.0.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn ask(&self, kind: &'static str, key: &str) {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner).push((kind, key.to_owned()));
    }

    fn now(&self) -> Timestamp {
        after(start(), Duration::from_secs(self.0.began.elapsed().as_secs()))
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, (Bytes, Timestamp, Version)>> {
        self.0.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: &str, bytes: &Bytes, may: &May) -> Put {
        let is_met = match (may, self.objects().get(key)) {
            (May::Always, _) | (May::Create, None) => true,
            (May::Replace(from), Some((.., version))) => from == version,
            (May::Create, Some(_)) | (May::Replace(_), None) => false,
        };
        if !is_met {
            return Put::Refused;
        }
        self.set(key, Some(bytes.clone()));
        (self.0.seen)(key, bytes);
        Put::Done(version(bytes))
    }
}

/// When an object may be written.
enum May {
    Always,
    Create,
    Replace(Version),
}

fn version(bytes: &Bytes) -> Version {
    let sum = twox_hash::XxHash3_128::oneshot(bytes);
    Version { e_tag: Some(sum.to_string()), version: None }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Fine,
    /// It is done, and nobody says so.
    AnswerLost,
    /// It never arrives, and nobody says so.
    RequestLost,
    /// Nobody says so, and it arrives after this time.
    Late(Duration),
    /// The store says that something is in the way, and nothing is.
    Conflict,
    /// It arrives twice, and the second answer is the one that comes back.
    Doubled,
    /// It is done, and there is no answer in any time.
    Mute,
    /// It never arrives, and there is no answer in any time.
    Gone,
    /// The store asks to slow down.
    Slow,
}

/// What becomes of each request: how long it is on its way, what then, and how long its answer is on its way.
pub trait Weather: Send + Sync {
    fn next(&self) -> (Duration, Fault, Duration);
}

struct Calm(Duration);

impl Weather for Calm {
    fn next(&self) -> (Duration, Fault, Duration) {
        (self.0, Fault::Fine, Duration::ZERO)
    }
}

/// A shelf as one machine reaches it.
#[derive(Clone)]
pub struct Store {
    shelf: Shelf,
    weather: Arc<dyn Weather>,
    /// The kinds of requests and the part of a key that this machine has no right to.
    denied: Option<(&'static str, &'static str)>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    pub fn new(shelf: &Shelf, weather: Arc<dyn Weather>) -> Self {
        Self { shelf: shelf.clone(), weather, denied: None }
    }

    /// A store that answers at once.
    pub fn calm(shelf: &Shelf) -> Self {
        Self::far(shelf, Duration::ZERO)
    }

    pub fn far(shelf: &Shelf, latency: Duration) -> Self {
        Self::new(shelf, Arc::new(Calm(latency)))
    }

    pub fn without(self, kind: &'static str, below: &'static str) -> Self {
        Self { denied: Some((kind, below)), ..self }
    }

    fn check(&self, kind: &'static str, key: &str) -> Result<()> {
        self.shelf.ask(kind, key);
        match self.denied {
            Some((denied, below)) if denied == kind && key.contains(below) => {
                let message = format!("not allowed to {kind} `{key}`");
                Err(Error::new(ErrorKind::Unauthorized, message))
            }
            _ => Ok(()),
        }
    }

    async fn put(&self, key: &str, bytes: Bytes, may: May) -> Result<Put> {
        self.check("put", key)?;
        let (before, fault, back) = self.weather.next();
        let (shelf, key) = (self.shelf.clone(), key.to_owned());
        let apply = move || shelf.put(&key, &bytes, &may);
        // What is on its way arrives whatever becomes of who sent it.
        let arriving = async move {
            rest(before).await;
            match fault {
                Fault::Fine => Some(apply()),
                Fault::AnswerLost => {
                    apply();
                    Some(silence())
                }
                Fault::RequestLost => Some(silence()),
                Fault::Late(by) => {
                    tokio::spawn(async move {
                        rest(by).await;
                        apply();
                    });
                    Some(silence())
                }
                Fault::Conflict => Some(Put::Refused),
                Fault::Doubled => {
                    apply();
                    Some(apply())
                }
                Fault::Mute => {
                    apply();
                    None
                }
                Fault::Gone => None,
                Fault::Slow => Some(Put::Unknown(Error::new(ErrorKind::RateLimited, "slow down"))),
            }
        };
        let put = match before.is_zero() {
            true => arriving.await,
            false => tokio::spawn(arriving).await.unwrap(),
        };
        match put {
            Some(put) => {
                rest(back).await;
                Ok(put)
            }
            None => std::future::pending().await,
        }
    }

    async fn look<T>(&self, kind: &'static str, key: &str, look: impl FnOnce() -> T) -> Result<T> {
        self.check(kind, key)?;
        let (before, fault, back) = self.weather.next();
        rest(before).await;
        match fault {
            Fault::Fine | Fault::Conflict | Fault::Doubled => {
                let seen = look();
                rest(back).await;
                Ok(seen)
            }
            Fault::AnswerLost | Fault::RequestLost | Fault::Late(_) => {
                Err(Error::new(ErrorKind::Timeout, "no answer"))
            }
            Fault::Slow => Err(Error::new(ErrorKind::RateLimited, "slow down")),
            Fault::Mute | Fault::Gone => std::future::pending().await,
        }
    }
}

async fn rest(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn silence() -> Put {
    Put::Unknown(Error::new(ErrorKind::Timeout, "no answer"))
}

#[async_trait]
impl Objects for Store {
    fn uri(&self) -> &str {
        "s3://shelf/state"
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Put> {
        self.put(key, bytes, May::Create).await
    }

    async fn replace(&self, key: &str, bytes: Bytes, version: &Version) -> Result<Put> {
        self.put(key, bytes, May::Replace(version.clone())).await
    }

    async fn get(&self, key: &str) -> Result<Option<Read>> {
        let look = || {
            let (bytes, modified, version) = self.shelf.objects().get(key)?.clone();
            Some(Read { version, bytes, modified })
        };
        self.look("get", key, look).await
    }

    async fn list(&self, below: &str) -> Result<Vec<Listed>> {
        let look = || {
            let objects = self.shelf.objects();
            let below = format!("{below}/");
            let found = objects.iter().filter(|(key, _)| key.starts_with(&below));
            let listed = |(key, (bytes, modified, _)): (&String, &(Bytes, Timestamp, Version))| {
                Listed { key: key.clone(), bytes: bytes.len() as u64, modified: *modified }
            };
            found.map(listed).collect()
        };
        self.look("list", below, look).await
    }

    async fn folders(&self, below: &str) -> Result<Vec<String>> {
        let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
        let look = || {
            let objects = self.shelf.objects();
            let folder =
                |key: &String| Some(key.strip_prefix(&prefix)?.split_once('/')?.0.to_owned());
            let mut folders: Vec<_> = objects.keys().filter_map(folder).collect();
            folders.dedup();
            folders
        };
        self.look("list", below, look).await
    }

    async fn upload(&self, key: &str, file: &Path) -> Result<()> {
        let bytes = std::fs::read(file).map_err(|error| Error::io("a file is gone", error))?;
        match self.put(key, bytes.into(), May::Always).await? {
            Put::Done(_) => Ok(()),
            Put::Unknown(error) => Err(error),
            Put::Refused => Err(Error::new(ErrorKind::Unavailable, "a conflict")),
        }
    }

    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        let look = || self.shelf.bytes(key);
        let Some(bytes) = self.look("get", key, look).await? else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no `{key}`")));
        };
        crate::fs::replace(file, &bytes, crate::fs::Access::Usual)
            .map_err(|error| Error::io("a file cannot be written", error))
    }
}

/// Returns the time since the shelf began, for what is measured in virtual time.
pub fn since(shelf: &Shelf) -> Duration {
    until(start(), after(start(), shelf.0.began.elapsed()))
}
