//! The files below a place: which are read, which are not because of their name, and which cannot be records.

use std::collections::BTreeMap;

use super::kept::Snapshots;
use crate::error::{Error, Result};
use crate::model::{Namespace, plural};
use crate::provider::parquet::{Folders, is_named};
use crate::provider::snapshot::{UNFINISHED, is_file_name};
use crate::storage::{Found, Place};
use crate::store::{Inventory, Sort};

/// First bytes of a Parquet file, and of one whose footer is encrypted.
const MAGIC: [&[u8]; 2] = [b"PAR1", b"PARE"];

/// Extensions that hide what is in a file.
const COMPRESSED: [&str; 7] = ["gz", "gzip", "zst", "zstd", "lz4", "snappy", "br"];

/// Name of a null as the value of a folder `key=value`.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// Treatment of a file, by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByName {
    Read,
    PassedOver(&'static str),
    /// The file's first bytes decide.
    Unknown,
}

/// Returns the files that are read, in order; `inventory` gets the others.
///
/// # Errors
/// `Invalid` if the place is a table whose own log says which of its files count, or if a file was compressed as a
/// whole.
pub(super) async fn survey(
    place: &Place,
    snapshots: &mut Snapshots,
    inventory: &mut Inventory,
) -> Result<Vec<Found>> {
    let found = place.list().await?;
    refuse_tables(&found)?;
    Snapshots::refuse_unfinished(place, &found)?;
    *snapshots = Snapshots::read(place, &found).await?;
    let mut read = Vec::new();
    for file in found {
        match by_name(&file.path, file.bytes) {
            ByName::Read => read.push(file),
            ByName::PassedOver(_) if snapshots.is_manifest(&file.path) => {
                inventory.pass_over(Sort::File, "the manifest of a snapshot", &file.path);
            }
            ByName::PassedOver(reason) => inventory.pass_over(Sort::File, reason, &file.path),
            ByName::Unknown => {
                let head = place.head(&file, 4).await?;
                if MAGIC.contains(&&*head) {
                    read.push(file);
                } else if let Some((inner, ending)) = compressed(&file.path) {
                    let message = format!("{} was compressed as a whole ({ending})", file.path);
                    return Err(Error::invalid(message)
                        .with_hint(format!("unpack it, so that there is a file `{inner}`")));
                } else {
                    inventory.pass_over(Sort::File, "not Parquet", &file.path);
                }
            }
        }
    }
    snapshots.refuse_others(&read)?;
    Ok(read)
}

/// Refuses tables of systems that keep files which no longer count.
fn refuse_tables(found: &[Found]) -> Result<()> {
    let is_log = |path: &str| {
        let mut parts = path.split('/').rev();
        let (name, folder) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (folder, name) {
            ("_delta_log", _) => Some("Delta Lake"),
            (".hoodie", _) => Some("Hudi"),
            ("metadata", name) if name.ends_with(".metadata.json") => Some("Iceberg"),
            _ => None,
        }
    };
    match found.iter().find_map(|file| is_log(&file.path).map(|table| (table, &file.path))) {
        Some((table, log)) => Err(Error::invalid(format!(
            "this is a {table} table, which keeps files that no longer count: only its log ({log}) knows which do"
        ))
        .with_hint("export the table to a folder of its own, and name that folder")),
        None => Ok(()),
    }
}

fn by_name(path: &str, bytes: u64) -> ByName {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut folders = folders.split('/').filter(|folder| !folder.is_empty());
    let is_import = |folder: &str| folder.starts_with("vecshift-import-");
    if folders.clone().any(is_import) {
        return ByName::PassedOver("of an import under way");
    }
    // A namespace may begin with `_`; these folders belong to writers that are not done.
    if folders.clone().any(|folder| matches!(folder, "_temporary" | "_spark_metadata")) {
        return ByName::PassedOver("of a writer that is not done");
    }
    // Such a folder is no namespace: it has files of a snapshot.
    if folders.clone().next_back().is_some_and(|folder| folder.ends_with(UNFINISHED))
        && is_file_name(name)
    {
        return ByName::PassedOver("of a writer that is not done");
    }
    if folders.any(|folder| folder.starts_with('.')) || name.starts_with(['.', '_']) {
        return ByName::PassedOver("hidden");
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        _ if is_named(name) => ByName::Read,
        Some("tmp" | "partial" | "crdownload" | "inprogress") => {
            ByName::PassedOver("of a writer that is not done")
        }
        _ if bytes == 0 => ByName::PassedOver("empty"),
        None => ByName::Unknown,
        Some(ending) if COMPRESSED.contains(&ending) => ByName::Unknown,
        Some(_) => ByName::PassedOver("not Parquet"),
    }
}

/// Returns the name of the Parquet file inside a compressed one, and the kind of compression.
fn compressed(path: &str) -> Option<(&str, &str)> {
    let (inner, ending) = path.rsplit_once('.')?;
    is_named(inner).then_some((inner, ending))
}

