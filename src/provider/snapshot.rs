//! Snapshots. A snapshot is a folder with one Parquet file per namespace (see [`super::parquet`]) and a manifest that
//! gives, for each namespace, the file, the number of records and two checksums.
//!
//! Files have names of their own, so that neither the length nor the case of a namespace's name matters to a file
//! system. The rows contain their namespace too: the files are a source of `provider: parquet` without the manifest.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::parquet;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Contents, Namespace, Recorded};
use crate::text::hex;

/// The manifest's name in its folder.
pub const MANIFEST: &str = "snapshot.json";
/// What the name of a snapshot's folder ends with until it is whole.
pub const UNFINISHED: &str = ".partial";
/// The version of the manifest; fields are only ever added.
pub const FORMAT: u32 = 1;

/// The list of what a snapshot holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] at the time of writing.
    pub vecshift_snapshot: u32,
    pub plan: String,
    pub run: String,
    /// The index that the snapshot was taken of.
    pub source: String,
    pub taken: jiff::Timestamp,
    pub records: u64,
    /// Files, in order of their namespaces.
    pub files: Vec<Kept>,
}

/// One namespace's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    pub namespace: Namespace,
    /// Path, relative to the manifest.
    pub file: String,
    #[serde(flatten)]
    pub contents: Recorded,
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// Returns the name of a namespace's file; `number` distinguishes those that the hash does not.
pub fn file_name(number: usize, namespace: &Namespace) -> String {
    let digest = Sha256::digest(namespace.as_str());
    let short = hex(&digest[..6]);
    format!("{number:06}-{short}.parquet")
}

/// Returns whether [`file_name`] makes names like this.
pub fn is_file_name(name: &str) -> bool {
    let Some((number, hash)) = name.strip_suffix(".parquet").and_then(|name| name.split_once('-'))
    else {
        return false;
    };
    number.len() >= 6
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && hash.len() == 12
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the size and SHA-256 of a file. Blocks.
///
/// # Errors
/// `Io` if it cannot be read.
pub fn checksum(path: &Path) -> Result<(u64, String)> {
    let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
    let mut file = File::open(path).map_err(cannot)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).map_err(cannot)?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        hash.update(&buffer[..count]);
    }
    Ok((bytes, hex(hash.finalize())))
}

/// Returns [`checksum`] of a file, or of the manifest of a snapshot's folder, which has those of its files. Blocks.
///
/// # Errors
/// Those of [`checksum`].
pub fn sum_of(place: &Path) -> Result<(u64, String)> {
    match place.is_dir() {
        true => checksum(&place.join(MANIFEST)),
        false => checksum(place),
    }
}

impl Kept {
    /// Reads the whole file, checks that every byte and every record of it is what the manifest says, and returns what the
    /// records hold. Blocks.
    ///
    /// # Errors
    /// `Conflict` if it is not; those of reading it.
    pub fn check(&self, folder: &Path) -> Result<Contents> {
        let path = folder.join(&self.file);
        if checksum(&path)? != (self.bytes, self.sha256.clone()) {
            return Err(self.damaged(&path, "its bytes are not those that were written".to_owned()));
        }
        self.check_records(folder)
    }

    /// Reads the file, checks its records alone and returns what they hold. Blocks.
    ///
    /// # Errors
    /// Those of [`Kept::check`].
    pub fn check_records(&self, folder: &Path) -> Result<Contents> {
        let path = folder.join(&self.file);
        let held = parquet::contents(&path)?;
        let own = held.get(&self.namespace).copied().unwrap_or_default();
        let written = self.contents.records;
        // A sum of an earlier version says no more than their number.
        let is_own = match self.contents.contents() {
            Some(contents) => own == contents,
            None => own.records == written,
        };
        if !is_own || held.keys().any(|namespace| *namespace != self.namespace) {
            let read = own.records;
            let what =
                format!("{read} records were read and {written} were written, or they are others");
            return Err(self.damaged(&path, what));
        }
        Ok(own)
    }

    fn damaged(&self, path: &Path, what: String) -> Error {
        Error::new(ErrorKind::Conflict, format!("the snapshot is damaged: {what}"))
            .with_context("file", path.display())
            .with_context("namespace", self.namespace.explicit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, Record, RecordId, Vector, VectorField, Vectors};
    use crate::provider::parquet::RecordWriter;

    fn kept(folder: &Path) -> Kept {
        let namespace = Namespace::new("Twin_1");
        let file = file_name(1, &namespace);
        let mut writer = RecordWriter::create(folder.join(&file), &VectorField::plain()).unwrap();
        let records: Vec<Record> = (0..50)
            .map(|number| Record {
                id: RecordId::from(format!("r{number}")),
                vectors: Vectors::plain(Vector::from_values([number as f32, 0.1]), None),
                metadata: Metadata::default(),
            })
            .collect();
        writer.append(&namespace, &records).unwrap();
        let contents = writer.finish().unwrap()[&namespace];
        let (bytes, sha256) = checksum(&folder.join(&file)).unwrap();
        Kept { namespace, file, contents: contents.into(), bytes, sha256 }
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path());
        kept.check(folder.path()).unwrap();
        let path = folder.path().join(&kept.file);
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            let error = kept.check(folder.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "byte {at}: {error}");
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(kept.check(folder.path()).is_err());
    }

    #[test]
    fn other_records_under_a_right_checksum_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path());
        let none = Kept { contents: Contents::default().into(), ..kept.clone() };
        assert_eq!(none.check(folder.path()).unwrap_err().kind(), ErrorKind::Conflict);
        let other = Kept { namespace: Namespace::new("twin_1"), ..kept };
        assert_eq!(other.check(folder.path()).unwrap_err().kind(), ErrorKind::Conflict);
    }

    #[test]
    fn names_differ_where_only_case_does_and_are_short() {
        let long = "n".repeat(512);
        let names = ["Twin", "twin", "", "../x/ä", &long];
        let files: std::collections::BTreeSet<String> =
            names.iter().map(|name| file_name(1, &Namespace::new(name)).to_lowercase()).collect();
        assert_eq!(files.len(), names.len());
        assert!(files.iter().all(|file| file.len() == 27 && is_file_name(file)));
        assert!(is_file_name("1234567-0123456789ab.parquet"));
        assert!(!is_file_name("data.parquet") && !is_file_name("000001-x.parquet"));
    }
}
