//! The folder of a ledger: one emulator at a time, and nothing of anybody else's.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::frame::HEADER;
use crate::error::{Error, ErrorKind, Result};
use crate::fs;

const LEDGER: &str = "emulator.ledger";
const LOCK: &str = "emulator.lock";

/// A folder that is held until this is dropped.
pub(super) struct Folder {
    pub ledger: PathBuf,
    lock: File,
}

impl Folder {
    /// Takes a folder, which is made if it is not there, and in it a ledger, which is begun if there is none.
    ///
    /// # Errors
    /// `Refused` if it holds files and no ledger; `Locked` while another emulator has it; those of the disk.
    pub fn take(path: &Path) -> Result<Self> {
        let cannot =
            |error| Error::io(format!("cannot keep anything in {}", path.display()), error);
        let ledger = path.join(LEDGER);
        if !ledger.exists() {
            refuse_strange(path)?;
        }
        std::fs::create_dir_all(path).map_err(cannot)?;
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(path.join(LOCK));
        let lock = lock.map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another emulator has the folder {}", path.display());
                return Err(Error::new(ErrorKind::Locked, message)
                    .with_hint("end that one, or name another folder"));
            }
            // A file system without locks keeps nobody out.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        fs::create(&ledger, HEADER).map_err(cannot)?;
        Ok(Self { ledger, lock })
    }

    /// Lets another emulator have it.
    pub fn release(&self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the folder of an emulator stays locked");
        }
    }
}

/// Refuses a folder with anything in it that an emulator did not leave.
fn refuse_strange(path: &Path) -> Result<()> {
    let cannot = |error| Error::io(format!("cannot read the folder {}", path.display()), error);
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(cannot)?,
    };
    for entry in entries {
        let name = entry.map_err(cannot)?.file_name();
        let name = name.to_string_lossy();
        if name != LOCK && !fs::is_partial(&name) {
            let message = format!(
                "the folder {} is no emulator's: it holds {name} and no {LEDGER}",
                path.display()
            );
            return Err(Error::new(ErrorKind::Refused, message)
                .with_hint("name an empty folder, or one that is not there yet"));
        }
    }
    Ok(())
}
