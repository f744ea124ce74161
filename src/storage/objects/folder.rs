//! Objects in a folder that several machines may share, also where locks do not work across them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::key;
use super::versions::{self, Replaced, is_hidden, numbered};
use super::{Listed, Objects, Put, Read, Version};
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Access, Replacement, create};

/// How often an object is looked for anew that was replaced, and cleared, while it was opened.
const LOOKS: usize = 100;

/// A folder. The time of its objects is that of their files, which a file server sets by its own clock.
pub(super) struct Folder {
    uri: String,
    root: PathBuf,
    timeout: Duration,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Folder").field(&self.uri).finish()
    }
}

impl Folder {
    pub fn new(uri: &str, root: PathBuf, timeout: Duration) -> Self {
        Self { uri: uri.to_owned(), root, timeout }
    }

    /// Does work that waits for a disk, which may be another machine's that does not answer.
    async fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        what: &str,
        key: &str,
        work: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let root = self.root.clone();
        let work = blocking(move || {
            reach(&root)?;
            work(&root)
        });
        let done = tokio::time::timeout(limit, work).await;
        done.unwrap_or_else(|_| {
            let message = format!("no answer in {limit:?} to {what} `{key}` in {}", self.uri);
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        what: &str,
        key: &str,
        work: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(self.timeout * 2, what, key, work).await
    }

    async fn put(
        &self,
        key: &str,
        work: impl FnOnce(&Path) -> Result<Put> + Send + 'static,
    ) -> Result<Put> {
        key::check(key)?;
        match self.ask(self.timeout, "put", key, work).await {
            // It goes on where nobody waits for it.
            Err(error) if error.kind() == ErrorKind::Timeout => Ok(Put::Unknown(error)),
            put => put,
        }
    }
}

/// A folder that is not there may be a share that is not mounted: one that was made in its place would be another one.
fn reach(root: &Path) -> Result<()> {
    match std::fs::metadata(root) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => {
            Err(Error::new(ErrorKind::NotFound, format!("{} is not a folder", root.display())))
        }
        Err(error) if error.kind() == Io::NotFound => {
            let message = format!("there is no folder {}", root.display());
            Err(Error::new(ErrorKind::NotFound, message)
                .with_hint("make it, or mount the share that it is in"))
        }
        Err(error) => Err(failed("look into", root, error)),
    }
}

/// Whether it will not be otherwise when it is tried again, and nothing was written.
fn is_lasting(kind: Io) -> bool {
    matches!(
        kind,
        Io::PermissionDenied
            | Io::ReadOnlyFilesystem
            | Io::StorageFull
            | Io::QuotaExceeded
            | Io::NotADirectory
            | Io::IsADirectory
            | Io::InvalidFilename
    )
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let denied = matches!(error.kind(), Io::PermissionDenied | Io::ReadOnlyFilesystem);
    let (kind, message) = match denied {
        true => (ErrorKind::Unauthorized, format!("not allowed to {what} {}", path.display())),
        false if is_lasting(error.kind()) => {
            (ErrorKind::Io, format!("cannot {what} {}", path.display()))
        }
        false => (ErrorKind::Unavailable, format!("cannot {what} {}", path.display())),
    };
    Error::new(kind, message).with_source(error)
}

/// Returns the answer to a write whose error may have come after it.
fn unknown(path: &Path, was_begun: bool, error: io::Error) -> Result<Put> {
    let lasts = is_lasting(error.kind());
    let error = failed("put", path, error);
    match was_begun && !lasts {
        true => Ok(Put::Unknown(error)),
        false => Err(error),
    }
}

fn version(number: u64) -> Version {
    Version { e_tag: None, version: Some(number.to_string()) }
}

