//! Files that are whole whenever anybody sees them: written beside their name, on the disk before they take it, and the
//! name on the disk before anything goes on. Everything that replaces, names or renames a file does it here.
#![allow(clippy::disallowed_methods, reason = "what nobody else may call is called here")]

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What the name of a file that is still being written begins and ends with: hidden, and known as half of something.
const PARTIAL: (&str, &str) = (".vecshift-", ".partial");

/// Who may read a file that was not there before. One that was keeps its permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// As any program would make it.
    Usual,
    /// Everybody, whatever the process keeps to itself elsewhere: another program is waiting for it.
    Everybody,
}

/// A file on its way to a name. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Replacement {
    file: NamedTempFile,
    /// Where a link leads, and not the link.
    path: PathBuf,
    access: Access,
}

impl Replacement {
    /// Begins a file beside `path`; folders on the way are made, a link is followed.
    ///
    /// # Errors
    /// Where nothing can be made in the folder.
    pub fn begin(path: &Path, access: Access) -> io::Result<Self> {
        let path = followed(path);
        let folder = folder_of(&path);
        std::fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(PARTIAL.0).suffix(PARTIAL.1);
        if let Some(usual) = usual_permissions() {
            builder.permissions(usual);
        }
        let file = builder.tempfile_in(folder)?;
        Ok(Self { file, path, access })
    }

    /// Waits until the disk has it, and gives it its name in the place of what has it now.
    ///
    /// # Errors
    /// Those of the disk; the name then stays with what had it.
    pub fn commit(self) -> io::Result<()> {
        let kept = permissions(&self.path, self.access)?;
        let (file, path) = self.settled(kept)?;
        name(file, &path)
    }

    /// The same for a name that nothing may have yet; whether it was free.
    ///
    /// # Errors
    /// Those of the disk.
    fn commit_new(self) -> io::Result<bool> {
        let (file, path) = self.settled(None)?;
        match file.persist_noclobber(&path) {
            Ok(_) => sync_folder_of(&path).map(|()| true),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    }

    fn settled(self, permissions: Option<Permissions>) -> io::Result<(NamedTempFile, PathBuf)> {
        if let Some(permissions) = permissions {
            self.file.as_file().set_permissions(permissions)?;
        }
        self.file.as_file().sync_all()?;
        Ok((self.file, self.path))
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Puts `bytes` in the place of a file: a reader sees the old ones or the new ones, and a power cut loses neither.
///
/// # Errors
/// Those of the disk; the old file is then there.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut file = Replacement::begin(path, access)?;
    file.write_all(bytes)?;
    file.commit()
}

/// The same where a half-written file is better than none: one whose folder takes no other (a file that is mounted, a
/// folder of somebody else's) is overwritten.
///
/// # Errors
/// Those of the disk. A full one leaves the old file as it was, where the folder takes another.
pub fn replace_or_overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let Ok(mut file) = Replacement::begin(path, Access::Usual) else {
        return std::fs::write(path, bytes);
    };
    file.write_all(bytes)?;
    let kept = permissions(&file.path, file.access)?;
    let (file, real) = file.settled(kept)?;
    name(file, &real).or_else(|_| std::fs::write(path, bytes))
}

/// Writes a file that must not be there yet; whether it was not.
///
/// # Errors
/// Those of the disk.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut file = Replacement::begin(path, Access::Usual)?;
    file.write_all(bytes)?;
    file.commit_new()
}

/// Copies a file, or all files of a folder, each whole when it has its name.
///
/// # Errors
/// Those of the disk; `NotFound` if there is nothing at `from`.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !std::fs::metadata(from)?.is_dir() {
        let mut copy = Replacement::begin(to, Access::Usual)?;
        io::copy(&mut File::open(from)?, &mut copy)?;
        return copy.commit();
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let name = entry?.file_name();
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

/// Renames a file or a folder; the new name is on the disk when this returns.
///
/// # Errors
/// Those of the disk.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_folder_of(to)
}

