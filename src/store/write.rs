use std::borrow::Cow;

use async_trait::async_trait;

use super::{Inventory, Refusal};
use crate::error::{Error, Result};
use crate::model::{IndexSpec, Namespace, Record, Token};

/// The target's answer to a write: each record is acknowledged or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upserted {
    /// Number of records acknowledged.
    pub count: u64,
    /// The records that were refused, in their order.
    pub refused: Vec<Refused>,
    /// What a reader knows by that it sees this write, if the store gives it.
    pub token: Option<Token>,
}

/// A record of a write that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its place among the records of the write.
    pub at: usize,
    pub refusal: Refusal,
}

impl Upserted {
    /// The answer to a caller that can do with nothing less than every record.
    ///
    /// # Errors
    /// `Invalid` with the reason of the first refused one.
    pub fn whole(self) -> Result<Self> {
        match self.refused.first() {
            None => Ok(self),
            Some(first) => Err(Error::invalid(first.refusal.reason.clone())),
        }
    }
}

/// Who reads. A write can be visible to one and not yet to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// By id.
    Get,
    /// All of a namespace.
    Scan,
    /// The nearest.
    Search,
}

/// Taking records.
#[async_trait]
pub trait Write: Send + Sync {
    /// Writes records; one with the same id is replaced as a whole.
    ///
    /// # Behavior
    /// - Idempotent.
    /// - A record that cannot be taken is refused by itself: the others are written.
    /// - An error means that none of them may be counted as written or as refused.
    /// - `TooLarge` if the request is over the limits.
    /// - An empty list succeeds and touches nothing.
    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted>;

    /// Returns the size of `record` in a request, in bytes, on the wire that is in use.
    fn request_bytes(&self, record: &Record) -> usize;

    /// Returns why the target would refuse `record` in `namespace` as it stands; `None` if it would accept it. The index's
    /// last description decides; if there is no index, `planned` does.
    fn rejects(
        &self,
        namespace: &Namespace,
        record: &Record,
        planned: Option<&IndexSpec>,
    ) -> Option<Refusal>;

    /// Returns what keeps records from being written, whatever they are, and what else a reader of the plan should know of
    /// whoever writes here. If there is no index, it is what keeps `planned` from being made.
    ///
    /// # Behavior
    /// - Nothing is written to find out.
    async fn inventory(&self, _planned: Option<&IndexSpec>) -> Result<Inventory> {
        Ok(Inventory::default())
    }

    /// Returns what the store gives back of a record that it takes: where it rounds, the numbers that it rounds to, and a
    /// value in the form in which it is kept.
    ///
    /// # Behavior
    /// - A part of which it is not known what the store makes of it stays as it is.
    fn kept<'a>(&self, record: &'a Record) -> Cow<'a, Record> {
        Cow::Borrowed(record)
    }

    /// Returns whether the store may hold something else than it was given and acknowledged, beyond [`Write::kept`]: what it
    /// runs for each record is somebody else's.
    fn may_alter(&self) -> bool {
        false
    }

    /// Returns the token by which both writes to a namespace can be seen.
    ///
    /// # Errors
    /// `Invalid` if another kind of store made one of them.
    fn both(&self, one: Token, other: Token) -> Result<Token>;

    /// Returns whether `reader` sees everything up to `token` of `namespace`.
    ///
    /// # Behavior
    /// - `None` if the store does not say.
    /// - `Invalid` for a token that another kind of store made.
    async fn visible(
        &self,
        namespace: &Namespace,
        token: &Token,
        reader: Reader,
    ) -> Result<Option<bool>>;
}

/// The token of two writes of which each may have one.
///
/// # Errors
/// Those of [`Write::both`].
pub fn both_of(
    write: &dyn Write,
    one: Option<Token>,
    other: Option<Token>,
) -> Result<Option<Token>> {
    match (one, other) {
        (Some(one), Some(other)) => write.both(one, other).map(Some),
        (one, other) => Ok(one.or(other)),
    }
}
