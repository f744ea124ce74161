//! Snapshots among the files: each file is checked against its snapshot's manifest before a row of it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::provider::blocking;
use crate::provider::snapshot::{MANIFEST, Manifest, checksum};
use crate::provider::storage::{Found, Place};

/// The manifests' entries for files, by their paths.
#[derive(Default)]
pub(super) struct Snapshots {
    /// Folders that hold a manifest, with a slash at the end.
    folders: Vec<String>,
    /// Bytes and SHA-256 of each file.
    files: BTreeMap<String, (u64, String)>,
}

impl Snapshots {
    /// Reads the manifests among `found`; any other file of that name is ignored.
    ///
    /// # Errors
    /// Those of the place.
    pub async fn read(place: &Place, found: &[Found]) -> Result<Self> {
        let mut snapshots = Self::default();
        for file in found {
            let Some(folder) = file.path.strip_suffix(MANIFEST) else { continue };
            if !folder.is_empty() && !folder.ends_with('/') {
                continue;
            }
            let local = place.open(&file.path).await?;
            let cannot = |error| Error::io("cannot read the manifest of a snapshot", error);
            let bytes = blocking(move || std::fs::read(local.path()).map_err(cannot)).await?;
            let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else { continue };
            snapshots.folders.push(folder.to_owned());
            let kept = manifest.files.into_iter();
            snapshots.files.extend(
                kept.map(|kept| (format!("{folder}{}", kept.file), (kept.bytes, kept.sha256))),
            );
        }
        Ok(snapshots)
    }

    /// Returns whether the file is the manifest of a snapshot.
    pub fn is_manifest(&self, path: &str) -> bool {
        path.strip_suffix(MANIFEST)
            .is_some_and(|folder| self.folders.iter().any(|one| one == folder))
    }

    /// Refuses a file that does not belong to the snapshot in whose folder it is, and a snapshot that lacks one.
    pub fn refuse_others(&self, read: &[Found]) -> Result<()> {
        for file in read {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let is_among = |one: &String| one.trim_end_matches('/') == folder;
            if self.folders.iter().any(is_among) && !self.files.contains_key(&file.path) {
                let message = format!("{} is not in the snapshot whose folder it is in", file.path);
                return Err(Error::new(ErrorKind::Conflict, message).with_hint(format!(
                    "move it elsewhere: `{MANIFEST}` says what belongs there"
                )));
            }
        }
        let there: BTreeSet<&str> = read.iter().map(|file| file.path.as_str()).collect();
        match self.files.keys().find(|path| !there.contains(path.as_str())) {
            Some(path) => {
                let message = format!("{path} is missing: `{MANIFEST}` says that it belongs there");
                Err(Error::new(ErrorKind::NotFound, message))
            }
            None => Ok(()),
        }
    }

    /// Returns the size and checksum a file must have; `None` if it belongs to no snapshot.
    pub fn of(&self, path: &str) -> Option<(u64, String)> {
        self.files.get(path).cloned()
    }
}

/// Refuses a file whose bytes are not those that were written. Blocks.
pub(super) fn refuse_damaged(name: &str, path: &Path, kept: &(u64, String)) -> Result<()> {
    match checksum(path)? == *kept {
        true => Ok(()),
        false => {
            let message = format!("{name} is damaged: its bytes are not those of the snapshot");
            Err(Error::new(ErrorKind::Conflict, message)
                .with_hint("get it again from where it was kept"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, Namespace, Record, RecordId, Vector};
    use crate::plan::file::Columns;
    use crate::provider::Source;
    use crate::provider::files::Files;
    use crate::provider::parquet::RecordWriter;
    use crate::provider::snapshot::{FORMAT, Kept};
    use crate::provider::storage::S3Options;

    /// Writes a snapshot of one namespace; returns its file.
    fn snapshot(folder: &Path) -> std::path::PathBuf {
        let namespace = Namespace::new("n");
        let path = folder.join("000001-aa.parquet");
        let mut writer = RecordWriter::create(&path).unwrap();
        let record = Record {
            id: RecordId::from("a"),
            vector: Vector::from_values([1.0, 0.5]),
            sparse: None,
            metadata: Metadata::default(),
        };
        writer.append(&namespace, &[record]).unwrap();
        let contents = writer.finish().unwrap()[&namespace];
        let (bytes, sha256) = checksum(&path).unwrap();
        let file = "000001-aa.parquet".to_owned();
        let manifest = Manifest {
            vecshift_snapshot: FORMAT,
            plan: "p".into(),
            run: "r".into(),
            source: "old".into(),
            taken: jiff::Timestamp::UNIX_EPOCH,
            records: 1,
            files: vec![Kept { namespace, file, contents, bytes, sha256 }],
        };
        std::fs::write(folder.join(MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
        path
    }

    async fn look(folder: &Path) -> Result<()> {
        let name = folder.to_str().unwrap();
        let files = Files::new(name, folder, S3Options::default(), Columns::default());
        files.describe().await.map(drop)
    }

    #[tokio::test]
    async fn a_snapshot_is_held_to_its_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let path = snapshot(folder.path());
        look(folder.path()).await.unwrap();

        let stray = folder.path().join("old.parquet");
        std::fs::copy(&path, &stray).unwrap();
        let error = look(folder.path()).await.unwrap_err().to_string();
        assert!(error.contains("old.parquet is not in the snapshot"), "{error}");
        std::fs::remove_file(&stray).unwrap();

        let whole = std::fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = look(folder.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("000001-aa.parquet is damaged"), "{error}");

        std::fs::remove_file(&path).unwrap();
        let error = look(folder.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}
