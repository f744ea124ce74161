//! Records as Parquet files for a bulk import, in place of upserts: a folder a namespace, a file a chunk.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::upsert::{Settled, sort_out};
use crate::error::Result;
use crate::model::{Namespace, Record, RecordId, Shard};
use crate::provider::storage::Place;
use crate::provider::{Target, blocking, parquet};

/// Bytes of one file that are aimed at. Pinecone takes 100,000 files of up to 10 GB an import; a file is held in memory
/// for each chunk in flight.
pub const FILE_BYTES: usize = 8_000_000;

/// Where the files go.
pub struct Export {
    pub place: Place,
}

impl Export {
    /// Writes the records of the chunk that begins with `first` as one file; those that `target` would refuse are set
    /// aside. A chunk that is written again replaces its own file: its name tells shard and first id.
    pub(super) async fn write(
        &self,
        target: &dyn Target,
        shard: &Shard,
        first: &RecordId,
        records: Vec<Record>,
    ) -> Result<Settled> {
        let (accepted, mut settled) = sort_out(target, records);
        if accepted.is_empty() {
            return Ok(settled);
        }
        settled.copied = accepted.len() as u64;
        let prefix = file_prefix(&shard.source, &shard.target);
        let path = format!("{prefix}{}-{}.parquet", shard.cell, short_digest(first.as_str()));
        let namespace = shard.target.clone();
        let bytes = blocking(move || parquet::encode(&namespace, &accepted)).await?;
        self.place
            .put(&path, Bytes::from(bytes))
            .await
            .map_err(|error| error.with_context("file", &path))?;
        Ok(settled)
    }

    /// Removes the files of one source namespace: it is read again from its beginning.
    ///
    /// # Errors
    /// Those of the place.
    pub async fn forget(&self, source: &Namespace, target: &Namespace) -> Result<()> {
        self.place.remove(&file_prefix(source, target)).await
    }
}

/// How the path of every file of a source namespace begins: several may go into one folder.
fn file_prefix(source: &Namespace, target: &Namespace) -> String {
    format!("{}/{}-", target.explicit(), short_digest(source.as_str()))
}

/// Sixteen hexadecimal digits: names and ids may hold what a path cannot.
fn short_digest(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
