//! Objects that are written under a condition: created where there is none, or replaced where a known version is.
//!
//! Answers are those of the store and nothing more: a refused condition does not say whose write was in the way, and no
//! answer does not say that nothing was written. Who writes here reads back and compares.
//!
//! [`open`] reads the URI of a bucket or of a folder that several machines share; [`Memory`] is for tests. [`probe`] finds
//! stores that take conditions and do not keep them. Nothing here deletes an object.

mod azure;
mod bucket;
mod failure;
mod folder;
mod google;
mod key;
mod memory;
mod open;
mod probe;
mod settings;
mod versions;
mod within;

use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

pub use self::memory::Memory;
pub use self::open::open;
pub use self::probe::{Probed, probe};
use crate::error::{Error, Result};

/// A version of an object, as its store names it. The same bytes may have the same version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    pub e_tag: Option<String>,
    pub version: Option<String>,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub struct Read {
    pub bytes: Bytes,
    pub version: Version,
    /// The time of its last write, by the store's own clock.
    pub modified: Timestamp,
}

/// An object as it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Below the place, with slashes.
    pub key: String,
    pub bytes: u64,
    /// The time of its last write, by the store's own clock.
    pub modified: Timestamp,
}

/// The answer to a write under a condition.
#[derive(Debug)]
pub enum Put {
    /// It was written, and this is its version.
    Done(Version),
    /// The condition did not hold when the store looked. What is there may be this very write, whose first answer was lost,
    /// and, after a conflict of two writes, nothing may be there.
    Refused,
    /// There was no answer, or none that says: it was written, was not, or will be yet.
    Unknown(Error),
}

/// A place for objects: a bucket's prefix, or a folder that several machines share. Keys are below it, with slashes; one
/// that not every kind of place could take is `Invalid` everywhere.
///
/// # Errors
/// What will not be otherwise when it is asked again: `Unauthorized`, naming the action that is not allowed and the key,
/// `NotFound` for a place that is not there, `Refused` for a request that the place wants otherwise, `Unsupported` for a
/// place that knows no conditions. A read that got no answer is `Unavailable`, `Timeout` or `RateLimited`.
#[async_trait]
pub trait Objects: Debug + Send + Sync {
    /// Returns its URI as it was given: `s3://bucket/prefix`.
    fn uri(&self) -> &str;

    /// Writes an object where there is none. Asked once: nothing is repeated after an answer that was lost.
    async fn create(&self, key: &str, bytes: Bytes) -> Result<Put>;

    /// Writes an object in the place of the one with this version. Asked once.
    async fn replace(&self, key: &str, bytes: Bytes, version: &Version) -> Result<Put>;

    /// Reads an object; `None` if there is none.
    async fn get(&self, key: &str) -> Result<Option<Read>>;

    /// Lists the objects whose keys are below the folder `below`, sorted by key; all of the place for an empty one.
    async fn list(&self, below: &str) -> Result<Vec<Listed>>;

    /// Lists the folders directly below the folder `below`: their names alone, sorted.
    async fn folders(&self, below: &str) -> Result<Vec<String>>;

    /// Writes a file of any size under a key of its own, whole when this returns. Repeated as often as it takes.
    async fn upload(&self, key: &str, file: &Path) -> Result<()>;

    /// Writes an object to a file, which is whole when this returns.
    ///
    /// # Errors
    /// `NotFound` if there is no such object.
    async fn download(&self, key: &str, file: &Path) -> Result<()>;
}
