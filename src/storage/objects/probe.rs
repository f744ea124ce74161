//! Looks at whether a place keeps its conditions, before it is trusted with anything.
//!
//! Many servers that speak S3 take conditions and ignore them, which is worse than refusing. What a probe cannot see are
//! writers that race each other, and copies of a bucket elsewhere.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Objects, Put, Version};
use crate::error::{Error, ErrorKind, Result};

/// Stores let an object be written about once a second (Google Cloud Storage, Cloudflare R2).
const PAUSE: Duration = Duration::from_millis(1_100);

/// How often what got no answer is asked.
const TRIES: usize = 4;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The object that it wrote, which stays.
    pub key: String,
    /// The time of its last write, by the store's own clock.
    pub modified: Timestamp,
}

/// Writes one object below the folder `below`, tries every condition on it, reads and lists it. It stays there.
///
/// # Errors
/// `Unauthorized`, naming all of get, put and list that are not allowed; `Unsupported`, by the name of the failure, for a
/// place whose conditions cannot be trusted; those of the place.
pub async fn probe(objects: &dyn Objects, below: &str) -> Result<Probed> {
    let name = format!("probe-{:032x}", rand::random::<u128>());
    let key = if below.is_empty() { name } else { format!("{below}/{name}") };
    let probe = Probe { objects, below, key: &key };
    probe.rights().await?;
    probe.creates().await?;
    probe.replaces().await?;
    let modified = probe.lists().await?;
    Ok(Probed { key, modified })
}

struct Probe<'a> {
    objects: &'a dyn Objects,
    below: &'a str,
    key: &'a str,
}

const FIRST: &[u8] = b"first";
const SECOND: &[u8] = b"second";
const THIRD: &[u8] = b"third";

/// What is written under a condition.
#[derive(Clone, Copy)]
enum Write<'a> {
    Create,
    Replace(&'a Version),
}

impl Probe<'_> {
    /// Writes, reads and lists once, to say at once all that is not allowed.
    async fn rights(&self) -> Result<()> {
        let put = self.passes(Write::Create, FIRST).await;
        let get = self.objects.get(self.key).await;
        let list = self.objects.list(self.below).await;
        if let (Ok(None), Ok(None)) = (&put, &get) {
            return Err(self.broken("it refuses to create an object that is not there"));
        }
        let mut denied = Vec::new();
        for (action, done) in
            [("put", put.map(drop)), ("get", get.map(drop)), ("list", list.map(drop))]
        {
            match done {
                Err(error) if error.kind() == ErrorKind::Unauthorized => {
                    denied.push((action, error))
                }
                done => done?,
            }
        }
        match denied.len() {
            0 => Ok(()),
            1 => Err(denied.remove(0).1),
            _ => Err(self.denied(&denied)),
        }
    }

    fn denied(&self, denied: &[(&str, Error)]) -> Error {
        let actions: Vec<_> = denied.iter().map(|(action, _)| *action).collect();
        let whys: Vec<_> = denied.iter().map(|(_, error)| error.message()).collect();
        let mut hints: Vec<_> = denied.iter().filter_map(|(_, error)| error.hint()).collect();
        // A key that is not accepted is so for all of them.
        hints.dedup();
        let (actions, place) = (actions.join(" and "), self.objects.uri());
        let message = format!("not allowed to {actions} in {place}: {}", whys.join("; "));
        Error::new(ErrorKind::Unauthorized, message).with_hint(hints.join("; "))
    }

    async fn creates(&self) -> Result<()> {
        self.shows(FIRST, "it does not keep what is written").await?;
        if self.write(self.key, Write::Create, SECOND).await?.is_some() {
            return Err(self.broken("it creates over what is there"));
        }
        self.shows(FIRST, "it refuses to create, and writes").await.map(drop)
    }

    /// Replaces by the version that was read, and by the one that a put answered.
    async fn replaces(&self) -> Result<()> {
        let first = self.shows(FIRST, "it does not keep what is written").await?;
        let right = "it refuses the right version";
        let second = self.passes(Write::Replace(&first), SECOND).await?;
        let second = second.ok_or_else(|| self.broken(right))?;
        self.shows(SECOND, "it shows what was there before").await?;
        if self.write(self.key, Write::Replace(&first), THIRD).await?.is_some() {
            return Err(self.broken("it takes any version"));
        }
        self.shows(SECOND, "it refuses a version, and writes").await?;
        let third = self.passes(Write::Replace(&second), THIRD).await?;
        let third = third.ok_or_else(|| self.broken(right))?;
        let nowhere = format!("{}-nowhere", self.key);
        match self.write(&nowhere, Write::Replace(&third), FIRST).await? {
            Some(_) => Err(self.broken("it replaces what is not there")),
            None => Ok(()),
        }
    }

    async fn lists(&self) -> Result<Timestamp> {
        let listed = self.objects.list(self.below).await?;
        let ours = listed.iter().find(|listed| listed.key == self.key);
        let unlisted = || self.broken("it does not list what was written");
        ours.filter(|ours| ours.bytes == THIRD.len() as u64)
            .map(|ours| ours.modified)
            .ok_or_else(unlisted)
    }

    /// Returns the version of what is there, which has to be this.
    async fn shows(&self, bytes: &[u8], otherwise: &str) -> Result<Version> {
        let read = self.objects.get(self.key).await?;
        let read = read.filter(|read| read.bytes == bytes).ok_or_else(|| self.broken(otherwise))?;
        Ok(read.version)
    }

    /// Writes what has to be taken; returns the new version, or `None` if it is refused again and again. One refusal says
    /// nothing: it may be the second answer to a write whose first was lost, or a conflict in which nothing was written.
    async fn passes(&self, write: Write<'_>, bytes: &'static [u8]) -> Result<Option<Version>> {
        for _ in 0..TRIES {
            if let Some(version) = self.write(self.key, write, bytes).await? {
                return Ok(Some(version));
            }
            let there = self.objects.get(self.key).await?;
            if let Some(there) = there.filter(|there| there.bytes == bytes) {
                return Ok(Some(there.version));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }

    /// Returns the new version; `None` if the condition was refused.
    async fn write(
        &self,
        key: &str,
        write: Write<'_>,
        bytes: &'static [u8],
    ) -> Result<Option<Version>> {
        let mut tries = 0;
        loop {
            let body = Bytes::from_static(bytes);
            let put = match write {
                Write::Create => self.objects.create(key, body).await?,
                Write::Replace(version) => self.objects.replace(key, body, version).await?,
            };
            tries += 1;
            let error = match put {
                Put::Done(version) => return Ok(Some(version)),
                Put::Refused if tries == 1 => return Ok(None),
                Put::Refused => None,
                Put::Unknown(error) => Some(error),
            };
            // Of a try before, which had no answer.
            let there = self.objects.get(key).await?;
            if let Some(there) = there.filter(|there| there.bytes == bytes) {
                return Ok(Some(there.version));
            }
            match error {
                None => return Ok(None),
                Some(error) if tries == TRIES => return Err(error),
                Some(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn broken(&self, how: &str) -> Error {
        let place = self.objects.uri();
        Error::unsupported(format!("{place} cannot keep a run apart from another: {how}"))
            .with_context("object", self.key)
            .with_hint("use a store that honours `If-None-Match` and `If-Match` in a PUT")
    }
}
