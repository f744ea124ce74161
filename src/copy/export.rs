//! Records as Parquet files for a bulk import, in place of upserts: a folder a namespace, a file a page.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::blocking::blocking;
use crate::error::Result;
use crate::model::{Checkpoint, Record, Shard};
use crate::provider::parquet;
use crate::storage::Place;
use crate::store::calls::Fence;
use crate::text::hex;

/// Bytes of one file that are aimed at. An import takes a limited number of files; a file is held in memory
/// for each page in flight.
pub const FILE_BYTES: usize = 8_000_000;

/// The most records in a file.
pub const FILE_RECORDS: usize = 1_000;

/// The destination of the files.
pub struct Export {
    pub place: Place,
    /// What has to be passed before anything is written or removed there.
    pub fence: Fence,
}

impl Export {
    /// Writes the records of a page as one file; how many. The file's name says the shard and how many of its ids stand
    /// before the page.
    pub(super) async fn write(
        &self,
        shard: &Shard,
        before: u64,
        records: Vec<Record>,
    ) -> Result<u64> {
        let copied = records.len() as u64;
        if records.is_empty() {
            return Ok(copied);
        }
        let path = format!("{}{before:012}{ENDING}", prefix_of(shard));
        let namespace = shard.target.clone();
        let bytes = blocking(move || parquet::encode(&namespace, &records)).await?;
        self.fence.pass().await?;
        self.place
            .put(&path, Bytes::from(bytes))
            .await
            .map_err(|error| error.with_context("file", &path))?;
        Ok(copied)
    }

    /// Removes every file that no checkpoint covers: written by an earlier process after its last checkpoint, or for
    /// shards that are walked again.
    ///
    /// # Errors
    /// Any error of the place.
    pub async fn keep_covered<'a>(
        &self,
        shards: impl Iterator<Item = (&'a Shard, &'a Checkpoint)>,
    ) -> Result<()> {
        let covered: BTreeMap<String, u64> = shards
            .map(|(shard, checkpoint)| (prefix_of(shard), checkpoint.tally.enumerated))
            .collect();
        let is_covered = |path: &str| {
            let (prefix, before) = path.strip_suffix(ENDING)?.rsplit_once('-')?;
            let settled = covered.get(&format!("{prefix}-"))?;
            Some(before.parse::<u64>().ok()? < *settled)
        };
        let found = self.place.list().await?.into_iter().map(|found| found.path);
        let stray: Vec<String> = found.filter(|path| is_covered(path) != Some(true)).collect();
        self.fence.pass().await?;
        self.place.remove(stray).await
    }
}

const ENDING: &str = ".parquet";

/// The path prefix of all files of a shard, since several source namespaces may share a folder.
fn prefix_of(shard: &Shard) -> String {
    let source = short_digest(shard.source.as_str());
    format!("{}/{source}-{}-", shard.target.explicit(), shard.cell)
}

/// Returns a name of sixteen hexadecimal digits, as the name of a namespace may not be valid in a path.
fn short_digest(text: &str) -> String {
    hex(&Sha256::digest(text)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cursor, Enumeration, Namespace, Tally};
    use crate::storage::S3Options;

    #[tokio::test]
    async fn only_what_a_checkpoint_covers_stays() {
        let folder = tempfile::tempdir().unwrap();
        let uri = Place::uri_of_folder(&folder.path().join("run")).unwrap();
        let place = Place::read(&uri, &S3Options::default()).unwrap();
        let export = Export { place, fence: Fence::default() };
        let shard = |cell| Shard {
            source: Namespace::from("a"),
            cell,
            target: Namespace::from("x-1"),
            enumeration: Enumeration::Collection,
            expected: 30,
        };
        let checkpoint = |enumerated| Checkpoint {
            cursor: Cursor::Start,
            tally: Tally { enumerated, ..Tally::default() },
            token: None,
            contents: None,
        };
        let (open, untouched) = (shard(0), shard(1));
        let path = |shard: &Shard, before: u64| format!("{}{before:012}{ENDING}", prefix_of(shard));
        let kept = [path(&open, 0), path(&open, 10)];
        let stray = [path(&open, 20), path(&untouched, 0), "y/other-0-000000000000.parquet".into()];
        for path in kept.iter().chain(&stray) {
            export.place.put(path, Bytes::from_static(b"1")).await.unwrap();
        }
        let states = [(open, checkpoint(20)), (untouched, checkpoint(0))];
        export.keep_covered(states.iter().map(|(shard, at)| (shard, at))).await.unwrap();
        let left: Vec<String> =
            export.place.list().await.unwrap().into_iter().map(|found| found.path).collect();
        assert_eq!(left, kept);
    }
}
