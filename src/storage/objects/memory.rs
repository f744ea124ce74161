//! Objects in memory, for tests and simulations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::key;
use super::{Listed, Objects, Put, Read, Version};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Access, replace};

/// A place in memory, atomic as no other is. Its time is that of a clock, from which it may differ. The same bytes have
/// the same version, as in the strictest of stores.
#[derive(Debug)]
pub struct Memory {
    clock: Clock,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    objects: BTreeMap<String, (Bytes, Timestamp)>,
    skew: SignedDuration,
}

impl Memory {
    pub fn new(clock: Clock) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// Sets by how much this place's time is ahead of its clock.
    pub fn set_skew(&self, skew: SignedDuration) {
        self.kept().skew = skew;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(
        &self,
        key: &str,
        bytes: Bytes,
        may: impl FnOnce(Option<&Bytes>) -> bool,
    ) -> Result<Put> {
        key::check(key)?;
        let mut kept = self.kept();
        if !may(kept.objects.get(key).map(|(bytes, _)| bytes)) {
            return Ok(Put::Refused);
        }
        let now = self.clock.now().saturating_add(kept.skew).unwrap_or(Timestamp::MAX);
        let version = version(&bytes);
        kept.objects.insert(key.to_owned(), (bytes, now));
        Ok(Put::Done(version))
    }
}

fn version(bytes: &Bytes) -> Version {
    let digest = Sha256::digest(bytes);
    let e_tag = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Version { e_tag: Some(e_tag), version: None }
}

#[async_trait]
impl Objects for Memory {
    fn uri(&self) -> &str {
        "memory:"
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Put> {
        self.put(key, bytes, |there| there.is_none())
    }

    async fn replace(&self, key: &str, bytes: Bytes, from: &Version) -> Result<Put> {
        self.put(key, bytes, |there| there.is_some_and(|there| version(there) == *from))
    }

    async fn get(&self, key: &str) -> Result<Option<Read>> {
        key::check(key)?;
        let kept = self.kept();
        let read = |(bytes, modified): &(Bytes, Timestamp)| Read {
            bytes: bytes.clone(),
            version: version(bytes),
            modified: *modified,
        };
        Ok(kept.objects.get(key).map(read))
    }

    async fn list(&self, below: &str) -> Result<Vec<Listed>> {
        key::check_folder(below)?;
        let kept = self.kept();
        let below = kept.objects.iter().filter(|(key, _)| key::behind(below, key).is_some());
        let listed = |(key, (bytes, modified)): (&String, &(Bytes, Timestamp))| Listed {
            key: key.clone(),
            bytes: bytes.len() as u64,
            modified: *modified,
        };
        Ok(below.map(listed).collect())
    }

    async fn folders(&self, below: &str) -> Result<Vec<String>> {
        key::check_folder(below)?;
        let kept = self.kept();
        let behind = kept.objects.keys().filter_map(|key| key::behind(below, key));
        let names = behind.filter_map(|behind| Some(behind.split_once('/')?.0.to_owned()));
        Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn upload(&self, key: &str, file: &Path) -> Result<()> {
        let cannot = |error| Error::io(format!("cannot read {}", file.display()), error);
        let bytes = std::fs::read(file).map_err(cannot)?;
        self.put(key, bytes.into(), |_| true).map(drop)
    }

    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        let Some(read) = self.get(key).await? else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no `{key}`")));
        };
        let cannot = |error| Error::io(format!("cannot write {}", file.display()), error);
        replace(file, &read.bytes, Access::Usual).map_err(cannot)
    }
}
