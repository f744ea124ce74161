//! Requests to a store: each has its time, and what can be asked again is asked until there is an answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use bytes::Bytes;

use crate::clock::Stopwatch;
use crate::error::{Error, ErrorKind, Result};
use crate::model::duration;
use crate::storage::objects::{Listed, Objects, Put, Read, Version, probe};

/// How long what was begun waits for a store that does not answer.
pub(super) const OUTAGE: Duration = Duration::from_secs(30 * 60);
/// How long what only reads, or has not begun, waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// The longest time of one request.
const LONGEST: Duration = Duration::from_secs(30);
/// The fewest tries, however long each takes.
const TRIES: u32 = 3;
/// Pauses between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What a probe has seen once it has passed.
const SEEN: [&str; 5] = [
    "this machine may put, get and list",
    "an object is created only where there is none",
    "an object is replaced only in the version that was seen",
    "what was written is listed at once",
    "not seen: two writers at the same instant, and copies of a bucket elsewhere",
];

/// A store, asked in time.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    objects: Arc<dyn Objects>,
}

/// What came of an object that nobody else may write.
#[derive(Debug)]
pub(super) enum Settled {
    /// It is there as it was sent.
    Ours,
    /// There is another one.
    Another(Read),
}

impl Asking {
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        Self { objects }
    }

    pub fn uri(&self) -> &str {
        self.objects.uri()
    }

    /// Reads an object, asked once.
    pub async fn get(&self, key: &str, within: Duration) -> Result<Option<Read>> {
        in_time(within, key, self.objects.get(key)).await
    }

    /// Reads an object.
    pub async fn read(&self, key: &str) -> Result<Option<Read>> {
        patiently(|| in_time(LONGEST, key, self.objects.get(key))).await
    }

    pub async fn list(&self, below: &str) -> Result<Vec<Listed>> {
        patiently(|| in_time(LONGEST * 2, below, self.objects.list(below))).await
    }

    pub async fn folders(&self, below: &str) -> Result<Vec<String>> {
        patiently(|| in_time(LONGEST, below, self.objects.folders(below))).await
    }

    /// Writes a file under a name that nobody else has; large ones take their time.
    pub async fn upload(&self, key: &str, file: &Path) -> Result<()> {
        patiently(|| self.objects.upload(key, file)).await
    }

    /// Writes an object to a file of this machine.
    pub async fn download(&self, key: &str, file: &Path) -> Result<()> {
        patiently(|| self.objects.download(key, file)).await
    }

    /// Checks that the store keeps its conditions, with an object below a folder. Returns what was seen.
    pub async fn probe(&self, below: &str) -> Result<Vec<String>> {
        patiently(|| in_time(LONGEST * 2, below, probe(&*self.objects, below))).await?;
        Ok(SEEN.map(str::to_owned).to_vec())
    }

    /// Writes an object where there is none, asked once.
    pub async fn create(&self, key: &str, bytes: Bytes, within: Duration) -> Result<Put> {
        unknown(in_time(within, key, self.objects.create(key, bytes)).await)
    }

    /// Replaces an object, asked once.
    pub async fn replace(
        &self,
        key: &str,
        bytes: Bytes,
        version: &Version,
        within: Duration,
    ) -> Result<Put> {
        unknown(in_time(within, key, self.objects.replace(key, bytes, version)).await)
    }

    /// Reads what is there after a write that nobody answered.
    ///
    /// # Errors
    /// Those of the store that are no outage.
    pub async fn read_back(&self, key: &str, within: Duration) -> Result<Sent<Option<Read>>> {
        match self.get(key, within).await {
            Ok(there) => Ok(Sent::Known(there)),
            Err(error) if may_come_back(&error) => Ok(Sent::Open(Some(error))),
            Err(error) => Err(error),
        }
    }

    /// Writes an object where there is none, and returns what is there then. While that is open, nothing but these bytes is
    /// sent to the key: a request without an answer may still arrive.
    ///
    /// # Errors
    /// `Unavailable` where it stays open; those of the store that are no outage.
    pub async fn settle(&self, key: &str, bytes: &Bytes, limit: Duration) -> Result<Settled> {
        let mut again = Again::within(key, limit);
        loop {
            let put = self.create(key, bytes.clone(), LONGEST).await?;
            let why = match Sent::from(put) {
                Sent::Known(_) => return Ok(Settled::Ours),
                Sent::Open(why) => why,
            };
            let why = match self.read_back(key, LONGEST).await? {
                Sent::Known(Some(there)) if there.bytes == *bytes => return Ok(Settled::Ours),
                Sent::Known(Some(there)) => return Ok(Settled::Another(there)),
                Sent::Known(None) => why,
                Sent::Open(error) => error,
            };
            again.wait(why).await?;
        }
    }

    /// Writes an object under a name that nobody else has, without reading.
    pub async fn put_own(&self, key: &str, bytes: Bytes) -> Result<()> {
        let mut again = Again::within(key, PATIENCE);
        let mut was_sent = false;
        loop {
            let put = self.create(key, bytes.clone(), LONGEST).await?;
            match Sent::from(put) {
                Sent::Known(_) => return Ok(()),
                // The first answer may be a conflict in which nothing was written.
                Sent::Open(None) if was_sent => return Ok(()),
                Sent::Open(why) => again.wait(why).await?,
            }
            was_sent = true;
        }
    }
}

