//! The folder of a snapshot, written under a temporary name and renamed once it is complete.

use std::path::{Path, PathBuf};

use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{self, Access};
use crate::provider::snapshot::{MANIFEST, Manifest, UNFINISHED, is_file_name};

/// A folder that is still being written.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Creates an empty folder that becomes `path`.
    ///
    /// # Errors
    /// `Refused` if the folder contains anything that is not part of a snapshot; `Io`.
    pub async fn begin(path: PathBuf) -> Result<Self> {
        let folder = Self { path };
        let partial = folder.partial();
        blocking(move || {
            clear(&partial)?;
            std::fs::create_dir_all(&partial).map_err(|error| cannot("make", &partial, error))
        })
        .await?;
        Ok(folder)
    }

    /// The path to write files to.
    pub fn partial(&self) -> PathBuf {
        unfinished(&self.path)
    }

    /// Adds the manifest and renames the folder; only then is the folder of an earlier attempt removed.
    ///
    /// # Errors
    /// Any error of [`Folder::begin`].
    pub async fn finish(self, manifest: Manifest) -> Result<PathBuf> {
        blocking(move || {
            let (partial, path) = (self.partial(), self.path);
            write(&partial.join(MANIFEST), &manifest)?;
            clear(&path)?;
            fs::rename(&partial, &path).map_err(|error| cannot("name", &path, error))?;
            Ok(path)
        })
        .await
    }
}

/// Returns where the files of a folder stand until it is whole.
pub(super) fn unfinished(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Reads the manifest in a complete folder.
///
/// # Errors
/// `NotFound` if there is none; `Io` or `Conflict` if it cannot be read.
pub(super) async fn manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    blocking(move || {
        let text = std::fs::read(&path).map_err(|error| cannot("read", &path, error))?;
        serde_json::from_slice(&text).map_err(|error| {
            Error::new(ErrorKind::Conflict, "the snapshot's manifest cannot be read")
                .with_context("file", path.display())
                .with_source(error)
        })
    })
    .await
}

fn write(path: &Path, manifest: &Manifest) -> Result<()> {
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| {
        Error::unexpected("the snapshot's manifest cannot be written").with_source(error)
    })?;
    fs::replace(path, &text, Access::Usual).map_err(|error| cannot("write", path, error))
}

/// Removes the folder of an earlier attempt if it contains nothing else.
fn clear(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| cannot("read", folder, error))?,
    };
    let mut own = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| cannot("read", folder, error))?;
        let name = entry.file_name();
        let is_own = |name: &str| name == MANIFEST || is_file_name(name) || fs::is_partial(name);
        if !name.to_str().is_some_and(is_own) {
            return Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "{} is not of a snapshot, and is where one is to be",
                    entry.path().display()
                ),
            )
            .with_hint("move it elsewhere and run the same command again; nothing was deleted"));
        }
        own.push(entry.path());
    }
    for path in own {
        std::fs::remove_file(&path).map_err(|error| cannot("remove", &path, error))?;
    }
    std::fs::remove_dir(folder).map_err(|error| cannot("remove", folder, error))
}

fn cannot(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("cannot {what} {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            vecshift_snapshot: 1,
            plan: "p".into(),
            run: "r".into(),
            source: "old".into(),
            taken: jiff::Timestamp::UNIX_EPOCH,
            records: 0,
            files: Vec::new(),
        }
    }

    #[tokio::test]
    async fn an_earlier_try_stays_until_the_next_is_whole() {
        let to = tempfile::tempdir().unwrap();
        let old = to.path().join("r/000001-0123456789ab.parquet");
        std::fs::create_dir_all(old.parent().unwrap()).unwrap();
        std::fs::write(&old, "old").unwrap();
        let folder = Folder::begin(to.path().join("r")).await.unwrap();
        std::fs::write(folder.partial().join("000001-ba9876543210.parquet"), "new").unwrap();
        let _half = fs::Replacement::begin(&folder.partial().join("2"), Access::Usual).unwrap();
        // Starting again removes what was half written.
        let folder = Folder::begin(to.path().join("r")).await.unwrap();
        assert_eq!(std::fs::read_dir(folder.partial()).unwrap().count(), 0);
        assert!(old.exists());
        let path = folder.finish(manifest()).await.unwrap();
        let left: Vec<_> =
            std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [MANIFEST]);
    }

    #[tokio::test]
    async fn what_somebody_put_there_is_not_removed() {
        let to = tempfile::tempdir().unwrap();
        let other = to.path().join("r.partial/notes.txt");
        std::fs::create_dir_all(other.parent().unwrap()).unwrap();
        std::fs::write(&other, "mine").unwrap();
        let error = Folder::begin(to.path().join("r")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(other.exists());
    }
}
