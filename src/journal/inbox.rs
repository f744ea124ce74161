//! Requests to a run from another terminal or job: small files the run picks up and turns into events.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Event, Gate, Paths};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::model::{Namespace, Share, Side};

/// A request to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    Approve {
        gate: Gate,
        by: String,
    },
    Pause {
        by: String,
    },
    Resume {
        by: String,
    },
    Abort {
        by: String,
    },
    /// Go on from a weight that somebody else set.
    AcceptWeight {
        weight: Share,
        by: String,
    },
    /// Stand still while somebody's data is deleted from one side.
    Erase {
        side: Side,
        what: String,
        by: String,
        namespaces: BTreeMap<Namespace, u64>,
    },
    /// The deletion is done.
    Erased {
        side: Side,
        what: String,
    },
}

impl Request {
    /// Returns the event that says the request was taken up.
    pub fn into_event(self) -> Event {
        match self {
            Self::Approve { gate, by } => Event::Approved { gate, by },
            Self::Pause { by } => Event::Paused { by },
            Self::Resume { by } => Event::Resumed { by },
            Self::Abort { by } => Event::AbortRequested { by },
            Self::AcceptWeight { weight, by } => Event::WeightAcceptAsked { by, weight },
            Self::Erase { side, what, by, namespaces } => {
                Event::EraseIntended { side, what, by, namespaces }
            }
            Self::Erased { side, what } => Event::Erased { side, what },
        }
    }
}

/// The folder of requests to one plan's runs.
#[derive(Clone, Debug)]
pub struct Inbox(PathBuf);

impl Inbox {
    pub fn new(paths: &Paths) -> Self {
        Self(paths.inbox())
    }

    /// Leaves a request, which is on disk when this returns. Returns its file, which is removed when it is taken up.
    pub fn put(&self, request: &Request, clock: &Clock) -> Result<PathBuf> {
        let cannot = |error| Error::io(format!("cannot write to {}", self.0.display()), error);
        let bytes = serde_json::to_vec(request).map_err(|error| {
            Error::unexpected("a request cannot be written as JSON").with_source(error)
        })?;
        let millis = u64::try_from(clock.now().as_millisecond()).unwrap_or(0);
        let name = ulid::Ulid::from_parts(millis, rand::random()).to_string();
        let path = self.0.join(format!("{name}.json"));
        crate::fs::create(&path, &bytes).map_err(cannot)?;
        Ok(path)
    }

    /// Returns the waiting requests, oldest first, each with the file to remove once the event is in the journal.
    pub fn waiting(&self) -> Result<Vec<(PathBuf, Request)>> {
        let cannot = |error| Error::io(format!("cannot read {}", self.0.display()), error);
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(cannot)?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        let read = |path: PathBuf| {
            let request = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            Some((path, request))
        };
        Ok(paths.into_iter().filter_map(read).collect())
    }

    /// Removes a request that was taken up.
    pub fn remove(&self, path: &std::path::Path) -> Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(format!("cannot remove {}", path.display()), error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_out_in_the_order_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(jiff::Timestamp::UNIX_EPOCH);
        let inbox = Inbox::new(&Paths::new(dir.path(), "p"));
        assert!(inbox.waiting().unwrap().is_empty());
        let pause = Request::Pause { by: "ada".into() };
        let resume = Request::Resume { by: "ada".into() };
        inbox.put(&pause, &clock).unwrap();
        clock.skip(std::time::Duration::from_millis(1));
        inbox.put(&resume, &clock).unwrap();
        let waiting = inbox.waiting().unwrap();
        assert_eq!(
            waiting.iter().map(|(_, request)| request).collect::<Vec<_>>(),
            [&pause, &resume]
        );
        inbox.remove(&waiting[0].0).unwrap();
        assert_eq!(inbox.waiting().unwrap().len(), 1);
    }
}
