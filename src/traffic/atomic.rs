//! Files that are replaced as a whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

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

/// Replaces a file so that readers see either the old text or the new one, and the new one survives a power failure. A
/// link is followed and permission bits are kept. A new file is readable by everybody, because the application has to
/// read it.
pub(super) async fn replace(path: &Path, text: String) -> Result<()> {
    let path = path.to_owned();
    let shown = path.display().to_string();
    let write = tokio::task::spawn_blocking(move || replace_now(&path, text.as_bytes()));
    match write.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Error::io("the file cannot be written", error)),
        Err(error) => {
            Err(Error::new(ErrorKind::Unexpected, "writing was cut off").with_source(error))
        }
    }
    .map_err(|error| error.with_context("file", shown))
}

/// Checks, as far as that is possible without leaving anything behind, that [`replace`] could write there.
pub(super) fn check(path: &Path) -> Result<()> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let cannot = |error| {
        Error::io("the file cannot be written", error)
            .with_context("file", path.display())
            .with_hint("see that the folder can be written and that nothing else is in its place")
    };
    if real.is_dir() {
        return Err(cannot(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    // Missing folders are created when the file is written.
    let folder = real.ancestors().skip(1).find(|folder| folder.exists());
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).map(drop).map_err(cannot)
}

fn replace_now(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match real.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    std::fs::create_dir_all(&folder)?;
    let mut file = tempfile::Builder::new().prefix(".vecshift-").tempfile_in(&folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(permissions(&real)?)?;
    file.as_file().sync_all()?;
    file.persist(&real).map_err(|error| error.error)?;
    #[cfg(unix)]
    std::fs::File::open(&folder)?.sync_all()?;
    Ok(())
}

#[cfg(unix)]
fn permissions(path: &Path) -> std::io::Result<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::metadata(path) {
        Ok(known) => Ok(known.permissions()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(std::fs::Permissions::from_mode(0o644))
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn permissions(path: &Path) -> std::io::Result<std::fs::Permissions> {
    let folder = path.parent().unwrap_or(path);
    std::fs::metadata(if path.exists() { path } else { folder }).map(|known| known.permissions())
}