/// Reads the folders in a file's path: those of the form `key=value` are columns, the first of the others is the
/// namespace.
pub(super) fn folders(path: &str) -> Folders {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let mut said = Folders::default();
    let mut namespace = None;
    for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
        match folder.split_once('=').filter(|(key, _)| !key.is_empty()) {
            Some((key, value)) => {
                let value = (value != NULL_FOLDER).then(|| unescaped(value));
                said.columns.push((unescaped(key), value));
            }
            None => _ = namespace.get_or_insert(folder),
        }
    }
    said.namespace = Namespace::new(namespace.unwrap_or_default());
    said
}

/// Decodes `a%3Ab` to `a:b`, which is how writers of such folders keep what a name cannot hold.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| *first == b'%');
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Refuses a file that is no longer the one that was listed.
pub(super) fn refuse_other_size(found: &Found, bytes: u64) -> Result<()> {
    match found.bytes == bytes {
        true => Ok(()),
        false => Err(Error::new(
            crate::ErrorKind::Conflict,
            format!("{} changed while it was being read", found.path),
        )
        .with_hint("run the same command again when nothing writes to the files")),
    }
}

/// Remarks that some files give their namespace in their rows and others by their folder.
pub(super) fn remark_on_namespaces(by_rows: u64, by_folder: u64) -> Option<String> {
    (by_rows > 0 && by_folder > 0).then(|| {
        format!(
            "the namespace is in the rows of {}, and the folder of {} without such a column",
            plural(by_rows, "file"),
            plural(by_folder, "file")
        )
    })
}

/// Remarks on requested columns that are missing in some files.
pub(super) fn remark_on_absent(absent: &BTreeMap<String, u64>, files: u64) -> Vec<String> {
    absent
        .iter()
        .map(|(name, without)| format!("{without} of {files} files have no column `{name}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_becomes_of_a_file() {
        for name in [
            "a.parquet",
            "a.PARQUET",
            "a.parq",
            "a.pq",
            "a.snappy.parquet",
            "a.gz.parquet",
            "_ns_1/a.parquet",
            "__default__/a.parquet",
            "year=2026/a.parquet",
            "red/deep/0.pq",
            "a.partial/0.parquet",
        ] {
            assert_eq!(by_name(name, 9), ByName::Read, "{name}");
        }
        for name in ["000012_0", "20260101_abc", "a.parquet.gz", "a.parquet.gzip", "part-0.gz"] {
            assert_eq!(by_name(name, 9), ByName::Unknown, "{name}");
        }
        for (name, reason) in [
            ("_SUCCESS", "hidden"),
            ("_metadata", "hidden"),
            ("red/.part-0.parquet.crc", "hidden"),
            (".vecshift/a.parquet", "hidden"),
            ("a/01j.partial/000001-0123456789ab.parquet", "of a writer that is not done"),
            ("_temporary/0/a.parquet", "of a writer that is not done"),
            ("a.parquet.tmp", "of a writer that is not done"),
            ("vecshift-import-1/a.parquet", "of an import under way"),
            ("a.csv", "not Parquet"),
            ("a.parquet.crc", "not Parquet"),
            ("readme.md", "not Parquet"),
        ] {
            assert_eq!(by_name(name, 9), ByName::PassedOver(reason), "{name}");
        }
        assert_eq!(by_name("marker", 0), ByName::PassedOver("empty"));
        assert_eq!(by_name("a.parquet", 0), ByName::Read, "it is refused when it is opened");
    }

    #[test]
    fn folders_are_columns_or_the_namespace() {
        let said = folders("year=2026/red/city=a%3Ab%2/deep/0.parquet");
        assert_eq!(said.namespace, Namespace::new("red"));
        let columns = [("year", "2026"), ("city", "a:b%2")];
        let columns = columns.map(|(key, value)| (key.to_owned(), Some(value.to_owned())));
        assert_eq!(said.columns, columns);
        let null = folders("x=__HIVE_DEFAULT_PARTITION__/a.parquet");
        assert_eq!(null.columns, [("x".to_owned(), None)]);
        assert!(null.namespace.is_default());
        assert_eq!(folders("a.parquet"), Folders::default());
    }

    #[test]
    fn tables_with_a_log_of_their_own_are_refused() {
        let refused = |path: &str| {
            refuse_tables(&[Found { path: path.to_owned(), bytes: 1, tag: None }])
                .err()
                .map(|e| e.to_string())
        };
        assert!(refused("t/_delta_log/00.json").unwrap().contains("Delta Lake"));
        assert!(refused(".hoodie/hoodie.properties").unwrap().contains("Hudi"));
        assert!(refused("t/metadata/v1.metadata.json").unwrap().contains("Iceberg"));
        assert_eq!(refused("metadata/0.parquet"), None);
    }
}
