//! The files of a run as they come to this machine: what is not what the run wrote gets no name here, and takes no other's.

use std::path::Path;

use serde_json::{Value, json};

use super::failure::error_json;
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::fs;
use crate::journal::{Artifact, Written};
use crate::provider::snapshot::{Kept, MANIFEST, Manifest, checksum, sum_of};
use crate::state::Home;

/// A file that did not come.
#[derive(Debug)]
pub struct Failed {
    pub file: String,
    /// What the run wrote, where that is known.
    expected: Option<Written>,
    /// What is there instead, if anything is.
    actual: Option<Written>,
    pub error: Error,
}

impl Failed {
    fn new(file: &Path, expected: Option<Written>, error: Error) -> Self {
        let error = match &expected {
            Some(written) => error.with_context("expected", &written.sha256),
            None => error,
        };
        let file = file.display().to_string();
        Self { file: file.clone(), expected, actual: None, error: error.with_context("file", file) }
    }

    fn differs(file: &Path, expected: Written, actual: Written) -> Self {
        let message = format!("{} is not what the run wrote", file.display());
        let error = Error::new(ErrorKind::Conflict, message)
            .with_context("expected", in_words(&expected))
            .with_context("actual", in_words(&actual))
            .with_hint(
                "somebody changed it since, or it was written anew; nothing of it was left here",
            );
        let file = file.display().to_string();
        Self { file, expected: Some(expected), actual: Some(actual), error }
    }

    /// Returns whether the place itself is away, so that nothing else comes from it either.
    pub fn is_of_the_place(&self) -> bool {
        use ErrorKind::{Interrupted, Timeout, Unavailable};
        matches!(self.error.kind(), Unavailable | Timeout | Interrupted)
    }

    pub fn json(&self) -> Value {
        json!({
            "file": self.file, "expected": self.expected, "actual": self.actual,
            "error": error_json(&self.error),
        })
    }
}

fn in_words(written: &Written) -> String {
    format!("{} with {} bytes", written.sha256, written.bytes)
}

/// Brings a file of a run to this machine, or those of a folder. Returns what of a folder did not come.
///
/// # Errors
/// Why nothing came; what was there before is there still.
pub async fn receive(
    home: &dyn Home,
    run: &str,
    artifact: &Artifact,
    to: &Path,
) -> Result<Vec<Failed>, Failed> {
    let failed = |error| Failed::new(to, artifact.written.clone(), error);
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    let beside = move || {
        let made = std::fs::create_dir_all(&folder)
            .and_then(|()| tempfile::Builder::new().prefix(".vecshift-").tempdir_in(&folder));
        made.map_err(|error| Error::io(format!("cannot write to {}", folder.display()), error))
    };
    let aside = blocking(beside).await.map_err(failed)?;
    let copy = aside.path().join("copy");
    home.fetch(run, artifact, &copy).await.map_err(failed)?;
    let (expected, to) = (artifact.written.clone(), to.to_owned());
    let settled = blocking(move || Ok(settle(expected, &copy, &to))).await;
    drop(aside);
    settled.map_err(failed)?
}

/// Gives a copy its name if it is what was written. Blocks.
fn settle(expected: Option<Written>, copy: &Path, to: &Path) -> Result<Vec<Failed>, Failed> {
    if let Some(expected) = expected.clone() {
        let actual = match sum_of(copy) {
            Ok((bytes, sha256)) => Written { bytes, sha256 },
            Err(error) => return Err(Failed::new(to, Some(expected), error)),
        };
        if actual != expected {
            return Err(Failed::differs(to, expected, actual));
        }
    }
    let failed = |error| Failed::new(to, expected.clone(), error);
    if !copy.join(MANIFEST).is_file() {
        place(copy, to).map_err(failed)?;
        return Ok(Vec::new());
    }
    // The sum of a snapshot is that of its list, which has those of its files. What is not in the list is nothing of the run.
    let manifest = manifest(&copy.join(MANIFEST)).map_err(failed)?;
    place(&copy.join(MANIFEST), &to.join(MANIFEST)).map_err(failed)?;
    Ok(manifest.files.iter().filter_map(|kept| settle_one(kept, copy, to).err()).collect())
}

fn manifest(path: &Path) -> Result<Manifest> {
    let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
    let bytes = std::fs::read(path).map_err(cannot)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::new(ErrorKind::Conflict, format!("its list is damaged: {error}")))
}

