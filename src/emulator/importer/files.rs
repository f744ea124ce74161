//! The files of an import and the limits on them.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::model::Namespace;
use crate::pinecone_wire::limits::{
    IMPORT_BYTES, IMPORT_FILE_BYTES, IMPORT_FILES, IMPORT_NAMESPACES,
};

/// A Parquet file of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub namespace: Namespace,
    /// Path below the import's URI, with slashes.
    pub path: String,
    pub bytes: u64,
}

/// Returns the file at `path` below the import's URI; `None` for what an import ignores: files that are not Parquet,
/// and files in no folder.
pub(crate) fn file(path: &str, bytes: u64) -> Option<File> {
    let (folder, rest) = path.split_once('/')?;
    let is_parquet = rest.ends_with(".parquet");
    (is_parquet && !folder.is_empty()).then(|| File {
        namespace: Namespace::new(folder),
        path: path.to_owned(),
        bytes,
    })
}

/// Sorts the files and checks them against the limits.
pub(crate) fn checked(uri: &str, mut files: Vec<File>) -> Result<Vec<File>> {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let namespaces = files.iter().map(|file| &file.namespace).collect::<BTreeSet<_>>().len();
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let largest = files.iter().max_by_key(|file| file.bytes);
    let over = |what: &str, found: u64, limit: u64| {
        Err(Error::invalid(format!("The import has {found} {what}, the limit is {limit}")))
    };
    match largest {
        None => Err(Error::invalid(format!(
            "No Parquet files found: {uri} has no folder with .parquet files"
        ))),
        _ if files.len() > IMPORT_FILES => over("files", files.len() as u64, IMPORT_FILES as u64),
        _ if namespaces > IMPORT_NAMESPACES => {
            over("namespaces", namespaces as u64, IMPORT_NAMESPACES as u64)
        }
        _ if bytes > IMPORT_BYTES => over("bytes", bytes, IMPORT_BYTES),
        Some(file) if file.bytes > IMPORT_FILE_BYTES => {
            over(&format!("bytes in the file {}", file.path), file.bytes, IMPORT_FILE_BYTES)
        }
        Some(_) => Ok(files),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_namespace() {
        let name = |path| file(path, 1).map(|file| file.namespace.as_str().to_owned());
        assert_eq!(name("a/0.parquet").as_deref(), Some("a"));
        assert_eq!(name("a/deep/0.parquet").as_deref(), Some("a"));
        assert_eq!(name("__default__/0.parquet").as_deref(), Some(""));
        for other in ["0.parquet", "a/0.log", "a/_SUCCESS", "/0.parquet"] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn limits_are_those_of_the_documents() {
        let many = |count: usize, bytes| -> Vec<File> {
            (0..count).filter_map(|n| file(&format!("n{n}/0.parquet"), bytes)).collect()
        };
        assert_eq!(checked("s3://b", many(10_000, 1)).unwrap().len(), 10_000);
        for (files, word) in [
            (many(10_001, 1), "10001 namespaces"),
            (many(1, IMPORT_FILE_BYTES + 1), "bytes in the file n0/0.parquet"),
            (many(101, IMPORT_FILE_BYTES), "1010000000000 bytes"),
            (Vec::new(), "No Parquet files"),
        ] {
            let error = checked("s3://b", files).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        let files = (0..=IMPORT_FILES).filter_map(|n| file(&format!("a/{n}.parquet"), 1)).collect();
        let error = checked("s3://b", files).unwrap_err().to_string();
        assert!(error.contains("100001 files"), "{error}");
    }
}
