//! The inbox: small files that the run picks up and turns into events.

use std::fs;
use std::path::PathBuf;

use super::paths::Paths;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::journal::{Letter, Waiting};
use crate::state::new_id;

/// The folder of letters to one plan's runs.
#[derive(Clone, Debug)]
pub(super) struct Inbox(PathBuf);

impl Inbox {
    pub fn new(paths: &Paths) -> Self {
        Self(paths.inbox())
    }

    /// Leaves a letter, which is on disk when this returns. Returns its name.
    pub fn put(&self, letter: &Letter, clock: &Clock) -> Result<String> {
        let cannot = |error| Error::io(format!("cannot write to {}", self.0.display()), error);
        let bytes = serde_json::to_vec(letter).map_err(|error| {
            Error::unexpected("a request cannot be written as JSON").with_source(error)
        })?;
        let id = new_id(clock.now());
        crate::fs::create(&self.path(&id), &bytes).map_err(cannot)?;
        Ok(id)
    }

    /// Returns the waiting letters, oldest first.
    pub fn waiting(&self) -> Result<Vec<Waiting>> {
        let cannot = |error| Error::io(format!("cannot read {}", self.0.display()), error);
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(cannot)?.file_name();
            ids.extend(name.to_str().and_then(|name| name.strip_suffix(ENDING)).map(str::to_owned));
        }
        ids.sort();
        let read = |id: String| {
            let letter = serde_json::from_slice(&fs::read(self.path(&id)).ok()?).ok()?;
            Some(Waiting { id, letter })
        };
        Ok(ids.into_iter().filter_map(read).collect())
    }

    /// Removes a letter.
    pub fn remove(&self, id: &str) -> Result<()> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(format!("cannot remove {}", path.display()), error))
            }
            _ => Ok(()),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}{ENDING}"))
    }
}

/// The end of a letter's name.
const ENDING: &str = ".json";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Request;

    #[test]
    fn requests_come_out_in_the_order_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(jiff::Timestamp::UNIX_EPOCH);
        let inbox = Inbox::new(&Paths::new(dir.path(), "p"));
        assert!(inbox.waiting().unwrap().is_empty());
        let pause = Letter::new(Request::Pause { by: "ada".into() });
        let resume = Letter::new(Request::Resume { by: "ada".into() });
        inbox.put(&pause, &clock).unwrap();
        clock.skip(std::time::Duration::from_millis(1));
        inbox.put(&resume, &clock).unwrap();
        let waiting = inbox.waiting().unwrap();
        assert_eq!(
            waiting.iter().map(|waiting| &waiting.letter).collect::<Vec<_>>(),
            [&pause, &resume]
        );
        inbox.remove(&waiting[0].id).unwrap();
        assert_eq!(inbox.waiting().unwrap().len(), 1);
    }
}