fn settle_one(kept: &Kept, copy: &Path, to: &Path) -> Result<(), Failed> {
    let (from, to) = (copy.join(&kept.file), to.join(&kept.file));
    let expected = Written { bytes: kept.bytes, sha256: kept.sha256.clone() };
    let failed = |error| Failed::new(&to, Some(expected.clone()), error);
    let (bytes, sha256) = checksum(&from).map_err(failed)?;
    let actual = Written { bytes, sha256 };
    if actual != expected {
        return Err(Failed::differs(&to, expected, actual));
    }
    kept.check_records(copy).map_err(failed)?;
    place(&from, &to).map_err(failed)
}

/// Puts a file, or those of a folder, where they belong; a link there is followed.
fn place(from: &Path, to: &Path) -> Result<()> {
    let placed = || {
        if from.is_dir() || to.is_symlink() {
            return fs::copy(from, to);
        }
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        fs::rename(from, to)
    };
    placed().map_err(|error| Error::io(format!("cannot write {}", to.display()), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::model::{Metadata, Namespace, Record, RecordId, Vector, VectorField, Vectors};
    use crate::provider::parquet::RecordWriter;
    use crate::provider::snapshot::{FORMAT, file_name};
    use crate::state::{Backend, Folder};

    /// Writes a snapshot of some namespaces, one file each; returns its artifact.
    fn snapshot(folder: &Path) -> Artifact {
        std::fs::create_dir(folder).unwrap();
        let file = |number: usize| {
            let namespace = Namespace::new(format!("n{number}"));
            let file = file_name(number, &namespace);
            let mut writer =
                RecordWriter::create(folder.join(&file), &VectorField::plain()).unwrap();
            let vectors = Vectors::plain(Vector::from_values([number as f32, 0.5]), None);
            let id = RecordId::from(format!("r{number}"));
            writer
                .append(&namespace, &[Record { id, vectors, metadata: Metadata::default() }])
                .unwrap();
            let contents = writer.finish().unwrap()[&namespace];
            let (bytes, sha256) = checksum(&folder.join(&file)).unwrap();
            Kept { namespace, file, contents: contents.into(), bytes, sha256 }
        };
        let manifest = Manifest {
            vecshift_snapshot: FORMAT,
            plan: "p".into(),
            run: "r".into(),
            source: "old".into(),
            taken: jiff::Timestamp::UNIX_EPOCH,
            records: 3,
            files: (1..=3).map(file).collect(),
        };
        std::fs::write(folder.join(MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
        let (bytes, sha256) = sum_of(folder).unwrap();
        Artifact {
            name: "snapshot".into(),
            path: folder.display().to_string(),
            records: 3,
            kept: None,
            written: Some(Written { bytes, sha256 }),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn of_a_snapshot_comes_what_is_in_its_list_and_has_its_sum() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("backup"), folder.path().join("here/backup"));
        let artifact = snapshot(&from);
        let home = Folder::new(folder.path(), "desk", Clock::system()).home("p");
        let all = names(&from);
        assert!(receive(&*home, "r", &artifact, &to).await.unwrap().is_empty());
        assert_eq!(names(&to), all);
        std::fs::remove_dir_all(&to).unwrap();

        std::fs::write(from.join("added.parquet"), "x").unwrap();
        std::fs::write(from.join(&all[0]), "tampered").unwrap();
        std::fs::remove_file(from.join(&all[1])).unwrap();
        let failed = receive(&*home, "r", &artifact, &to).await.unwrap();
        assert_eq!(names(&to), all[2..]);
        let named: Vec<_> =
            failed.iter().map(|one| (one.file.as_str(), one.actual.is_some())).collect();
        let [first, second] = [&all[0], &all[1]].map(|name| to.join(name).display().to_string());
        assert_eq!(named, [(first.as_str(), true), (second.as_str(), false)]);
        assert!(failed.iter().all(|one| one.expected.is_some()), "{failed:?}");

        // With another list nothing is known to be right.
        std::fs::remove_dir_all(&to).unwrap();
        std::fs::write(from.join(MANIFEST), "{}").unwrap();
        let failed = receive(&*home, "r", &artifact, &to).await.unwrap_err();
        assert!(failed.actual.is_some() && !to.exists(), "{failed:?}");
        assert_eq!(names(&folder.path().join("here")), [] as [&str; 0], "what was begun is gone");
    }
}
