//! An object of a bucket whose bytes are read range by range.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::found::Found;
use super::s3::Bucket;
use crate::error::{Error, Result};

/// An object as it was found: what has changed since is not read.
#[derive(Clone)]
pub struct Object {
    bucket: Bucket,
    found: Found,
    runtime: Handle,
    failed: Arc<Mutex<Option<Error>>>,
}

impl Object {
    /// Reads nothing yet. Its reads wait on the runtime that this is called in.
    pub(super) fn new(bucket: Bucket, found: Found) -> Self {
        Self { bucket, found, runtime: Handle::current(), failed: Arc::default() }
    }

    pub fn bytes(&self) -> u64 {
        self.found.bytes
    }

    /// Reads a range that it has. Blocks: use it where that holds up nothing else.
    ///
    /// # Errors
    /// `Conflict` if it has changed since it was found; those of the bucket.
    pub fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let read = self.runtime.block_on(self.bucket.range(&self.found, range));
        read.map_err(|error| {
            let again = error.again();
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            again
        })
    }

    /// Returns the error of the last read that failed, once. Readers in between make a text of it.
    pub fn failure(&self) -> Option<Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
