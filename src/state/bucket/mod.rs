//! State in a bucket, where any machine finds it: `docs/decisions/0047-segments.md` has the protocol and its reasons.
//!
//! A journal is a row of numbered objects, each created where there is none: two writers meet at the same number, and one of
//! them finds out. Who takes a plan raises the epoch in its head, waits out the lease of the one before by the store's own
//! clock, and puts an empty segment behind the last one. Nothing is ever deleted or written over but the head, and an answer
//! that was lost is read back and compared.

mod asking;
mod chain;
mod current;
mod files;
mod head;
mod home;
mod inbox;
mod json;
mod layout;
mod lease;
mod log;
mod packs;
#[cfg(test)]
mod proof;
mod push;
mod reader;
mod segment;
mod take;
mod terms;
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};

use self::asking::Asking;
use self::home::BucketHome;
use self::layout::Layout;
use self::terms::Terms;
use super::{Backend, Home};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::storage::objects::Objects;

/// Heads that are read at once.
const SIDE_BY_SIDE: usize = 32;

/// The state of plans in a bucket, or in any other place for objects under conditions.
#[derive(Clone, Debug)]
pub struct Bucket {
    asking: Asking,
    terms: Terms,
    scratch: PathBuf,
    clock: Clock,
}

impl Bucket {
    /// The usual lease: long enough for a garbage collection, short enough for a job that takes over from a dead one.
    pub const LEASE: Duration = Duration::from_secs(90);

    /// Keeps state in `objects`. A plan is held for `lease` after each renewal; `scratch` is the folder of this machine for
    /// files of runs.
    ///
    /// # Errors
    /// `Invalid` for a lease under two seconds.
    pub fn new(
        objects: Arc<dyn Objects>,
        lease: Duration,
        scratch: impl Into<PathBuf>,
        clock: Clock,
    ) -> Result<Self> {
        let terms = Terms::new(lease)?;
        Ok(Self { asking: Asking::new(objects), terms, scratch: scratch.into(), clock })
    }
}

/// Returns whether an error is about one key, and not about the bucket.
fn is_its_own(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Invalid)
}

#[async_trait]
impl Backend for Bucket {
    fn uri(&self) -> &str {
        self.asking.uri()
    }

    async fn probe(&self) -> Result<Vec<String>> {
        // No plan can have this name.
        self.asking.probe("PROBE").await
    }

    async fn plans(&self) -> Result<Vec<String>> {
        let folders = self.asking.folders("").await?;
        let looked = stream::iter(folders).map(async |plan: String| -> Result<_> {
            let layout = Layout::new(&plan);
            let is_there = match self.asking.read(&layout.head()).await {
                Ok(Some(_)) => true,
                // A head that was lost hides no run.
                Ok(None) => !self.asking.folders(&layout.runs()).await?.is_empty(),
                // One that cannot be looked at is not passed over, and hides no other plan.
                Err(error) if is_its_own(&error) => true,
                Err(error) => return Err(error),
            };
            Result::Ok(is_there.then_some(plan))
        });
        let plans: Vec<_> = looked.buffered(SIDE_BY_SIDE).try_collect().await?;
        Ok(plans.into_iter().flatten().collect())
    }

    fn home(&self, plan: &str) -> Arc<dyn Home> {
        let (asking, clock) = (self.asking.clone(), self.clock.clone());
        let folder = self.scratch.join(plan);
        Arc::new(BucketHome::new(asking, plan, self.terms, clock, folder))
    }
}
