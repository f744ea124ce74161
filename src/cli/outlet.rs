//! A file that a command writes: opened before anything else happens, written as a whole at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::fs::replace_or_overwrite;

/// A file that a command writes, opened for writing before the command does anything.
#[derive(Debug)]
pub struct Outlet {
    /// The option or variable that asks for it: `--junit`, `GITHUB_OUTPUT`.
    pub asked_by: &'static str,
    /// The path as given.
    pub path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A regular file by its resolved path, so that a changed working folder or a moved link does not matter.
    File(PathBuf),
    /// A device or a pipe: nothing can be replaced, and what was written cannot be taken back.
    Stream(Mutex<File>),
}

/// A file that could not be written at the end.
#[derive(Debug, PartialEq)]
pub struct Unwritten {
    pub asked_by: &'static str,
    pub path: String,
    pub reason: String,
}

impl Unwritten {
    pub fn text(&self) -> String {
        let Self { asked_by, path, reason } = self;
        format!("cannot write {path} ({asked_by}): {reason}")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({ "asked_by": self.asked_by, "path": self.path, "message": self.reason })
    }
}

impl Outlet {
    /// Opens `path` for writing and creates its folder if needed. An existing file keeps its content.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(asked_by: &'static str, path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let kind = match file.metadata()?.is_file() {
            true => Kind::File(path.canonicalize()?),
            false => Kind::Stream(Mutex::new(file)),
        };
        Ok(Self { asked_by, path: path.to_owned(), kind })
    }

    /// Returns whether `path` is this very file, under whatever name.
    pub fn is(&self, path: &Path) -> bool {
        let Kind::File(own) = &self.kind else { return false };
        path.canonicalize().is_ok_and(|path| path == *own) || is_linked(own, path)
    }

    /// Returns the resolved path; `None` for a device or a pipe.
    pub fn file(&self) -> Option<&Path> {
        match &self.kind {
            Kind::File(path) => Some(path),
            Kind::Stream(_) => None,
        }
    }

    /// Replaces a stale file with `text`. A device or a pipe receives only the final text.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(&self, text: &str) -> io::Result<()> {
        match &self.kind {
            Kind::File(path) => replace_or_overwrite(path, text.as_bytes()),
            Kind::Stream(_) => Ok(()),
        }
    }

    /// Writes the final text, as a whole or not at all if that is possible.
    ///
    /// # Errors
    /// If it cannot be written; a regular file then keeps its content.
    pub fn finish(&self, text: &str) -> io::Result<()> {
        match &self.kind {
            Kind::File(path) => replace_or_overwrite(path, text.as_bytes()),
            Kind::Stream(file) => write(file, text.as_bytes()),
        }
    }

    /// Appends `text` to the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&self, text: &str) -> io::Result<()> {
        match &self.kind {
            Kind::File(path) => {
                OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
            }
            Kind::Stream(file) => write(file, text.as_bytes()),
        }
    }

    /// Empties the file and returns a handle for writing it piece by piece.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn stream(&self) -> io::Result<File> {
        match &self.kind {
            Kind::File(path) => File::create(path),
            Kind::Stream(file) => file.lock().unwrap_or_else(PoisonError::into_inner).try_clone(),
        }
    }
}

fn write(file: &Mutex<File>, bytes: &[u8]) -> io::Result<()> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.write_all(bytes)?;
    file.flush()
}

/// Returns whether two paths are hard links to the same file.
#[cfg(unix)]
fn is_linked(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_linked(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_its_folder_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/report.xml");
        let outlet = Outlet::open("--junit", &path).unwrap();
        outlet.begin("not finished").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not finished");
        outlet.finish("done").unwrap();
        outlet.add(" and more").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "done and more");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Outlet::open("--junit", folder.path()).is_err());
        assert!(Outlet::open("--junit", &folder.path().join("x/")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn one_file_is_known_under_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.xml");
        let outlet = Outlet::open("--junit", &path).unwrap();
        let (soft, hard) = (folder.path().join("soft"), folder.path().join("hard"));
        std::os::unix::fs::symlink(&path, &soft).unwrap();
        std::fs::hard_link(&path, &hard).unwrap();
        for name in [&path, &soft, &hard, &folder.path().join("./report.xml")] {
            assert!(outlet.is(name), "{}", name.display());
        }
        assert!(!outlet.is(&folder.path().join("other")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_at_the_end() {
        let outlet = Outlet::open("--junit", Path::new("/dev/full")).unwrap();
        outlet.begin("not finished").unwrap();
        assert!(outlet.finish("done").is_err());
        assert!(outlet.add("more").is_err());
    }
}
