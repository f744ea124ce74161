//! Progress of a shard.

use serde::{Deserialize, Serialize};

use super::{Contents, Cursor, Recorded, Token};

/// A place in a shard and what was done up to it: everything before `cursor` is settled for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub cursor: Cursor,
    pub tally: Tally,
    /// The token by which all writes so far can be seen, if the target gives any.
    #[serde(default, rename = "lsn", skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// Contents of the source as it was read: every record before `cursor`, before the plan's changes, whatever became
    /// of it. `None` if it is not known: the provider copied the records, or an earlier version began the shard.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "Recorded::read")]
    pub contents: Option<Contents>,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { cursor: Cursor::Start, tally: Tally::default(), token: None, contents: None }
    }
}

/// Counts since the start of a shard: enumerated = copied + failed + missing + left out + skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Ids found in the source.
    pub enumerated: u64,
    /// Records the target acknowledged.
    pub copied: u64,
    /// Records the target refused; they are in the dead-letter file.
    pub failed: u64,
    /// Ids the source listed and then did not have.
    pub missing: u64,
    /// Records that the plan's filter leaves out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// Records left alone, as the plan says, because their ids held something else in the target.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// Bytes of the copied records as the service counts them.
    pub bytes: u64,
}

/// Returns whether the count is left out, as in the journals of plans without a filter.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.enumerated += other.enumerated;
        self.copied += other.copied;
        self.failed += other.failed;
        self.missing += other.missing;
        self.left_out += other.left_out;
        self.skipped += other.skipped;
        self.bytes += other.bytes;
    }
}
