//! Files in a folder on this machine or in a bucket that speaks S3: listed, read, written whole, removed.
//!
//! A [`Place`] is named by a URI, `file:///folder` or `s3://bucket/prefix`; paths below it have slashes.

mod connector;
mod folder;
mod found;
mod object;
pub mod objects;
mod s3;
mod said;
mod uri;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use object_store::path::Path as Key;
use tempfile::TempPath;

pub use self::found::Found;
pub use self::object::Object;
pub use self::s3::S3Options;
use self::uri::Uri;
use crate::blocking::blocking;
use crate::error::{Error, Result};

/// Longest name of a file on the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// A folder or a bucket's prefix.
pub struct Place {
    uri: String,
    kind: Kind,
}

enum Kind {
    Folder(PathBuf),
    Bucket(s3::Bucket),
}

/// A file that can be opened: the one in the folder, or a copy that goes away with this.
pub enum Local {
    InPlace(PathBuf),
    Copy(TempPath),
}

impl Local {
    pub fn path(&self) -> &Path {
        match self {
            Self::InPlace(path) => path,
            Self::Copy(path) => path,
        }
    }
}

pub fn is_s3(uri: &str) -> bool {
    uri.starts_with("s3://")
}

/// Returns why `name` cannot be one part of a path in every kind of place; `None` if it can.
pub fn refuses_name(name: &str) -> Option<&'static str> {
    match name {
        "" | "." | ".." => Some("it is no name of a folder"),
        _ if name.contains('/') => Some("a slash would make it two folders"),
        _ if name.contains('\\') => Some("a backslash is a folder on some systems"),
        _ if name.len() > LONGEST_NAME => Some("it is longer than a file's name can be"),
        _ => Key::parse(name).is_err().then_some("it holds characters that a path cannot"),
    }
}

impl Place {
    /// Reads a URI; touches nothing.
    ///
    /// # Errors
    /// `Invalid` if it is neither a folder nor a bucket.
    pub fn read(uri: &str, options: &S3Options) -> Result<Self> {
        let kind = match Uri::read(uri)? {
            Uri::Folder(root) => Kind::Folder(root),
            Uri::Bucket { scheme, bucket, prefix } if scheme == "s3" => {
                Kind::Bucket(s3::Bucket::new(bucket, prefix, options)?)
            }
            Uri::Bucket { .. } => return Err(Error::invalid("only file: and s3: are reached")),
        };
        Ok(Self { uri: uri.to_owned(), kind })
    }

    /// Returns the URI of a folder on this machine.
    ///
    /// # Errors
    /// `Invalid` if the path is not absolute.
    pub fn uri_of_folder(folder: &Path) -> Result<String> {
        reqwest::Url::from_directory_path(folder)
            .map(String::from)
            .map_err(|()| Error::invalid(format!("{} is not an absolute path", folder.display())))
    }

    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns the last part of its path as it is on disk or in the bucket; empty for a whole bucket.
    pub fn leaf(&self) -> String {
        match &self.kind {
            Kind::Folder(root) => {
                root.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            Kind::Bucket(bucket) => bucket.leaf(),
        }
    }

    /// Returns all files below it, sorted by path; none if it does not exist.
    ///
    /// # Errors
    /// Those of the disk or the bucket.
    pub async fn list(&self) -> Result<Vec<Found>> {
        let mut files = match &self.kind {
            Kind::Folder(root) => {
                let root = root.clone();
                blocking(move || folder::walk(&root)).await?
            }
            Kind::Bucket(bucket) => bucket.list().await?,
        };
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Checks that it exists and can be listed; a folder is made when it is needed.
    ///
    /// # Errors
    /// Those of the bucket: it does not exist, or the keys are not for it.
    pub async fn reach(&self) -> Result<()> {
        match &self.kind {
            Kind::Folder(root) => {
                let root = root.clone();
                blocking(move || folder::reach(&root)).await
            }
            Kind::Bucket(bucket) => bucket.reach().await,
        }
    }

    /// Returns a file in a form that can be opened here.
    ///
    /// # Errors
    /// Those of the bucket; `NotFound` if it has no such file.
    pub async fn open(&self, path: &str) -> Result<Local> {
        match &self.kind {
            Kind::Folder(root) => Ok(Local::InPlace(root.join(path))),
            Kind::Bucket(bucket) => Ok(Local::Copy(bucket.download(path).await?.into_temp_path())),
        }
    }

    /// Returns a file of a bucket as it was found, to be read range by range; `None` for one that is on this machine.
    pub fn object(&self, found: &Found) -> Option<Object> {
        match &self.kind {
            Kind::Folder(_) => None,
            Kind::Bucket(bucket) => Some(Object::new(bucket.clone(), found.clone())),
        }
    }

    /// Returns the first bytes of a file that was found, at most `most`.
    ///
    /// # Errors
    /// Those of the disk or the bucket.
    pub async fn head(&self, found: &Found, most: u64) -> Result<Bytes> {
        match &self.kind {
            Kind::Folder(root) => {
                let path = root.join(&found.path);
                blocking(move || folder::head(&path, most)).await.map(Bytes::from)
            }
            Kind::Bucket(_) if found.bytes == 0 => Ok(Bytes::new()),
            Kind::Bucket(bucket) => bucket.head(&found.path, found.bytes, most).await,
        }
    }

    /// Writes a whole file, replacing an existing one; it is durable when this returns, and never seen in part.
    ///
    /// # Errors
    /// Those of the disk or the bucket.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        match &self.kind {
            Kind::Folder(root) => {
                let path = root.join(path);
                blocking(move || folder::put(&path, &bytes)).await
            }
            Kind::Bucket(bucket) => bucket.put(path, bytes).await,
        }
    }