/// Waits until the disk has the names in the folder of `path`. Does nothing where a folder cannot be waited for: where
/// it cannot be opened as a file, or its file system knows no such thing.
///
/// # Errors
/// Those of the disk.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder_of(path)).and_then(|folder| folder.sync_all()) {
        Err(error) if cannot_be_synced(error.kind()) => Ok(()),
        synced => synced,
    }
}

/// Whether a file could be replaced or made at `path`, as far as trying without leaving anything behind can say.
///
/// # Errors
/// What is in the way.
pub fn check_file(path: &Path) -> io::Result<()> {
    let path = followed(path);
    match path.is_dir() {
        true => Err(ErrorKind::IsADirectory.into()),
        false => check_folder(folder_of(&path)),
    }
}

/// Whether files could be made in a folder that may not be there yet.
///
/// # Errors
/// What is in the way.
pub fn check_folder(path: &Path) -> io::Result<()> {
    let there = path.ancestors().find(|folder| folder.symlink_metadata().is_ok());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !there.metadata()?.is_dir() {
        let message = format!("{} is not a folder", there.display());
        return Err(io::Error::new(ErrorKind::NotADirectory, message));
    }
    tempfile::tempfile_in(there).map(drop)
}

/// Whether a file of this name is one that was never finished.
pub fn is_partial(name: &str) -> bool {
    name.strip_prefix(PARTIAL.0).is_some_and(|rest| rest.ends_with(PARTIAL.1))
}

fn name(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map_err(|error| error.error)?;
    sync_folder_of(path)
}

fn followed(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn cannot_be_synced(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied)
}

/// Those that a file gets which any program makes: the process's own mask takes away from them.
#[cfg(unix)]
fn usual_permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn usual_permissions() -> Option<Permissions> {
    None
}

/// What the file at `path` is to have; `None` for what it was made with.
fn permissions(path: &Path, access: Access) -> io::Result<Option<Permissions>> {
    match std::fs::metadata(path) {
        Ok(known) => Ok(Some(known.permissions())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(match access {
            Access::Usual => None,
            Access::Everybody => for_everybody(),
        }),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn for_everybody() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn for_everybody() -> Option<Permissions> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_changes_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        replace(&path, b"old", Access::Usual).unwrap();
        let mut half = Replacement::begin(&path, Access::Usual).unwrap();
        half.write_all(b"ne").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        let beside = names(path.parent().unwrap());
        assert_eq!(beside.iter().filter(|name| is_partial(name)).count(), 1, "{beside:?}");
        drop(half);
        assert_eq!(names(path.parent().unwrap()), ["b"]);
        replace(&path, b"new", Access::Usual).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_name_that_is_taken_is_not_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(create(&path, b"first").unwrap());
        assert!(!create(&path, b"second").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["lock"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        std::fs::write(folder.path().join("usual"), "").unwrap();
        let usual = std::fs::metadata(folder.path().join("usual")).unwrap().permissions().mode();
        replace(&path, b"1", Access::Usual).unwrap();
        assert_eq!(mode(), usual & 0o777);
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"2", Access::Everybody).unwrap();
        assert_eq!((mode(), std::fs::read(&path).unwrap()), (0o640, b"2".to_vec()));
        assert!(link.is_symlink());
        std::fs::remove_file(&path).unwrap();
        replace(&path, b"3", Access::Everybody).unwrap();
        assert_eq!(mode(), 0o644);
    }

    #[test]
    fn looking_leaves_nothing_and_says_what_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        check_folder(&folder.path().join("a/b")).unwrap();
        check_file(&folder.path().join("a/b")).unwrap();
        assert_eq!(names(folder.path()), [""; 0]);
        std::fs::write(&file, "").unwrap();
        check_file(&file).unwrap();
        assert_eq!(check_file(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        let error = check_folder(&file.join("a")).unwrap_err();
        assert!(error.to_string().ends_with("file is not a folder"), "{error}");
        assert!(check_file(&file.join("a")).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_whose_folder_takes_no_other_is_overwritten() {
        // The name of this thread: a file that can be written, in a folder in which not even root makes one.
        let path = Path::new("/proc/thread-self/comm");
        assert!(replace(path, b"new", Access::Usual).is_err());
        replace_or_overwrite(path, b"new").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "new\n");
    }
}
