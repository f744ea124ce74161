//! Snapshots among the files: each file is checked against its snapshot's manifest before a row of it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::snapshot::{MANIFEST, Manifest, UNFINISHED, checksum, is_file_name};
use crate::storage::{Found, Place};

/// The manifests' entries for files, by their paths.
#[derive(Default)]
pub(super) struct Snapshots {
    /// Folders that hold a manifest, with a slash at the end.
    folders: Vec<String>,
    /// Bytes and SHA-256 of each file.
    files: BTreeMap<String, (u64, String)>,
}

impl Snapshots {
    /// Reads the manifests among `found`; any other file of that name is ignored, unless only a manifest can be there.
    ///
    /// # Errors
    /// Those of the place; `Conflict` for a manifest that cannot be read, and for a snapshot that was never finished.
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
            let manifest = match serde_json::from_slice::<Manifest>(&bytes) {
                Ok(manifest) => manifest,
                Err(error) if says_so(&bytes) || is_snapshot(folder, found) => {
                    return Err(unreadable(&file.path, error));
                }
                Err(_) => continue,
            };
            snapshots.folders.push(folder.to_owned());
            let kept = manifest.files.into_iter();
            snapshots.files.extend(
                kept.map(|kept| (format!("{folder}{}", kept.file), (kept.bytes, kept.sha256))),
            );
        }
        Ok(snapshots)
    }

    /// Refuses a folder that is a snapshot on its way: it has its files under another name until it is whole.
    ///
    /// # Errors
    /// `Conflict` where the place itself is one.
    pub fn refuse_unfinished(place: &Place, found: &[Found]) -> Result<()> {
        let is_one = place.leaf().ends_with(UNFINISHED) && is_snapshot("", found);
        if !is_one || found.iter().any(|file| file.path == MANIFEST) {
            return Ok(());
        }
        let message = "this is a snapshot that was never finished: it does not hold all it was to";
        Err(Error::new(ErrorKind::Conflict, message).with_hint(
            "read one that is whole; or give the folder another name to read what it has",
        ))
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

/// Whether the folder, which has a slash at its end where it is one, holds a file that only a snapshot has.
fn is_snapshot(folder: &str, found: &[Found]) -> bool {
    let names = found.iter().filter_map(|file| file.path.strip_prefix(folder));
    names.into_iter().any(is_file_name)
}

/// Whether a file that is no manifest is meant to be one.
fn says_so(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(bytes)
        .is_ok_and(|read| read.get("vecshift_snapshot").is_some())
}

fn unreadable(path: &str, error: serde_json::Error) -> Error {
    let message = format!(
        "{path} cannot be read, and says which files belong to the snapshot in whose folder it is"
    );
    Error::new(ErrorKind::Conflict, message).with_source(error).with_hint(
        "get it again from where it was kept; or move the Parquet files to a folder of their own, to read them without it",
    )
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
    use crate::model::{Metadata, Namespace, Record, RecordId, Vector, VectorField, Vectors};
    use crate::plan::file::Columns;
    use crate::provider::files::Files;
    use crate::provider::parquet::RecordWriter;
    use crate::provider::snapshot::{FORMAT, Kept};
    use crate::storage::S3Options;
    use crate::store::Describe;

    /// Writes a snapshot of one namespace; returns its file.
    fn snapshot(folder: &Path) -> std::path::PathBuf {
        let namespace = Namespace::new("n");
        let path = folder.join("000001-aa.parquet");
        let mut writer = RecordWriter::create(&path, &VectorField::plain()).unwrap();
        let record = Record {
            id: RecordId::from("a"),
            vectors: Vectors::plain(Vector::from_values([1.0, 0.5]), None),
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
            files: vec![Kept { namespace, file, contents: contents.into(), bytes, sha256 }],
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

    #[tokio::test]
    async fn a_manifest_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("old/01j");
        std::fs::create_dir_all(&below).unwrap();
        let path = snapshot(&below);
        let manifest = below.join(MANIFEST);
        let whole = std::fs::read(&manifest).unwrap();
        let other = String::from_utf8(whole.clone()).unwrap().replace("\"files\"", "\"file\"");
        let torn = whole[..whole.len() - 9].to_vec();
        // By what it says, and by what is beside it.
        for (bytes, name) in [
            (other.into_bytes(), "000001-aa.parquet"),
            (torn.clone(), "000001-0123456789ab.parquet"),
            (Vec::new(), "000001-0123456789ab.parquet"),
        ] {
            crate::fs::rename(&path, &below.join(name)).unwrap();
            std::fs::write(&manifest, bytes).unwrap();
            let error = look(folder.path()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert!(error.to_string().contains("old/01j/snapshot.json cannot be read"), "{error}");
            crate::fs::rename(&below.join(name), &path).unwrap();
        }
        // Somebody's own file, beside files of somebody's own.
        std::fs::write(&manifest, "{\"taken\": \"at noon\"}").unwrap();
        look(folder.path()).await.unwrap();
    }

    #[tokio::test]
    async fn a_snapshot_that_was_never_finished_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("01j");
        let half = folder.path().join("01k.partial");
        for folder in [&whole, &half] {
            std::fs::create_dir_all(folder).unwrap();
            crate::fs::rename(&snapshot(folder), &folder.join("000001-0123456789ab.parquet"))
                .unwrap();
            std::fs::remove_file(folder.join(MANIFEST)).unwrap();
        }
        let read = |folder: &Path| {
            let columns = Columns::default();
            Files::new(folder.to_str().unwrap(), folder, S3Options::default(), columns)
        };
        let files = read(folder.path());
        files.describe().await.unwrap();
        assert_eq!(files.stats().await.unwrap().total, 1);
        let passed_over = format!("{:?}", files.inventory().await.unwrap());
        assert!(passed_over.contains("of a writer that is not done"), "{passed_over}");
        let error = read(&half).describe().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
}
