//! What the URI of a place names.

use std::path::PathBuf;

use crate::error::{Error, Result};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Uri<'a> {
    Folder(PathBuf),
    /// The scheme, the bucket, and what is behind it, as they are written.
    Bucket {
        scheme: String,
        bucket: &'a str,
        prefix: &'a str,
    },
}

impl<'a> Uri<'a> {
    /// Reads a URI; touches nothing.
    ///
    /// # Errors
    /// `Invalid` if it does not say which folder or bucket.
    pub fn read(uri: &'a str) -> Result<Self> {
        let url = reqwest::Url::parse(uri).map_err(|error| Error::invalid(error.to_string()))?;
        // Both would be cut off, and the place would not be the one that is written.
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Error::invalid("a `?` or `#` in it has to be written as `%3F` or `%23`"));
        }
        let behind = uri.split_once("://").map(|(_, behind)| behind);
        if url.scheme() == "file" {
            // A relative path would be read as one from the root, and its first folder as a host.
            return match url.to_file_path() {
                Ok(path) if behind.is_some() => Ok(Self::Folder(path)),
                _ => Err(Error::invalid(
                    "it names no local folder: all of its path is written, `file:///folder`",
                )),
            };
        }
        let (bucket, prefix) =
            behind.map_or(("", ""), |behind| behind.split_once('/').unwrap_or((behind, "")));
        match bucket {
            "" => Err(Error::invalid("it names no bucket")),
            _ => Ok(Self::Bucket { scheme: url.scheme().to_owned(), bucket, prefix }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_never_another_one() {
        assert_eq!(Uri::read("file:///a%20b/c").unwrap(), Uri::Folder("/a b/c".into()));
        for relative in ["file:exports", "file:./exports", "file://exports/a", "exports"] {
            assert!(Uri::read(relative).is_err(), "{relative}");
        }
    }

    #[test]
    fn a_bucket_and_what_is_behind_it() {
        let bucket = |scheme: &str, bucket, prefix| Uri::Bucket {
            scheme: scheme.to_owned(),
            bucket,
            prefix,
        };
        assert_eq!(Uri::read("s3://shelf/a/b c").unwrap(), bucket("s3", "shelf", "a/b c"));
        assert_eq!(Uri::read("gs://shelf").unwrap(), bucket("gs", "shelf", ""));
        for nothing in ["s3:shelf/a", "s3://", "s3:///a", "s3://shelf/a?b"] {
            assert!(Uri::read(nothing).is_err(), "{nothing}");
        }
    }
}
