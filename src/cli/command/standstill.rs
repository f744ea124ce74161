//! Holds a plan's run while `namespaces delete` deletes, and records the deletion in its journal so that the run's
//! proofs still add up afterwards.

use std::collections::BTreeMap;
use std::future::ready;
use std::ops::ControlFlow::{self, Break, Continue};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::cli::session::Session;
use crate::clock::{after, ask};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Hold, Inbox, Journal, Lock, Paths, Request, RunState, read};
use crate::model::{Namespace, Side};

/// The longest time that a process executing a run may take to accept a request.
const TAKEN: Duration = Duration::from_secs(5);
/// The longest time that it may then take to reach a safe point.
const STILL: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(250);

/// A deletion to record.
#[derive(Clone)]
pub struct Deletion {
    pub side: Side,
    /// The arguments that select what is deleted.
    pub what: String,
    pub by: String,
    pub namespaces: BTreeMap<Namespace, u64>,
}

/// The means by which the run is held.
enum Hands {
    /// No run is open; the lock keeps anybody from starting one.
    Lock(Lock),
    /// A run is open and no process executes it.
    Journal(Box<Journal>),
    /// A process executes the run and has to be asked.
    Process(Error),
}

pub struct Standstill<'a> {
    session: &'a Session,
    paths: Paths,
    plan: String,
    hands: Hands,
    pub state: RunState,
}

impl<'a> Standstill<'a> {
    /// Takes the plan's lock, unless a process is executing an open run.
    ///
    /// # Errors
    /// `Locked` if somebody else holds the plan and no run is open.
    pub fn take(session: &'a Session, plan: &str) -> Result<Self> {
        let paths = Paths::new(session.state(), plan);
        let lock = Lock::take(paths.dir(), &session.surroundings.holder(), &session.clock);
        let state = RunState::fold(&read(&paths.journal())?)?;
        let hands = match lock {
            Ok(lock) if state.is_open() => Self::open(session, &paths, plan, lock)?,
            Ok(lock) => Hands::Lock(lock),
            Err(error) if error.kind() == ErrorKind::Locked && state.is_open() => {
                Hands::Process(error)
            }
            Err(error) => return Err(error),
        };
        Ok(Self { session, paths, plan: plan.to_owned(), hands, state })
    }

    fn open(session: &Session, paths: &Paths, plan: &str, lock: Lock) -> Result<Hands> {
        let journal = Journal::open(paths.clone(), plan, lock, session.clock.clone())?;
        Ok(Hands::Journal(Box::new(journal)))
    }

    /// Records in the journal what is about to be deleted. If a process executes the run, it has reached a safe point
    /// when this returns.
    ///
    /// # Errors
    /// `Locked` if it does not reach one within a minute.
    pub async fn begin(&mut self, deletion: &Deletion) -> Result<()> {
        let Deletion { side, what, by, namespaces } = deletion.clone();
        if let Hands::Process(error) = &self.hands {
            let (inbox, clock) = (Inbox::new(&self.paths), &self.session.clock);
            let locked = Error::new(ErrorKind::Locked, error.message());
            let request = Request::Erase { side, what, by, namespaces };
            let path = inbox.put(&request, clock)?;
            return self.wait(deletion, &inbox, &path, locked).await;
        }
        self.append(Event::EraseIntended { side, what, by, namespaces })
    }

    async fn wait(
        &mut self,
        deletion: &Deletion,
        inbox: &Inbox,
        path: &Path,
        locked: Error,
    ) -> Result<()> {
        let session = self.session;
        let began = session.clock.now();
        let is_taken = AtomicBool::new(false);
        let is_over = || {
            let limit = if is_taken.load(SeqCst) { STILL } else { TAKEN };
            session.clock.now() >= after(began, limit)
        };
        let rest = || async {
            session.clock.sleep(PAUSE).await;
            Ok(())
        };
        let look = || ready(self.look(deletion, inbox, path, &is_taken));
        if ask(is_over, look, rest).await?.is_break() {
            return Ok(());
        }
        inbox.remove(path)?;
        if is_taken.load(SeqCst) {
            self.end(deletion)?;
        }
        let hint = "it did not come to a safe point; `vecshift pause` it, then delete";
        Err(locked.with_hint(hint))
    }

    /// Looks once whether the process stands still, and takes its journal where it has ended.
    fn look(
        &mut self,
        deletion: &Deletion,
        inbox: &Inbox,
        path: &Path,
        is_taken: &AtomicBool,
    ) -> Result<ControlFlow<()>> {
        let state = RunState::fold(&read(&self.paths.journal())?)?;
        let is_still =
            state.stages.iter().any(|stage| matches!(stage.hold, Some(Hold::Erasure { .. })));
        is_taken.store(state.erasing.contains_key(&(deletion.side, deletion.what.clone())), SeqCst);
        if is_still && is_taken.load(SeqCst) {
            return Ok(Break(()));
        }
        let (session, holder) = (self.session, self.session.surroundings.holder());
        let Ok(lock) = Lock::take(self.paths.dir(), &holder, &session.clock) else {
            return Ok(Continue(()));
        };
        // The process has ended, which frees its journal.
        inbox.remove(path)?;
        self.hands = Self::open(session, &self.paths, &self.plan, lock)?;
        let Deletion { side, what, by, namespaces } = deletion.clone();
        self.append(Event::EraseIntended { side, what, by, namespaces })?;
        Ok(Break(()))
    }

    /// Records in the journal that the deletion is finished.
    pub fn end(&mut self, deletion: &Deletion) -> Result<()> {
        let (side, what) = (deletion.side, deletion.what.clone());
        if let Hands::Process(_) = self.hands {
            let request = Request::Erased { side, what };
            return Inbox::new(&self.paths).put(&request, &self.session.clock).map(drop);
        }
        self.append(Event::Erased { side, what })
    }

    /// Renews the lock to show that its holder is alive.
    pub fn renew(&mut self) -> Result<()> {
        match &mut self.hands {
            Hands::Lock(lock) => lock.keep(&self.session.clock),
            Hands::Journal(journal) => journal.keep_lock(),
            Hands::Process(_) => Ok(()),
        }
    }

    fn append(&mut self, event: Event) -> Result<()> {
        match &mut self.hands {
            Hands::Journal(journal) => journal.append(event).map(drop),
            Hands::Lock(_) | Hands::Process(_) => Ok(()),
        }
    }
}