    /// Removes files, given by their paths, and folders left empty; a missing file is no error.
    ///
    /// # Errors
    /// Those of the disk or the bucket.
    pub async fn remove(&self, paths: Vec<String>) -> Result<()> {
        match &self.kind {
            Kind::Folder(root) => {
                let root = root.clone();
                blocking(move || folder::remove(&root, &paths)).await
            }
            Kind::Bucket(bucket) => bucket.remove(paths).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_keeps_whole_files_and_goes_when_they_do() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("exports");
        let uri = Place::uri_of_folder(&root).unwrap();
        let place = Place::read(&uri, &S3Options::default()).unwrap();
        assert_eq!(place.list().await.unwrap(), []);
        place.put("a/0.parquet", Bytes::from_static(b"one")).await.unwrap();
        place.put("a/0.parquet", Bytes::from_static(b"other")).await.unwrap();
        place.put("b c/deep/1", Bytes::from_static(b"two")).await.unwrap();
        let found = |path: &str, bytes| Found { path: path.to_owned(), bytes, tag: None };
        assert_eq!(place.list().await.unwrap(), [found("a/0.parquet", 5), found("b c/deep/1", 3)]);
        let local = place.open("a/0.parquet").await.unwrap();
        assert_eq!(std::fs::read(local.path()).unwrap(), b"other");
        place.remove(vec!["a/0.parquet".into(), "gone".into()]).await.unwrap();
        assert_eq!(place.list().await.unwrap(), [found("b c/deep/1", 3)]);
        place.remove(vec!["b c/deep/1".into()]).await.unwrap();
        assert!(!root.exists());
    }

    #[test]
    fn uris_that_lead_nowhere_are_refused() {
        let refused =
            |uri: &str| Place::read(uri, &S3Options::default()).err().unwrap().to_string();
        assert!(refused("exports").contains("relative"), "{}", refused("exports"));
        assert!(refused("file:exports").contains("file:///"), "{}", refused("file:exports"));
        assert!(refused("gs://bucket").contains("only file: and s3:"));
        assert!(refused("s3://").contains("no bucket"));
        assert!(refused("file:///tmp/a#b").contains("%23"));
        assert!(refused("file:///tmp/a?b").contains("%3F"));
        assert!(refused("s3://shelf/a?b").contains("%3F"));
    }

    #[test]
    fn names_of_folders() {
        for name in ["a", "a b", "__default__", "größe", "100%"] {
            assert_eq!(refuses_name(name), None, "{name}");
        }
        for name in ["", ".", "..", "a/b", "a\\b", "a\u{7}"] {
            assert!(refuses_name(name).is_some(), "{name:?}");
        }
    }
}