fn modified(file: &std::fs::Metadata) -> Timestamp {
    let modified = file.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    modified.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Opens the newest version of an object.
fn opened(object: &Path) -> Result<Option<(File, u64)>> {
    let cannot = |error| failed("get", object, error);
    for _ in 0..LOOKS {
        let Some(number) = versions::newest(object).map_err(cannot)? else { return Ok(None) };
        match File::open(versions::file(object, number)) {
            Ok(file) if file.metadata().map_err(cannot)?.is_dir() => return Ok(None),
            Ok(file) => return Ok(Some((file, number))),
            Err(error) if error.kind() == Io::NotFound => {}
            Err(error) => return Err(cannot(error)),
        }
    }
    let message = format!("{} is replaced too fast to be read", object.display());
    Err(Error::new(ErrorKind::Unavailable, message))
}

/// A file or a folder as it is shown.
struct Shown {
    name: String,
    path: PathBuf,
    is_folder: bool,
    /// Whether it was ever replaced.
    has_versions: bool,
}

/// Returns what a folder shows, sorted; nothing if it is not there. A link to a folder is not followed.
fn shown(folder: &Path) -> Result<Vec<Shown>> {
    let cannot = |error| failed("list", folder, error);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => {
            return Ok(vec![]);
        }
        entries => entries.map_err(cannot)?,
    };
    let (mut found, mut replaced) = (Vec::new(), BTreeSet::new());
    for entry in entries {
        let entry = entry.map_err(cannot)?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(Error::invalid(format!("{} has a name in no UTF-8", path.display())));
        };
        if let Some((object, _)) = numbered(&name) {
            replaced.insert(object.to_owned());
        } else if !is_hidden(&name) {
            let is_folder = entry.file_type().map_err(cannot)?.is_dir();
            found.push(Shown { name, path, is_folder, has_versions: false });
        }
    }
    for shown in &mut found {
        shown.has_versions = replaced.contains(&shown.name);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn walk(folder: &Path, prefix: &str, listed: &mut Vec<Listed>) -> Result<()> {
    for Shown { name, path, is_folder, has_versions } in shown(folder)? {
        let key = format!("{prefix}{name}");
        if is_folder {
            walk(&path, &format!("{key}/"), listed)?;
            continue;
        }
        // One look for each of what may be thousands.
        let there = match has_versions {
            true => opened(&path)?.map(|(file, _)| file.metadata()),
            false => Some(std::fs::metadata(&path)),
        };
        match there.transpose() {
            Ok(Some(there)) if there.is_file() => {
                listed.push(Listed { key, bytes: there.len(), modified: modified(&there) });
            }
            Ok(_) => {}
            // Taken away meanwhile, by somebody else.
            Err(error) if error.kind() == Io::NotFound => {}
            Err(error) => return Err(failed("list", &path, error)),
        }
    }
    Ok(())
}

#[async_trait]
impl Objects for Folder {
    fn uri(&self) -> &str {
        &self.uri
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Put> {
        let below = key.to_owned();
        let work = move |root: &Path| {
            let path = root.join(below);
            match create(&path, &bytes) {
                Ok(true) => Ok(Put::Done(version(0))),
                Ok(false) => Ok(Put::Refused),
                Err(error) => unknown(&path, true, error),
            }
        };
        self.put(key, work).await
    }

    async fn replace(&self, key: &str, bytes: Bytes, from: &Version) -> Result<Put> {
        let below = key.to_owned();
        let number = from.version.as_ref().and_then(|number| number.parse().ok());
        let work = move |root: &Path| {
            let path = root.join(below);
            // A version of something else.
            let Some(number) = number else { return Ok(Put::Refused) };
            match versions::replace(&path, &bytes, number) {
                Ok(Replaced::Done(number)) => Ok(Put::Done(version(number))),
                Ok(Replaced::Refused) => Ok(Put::Refused),
                Err((was_begun, error)) => unknown(&path, was_begun, error),
            }
        };
        self.put(key, work).await
    }

    async fn get(&self, key: &str) -> Result<Option<Read>> {
        key::check(key)?;
        let below = key.to_owned();
        let work = move |root: &Path| {
            let path = root.join(below);
            let Some((mut file, number)) = opened(&path)? else { return Ok(None) };
            let cannot = |error| failed("get", &path, error);
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes).map_err(cannot)?;
            let modified = modified(&file.metadata().map_err(cannot)?);
            Ok(Some(Read { bytes: bytes.into(), version: version(number), modified }))
        };
        self.read("get", key, work).await
    }

    async fn list(&self, below: &str) -> Result<Vec<Listed>> {
        key::check_folder(below)?;
        let folder = below.to_owned();
        let work = move |root: &Path| {
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let mut listed = Vec::new();
            walk(&root.join(folder), &prefix, &mut listed)?;
            // The names of a folder are sorted without the slash that comes behind them in a key.
            listed.sort_by(|a, b| a.key.cmp(&b.key));
            Ok(listed)
        };
        self.read("list", below, work).await
    }

    async fn folders(&self, below: &str) -> Result<Vec<String>> {
        key::check_folder(below)?;
        let folder = below.to_owned();
        let work = move |root: &Path| {
            let shown = shown(&root.join(folder))?.into_iter();
            Ok(shown.filter(|shown| shown.is_folder).map(|shown| shown.name).collect())
        };
        self.read("list", below, work).await
    }

    async fn upload(&self, key: &str, file: &Path) -> Result<()> {
        key::check(key)?;
        let (root, key, from) = (self.root.clone(), key.to_owned(), file.to_owned());
        blocking(move || {
            reach(&root)?;
            let to = root.join(key);
            let mut file = File::open(&from).map_err(|error| unread(&from, error))?;
            let mut put = || {
                let mut to = Replacement::begin(&to, Access::Usual)?;
                io::copy(&mut file, &mut to)?;
                to.commit()
            };
            put().map_err(|error| failed("put", &to, error))
        })
        .await
    }

    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        key::check(key)?;
        let (root, key, to) = (self.root.clone(), key.to_owned(), file.to_owned());
        blocking(move || {
            reach(&root)?;
            let from = root.join(&key);
            let Some((mut object, _)) = opened(&from)? else {
                return Err(Error::new(ErrorKind::NotFound, format!("there is no `{key}`")));
            };
            let mut get = || {
                let mut to = Replacement::begin(&to, Access::Usual)?;
                io::copy(&mut object, &mut to)?;
                to.commit()
            };
            get().map_err(|error| Error::io(format!("cannot write {}", to.display()), error))
        })
        .await
    }
}

fn unread(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()), error)
}