/// What is known of something that was sent.
#[derive(Debug)]
pub(super) enum Sent<T> {
    /// What came of it.
    Known(T),
    /// It is there, is not, or will be yet; with the last answer that was none.
    Open(Option<Error>),
}

impl From<Put> for Sent<Version> {
    fn from(put: Put) -> Self {
        match put {
            Put::Done(version) => Self::Known(version),
            Put::Refused => Self::Open(None),
            Put::Unknown(error) => Self::Open(Some(error)),
        }
    }
}

/// Tries to find out what is under a key, with pauses between them that grow.
pub(super) struct Again<'a> {
    key: &'a str,
    since: Stopwatch,
    limit: Duration,
    tries: u32,
    pauses: ExponentialBackoff,
}

impl<'a> Again<'a> {
    pub fn within(key: &'a str, limit: Duration) -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(PAUSES.0)
            .with_max_delay(PAUSES.1)
            .without_max_times();
        Self { key, since: Stopwatch::start(), limit, tries: 0, pauses: pauses.build() }
    }

    /// Waits for the next try; `why` is the last answer that was none.
    ///
    /// # Errors
    /// `Unavailable` once the time is over.
    pub async fn wait(&mut self, why: Option<Error>) -> Result<()> {
        match self.has_time().await {
            true => Ok(()),
            false => Err(self.given_up(why)),
        }
    }

    async fn has_time(&mut self) -> bool {
        self.tries += 1;
        let is_over = self.since.elapsed() >= self.limit && self.tries >= TRIES;
        if !is_over {
            tokio::time::sleep(self.pauses.next().unwrap_or(PAUSES.1)).await;
        }
        !is_over
    }

    fn given_up(&self, why: Option<Error>) -> Error {
        let (key, time) = (self.key, duration(self.since.elapsed()));
        let error = match why {
            Some(why) => {
                let message =
                    format!("the place of the state does not answer for `{key}` in {time}");
                Error::new(ErrorKind::Unavailable, message).with_source(why)
            }
            None => {
                let message =
                    format!("the place of the state takes no `{key}`, and has none, in {time}");
                Error::new(ErrorKind::Unavailable, message)
            }
        };
        error.with_hint("run the same command again when the place of the state is back")
    }
}

/// Asks again for what has no answer.
async fn patiently<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    let mut again = Again::within("", PATIENCE);
    loop {
        match ask().await {
            Err(error) if error.is_retryable() && again.has_time().await => {}
            answer => return answer,
        }
    }
}

async fn in_time<T>(
    within: Duration,
    key: &str,
    asked: impl Future<Output = Result<T>>,
) -> Result<T> {
    let answer = tokio::time::timeout(within, asked).await;
    answer.unwrap_or_else(|_| {
        let message = format!("no answer for `{key}` in {}", duration(within));
        Err(Error::new(ErrorKind::Timeout, message))
    })
}

fn unknown(put: Result<Put>) -> Result<Put> {
    match put {
        Err(error) if may_come_back(&error) => Ok(Put::Unknown(error)),
        put => put,
    }
}

/// Returns whether a place that was there before may be there again: it does not answer, or a share is not mounted.
pub(super) fn may_come_back(error: &Error) -> bool {
    error.is_retryable() || error.kind() == ErrorKind::NotFound
}
