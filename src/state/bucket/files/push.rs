//! The files of a run that comes from elsewhere. The folder on this machine is what is right, and nothing in it is changed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use twox_hash::XxHash3_128;

use super::Files;
use super::local::{look, scan};
use super::part::{GONE, Pieces, newest_of};
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Artifact;
use crate::state::below_artifacts;

/// The bytes of a file that are summed at once.
const PIECE: usize = 1 << 20;

impl Files {
    /// Keeps the files of a run as they lie in its folder, as groups of an epoch. What was kept by a push that was cut off is
    /// known again by its sum. A machine that has nothing of the run changes nothing.
    ///
    /// # Errors
    /// Those of the disk and of the bucket.
    pub async fn push(&self, run: &str, epoch: u64) -> Result<()> {
        let folder = self.folder_of(run);
        let there = look(&folder).await?;
        if there.is_empty() {
            return Ok(());
        }
        let parts = self.parts(run).await?;
        let mut last = parts.iter().filter_map(|part| part.number_of(epoch)).max().unwrap_or(0);
        let kept = newest_of(parts);
        let is_gone =
            |(path, pieces): &(&String, &Pieces)| !pieces.is_empty() && !there.contains_key(*path);
        for (path, _) in kept.iter().filter(is_gone) {
            last += 1;
            self.put_own(run, &format!("{epoch:08}-{last:08}/{GONE}/{path}"), Bytes::new()).await?;
        }
        for (path, file) in there {
            let sum = sum_of(folder.join(&path)).await?;
            let end = format!("-{sum}/{:016}-{:016}/{path}", 0, file.bytes);
            let is_kept = |pieces: &Pieces| matches!(&pieces[..], [(key, bytes)] if key.ends_with(&end) && *bytes == file.bytes);
            if kept.get(&path).is_some_and(is_kept) {
                continue;
            }
            last += 1;
            let group = format!("{epoch:08}-{last:08}-{sum}");
            match self.put(run, &group, (&folder, &path), 0..file.bytes).await {
                Err(error) if error.kind() == ErrorKind::Invalid => {
                    tracing::warn!(%error, path, "a file of the run is not kept");
                }
                put => put?,
            }
        }
        Ok(())
    }

    /// Keeps what a run wrote elsewhere than in its folder, as far as it lies on this machine.
    ///
    /// # Errors
    /// Those of the disk and of the bucket.
    pub async fn push_elsewhere(&self, run: &str, wrote: &[Artifact]) -> Result<()> {
        for artifact in wrote {
            let Some(key) = self.place_of(run, artifact) else { continue };
            let path = PathBuf::from(&artifact.path);
            for below in found_at(path.clone()).await? {
                let (key, file) = match below {
                    Some(below) => (format!("{key}/{below}"), path.join(below)),
                    None => (key.clone(), path.clone()),
                };
                match self.asking.upload(&key, &file).await {
                    Err(error) if error.kind() == ErrorKind::Invalid => {
                        tracing::warn!(%error, path = %file.display(), "a file of the run is not kept");
                    }
                    uploaded => uploaded?,
                }
            }
        }
        Ok(())
    }

    /// Returns what of all that a run wrote is not kept.
    ///
    /// # Errors
    /// Those of the bucket.
    pub async fn missing(&self, run: &str, wrote: &[Artifact]) -> Result<Vec<Artifact>> {
        let in_folder = newest_of(self.parts(run).await?);
        let mut missing = Vec::new();
        for artifact in wrote {
            let is_kept = match self.place_of(run, artifact) {
                _ if is_in(&in_folder, run, artifact) => true,
                Some(key) => self.is_there(&key).await?,
                None => false,
            };
            if !is_kept {
                missing.push(artifact.clone());
            }
        }
        Ok(missing)
    }

    /// Returns whether something is kept under a key, or below it.
    async fn is_there(&self, key: &str) -> Result<bool> {
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let listed = self.asking.list(folder).await?;
        let is_of = |found: &str| {
            found.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Ok(listed.iter().any(|listed| is_of(&listed.key)))
    }

    /// Returns the key under which an artifact is kept that was written elsewhere than in the folder of its run. One that was
    /// written where nobody keeps files has a place by its path.
    pub(super) fn place_of(&self, run: &str, artifact: &Artifact) -> Option<String> {
        if let Some(key) = &artifact.kept {
            return Some(key.clone());
        }
        let path = artifact.path.replace('\\', "/");
        if below_artifacts(&path, run).is_some() {
            return None;
        }
        let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file");
        let sum = XxHash3_128::oneshot(artifact.path.as_bytes());
        Some(format!("{}/{sum:032x}/{name}", self.layout.kept(run)))
    }
}

/// Returns whether an artifact is one of the files of its run's folder.
fn is_in(files: &BTreeMap<String, Pieces>, run: &str, artifact: &Artifact) -> bool {
    let below =
        below_artifacts(&artifact.path, run).unwrap_or_else(|| artifact.path.replace('\\', "/"));
    artifact.kept.is_none() && files.get(&below).is_some_and(|pieces| !pieces.is_empty())
}

/// Returns the files of a folder, by their paths below it; `None` is a file itself.
async fn found_at(path: PathBuf) -> Result<Vec<Option<String>>> {
    blocking(move || match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => Ok(scan(&path)?.into_keys().map(Some).collect()),
        Ok(_) => Ok(vec![None]),
        Err(_) => Ok(Vec::new()),
    })
    .await
}

/// Returns the sum of a file.
async fn sum_of(path: PathBuf) -> Result<String> {
    blocking(move || {
        let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
        let mut file = std::fs::File::open(&path).map_err(cannot)?;
        let mut sum = XxHash3_128::new();
        let mut piece = vec![0; PIECE];
        loop {
            match std::io::Read::read(&mut file, &mut piece).map_err(cannot)? {
                0 => return Ok(format!("{:032x}", sum.finish_128())),
                read => sum.write(&piece[..read]),
            }
        }
    })
    .await
}
