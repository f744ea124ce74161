//! A file that an application reads its share from.

use std::path::Path;

use crate::blocking::blocking;
use crate::error::{Error, Result};
use crate::fs::{self, Access};

/// Reads the text of a file; `None` if it does not exist.
pub(super) async fn read(path: &Path) -> Result<Option<String>> {
    match tokio::fs::read_to_string(path).await {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Error::io("the file cannot be read", error).with_context("file", path.display()))
        }
    }
}

/// Replaces a file as a whole. A new file is readable by everybody, because the application has to read it.
pub(super) async fn replace(path: &Path, text: String) -> Result<()> {
    let path = path.to_owned();
    blocking(move || {
        fs::replace(&path, text.as_bytes(), Access::Everybody)
            .map_err(|error| unwritable(&path, error))
    })
    .await
}

/// Checks that [`replace`] could write there.
pub(super) fn check(path: &Path) -> Result<()> {
    fs::check_file(path).map_err(|error| {
        unwritable(path, error)
            .with_hint("see that the folder can be written and that nothing else is in its place")
    })
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::io("the file cannot be written", error).with_context("file", path.display())
}
