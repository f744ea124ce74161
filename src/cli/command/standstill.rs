//! Holds a plan's run while `namespaces delete` deletes, and records the deletion in its journal so that the run's
//! proofs still add up afterwards.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::cli::session::Session;
use crate::clock::{after, ask};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Hold, Letter, Request, RunState};
use crate::model::{Namespace, Side};
use crate::state::{Home, Journal};

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
    /// The plan is held, which keeps anybody from starting or executing a run.
    Journal(Box<Journal>),
    /// A process executes the run and has to be asked.
    Process(Error),
}

pub struct Standstill<'a> {
    session: &'a Session,
    home: Arc<dyn Home>,
    hands: Hands,
    pub state: RunState,
}

impl<'a> Standstill<'a> {
    /// Takes the plan, unless a process is executing an open run.
    ///
    /// # Errors
    /// `Locked` if somebody else holds the plan and no run is open.
    pub async fn take(session: &'a Session, plan: &str) -> Result<Self> {
        let home = session.home(plan)?;
        let holder = session.surroundings.holder();
        match Journal::open(&*home, &holder, session.clock.clone()).await {
            Ok(journal) => {
                let (state, hands) = (journal.state().clone(), Hands::Journal(Box::new(journal)));
                Ok(Self { session, home, hands, state })
            }
            Err(error) if error.kind() == ErrorKind::Locked => {
                let state = RunState::fold(&home.entries().await?)?;
                match state.is_open() {
                    true => Ok(Self { session, home, hands: Hands::Process(error), state }),
                    false => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Records in the journal what is about to be deleted. If a process executes the run, it has reached a safe point
    /// when this returns.
    ///
    /// # Errors
    /// `Locked` if it does not reach one within a minute.
    pub async fn begin(&mut self, deletion: &Deletion) -> Result<()> {
        let Deletion { side, what, by, namespaces } = deletion.clone();
        if let Hands::Process(error) = &self.hands {
            let locked = Error::new(ErrorKind::Locked, error.message());
            let request = Request::Erase { side, what, by, namespaces };
            let run = Some(self.state.run.clone());
            let id = self.home.ask(&Letter { run, ..Letter::new(request) }).await?;
            return self.wait(deletion, &id, locked).await;
        }
        self.append(Event::EraseIntended { side, what, by, namespaces }).await
    }

    async fn wait(&mut self, deletion: &Deletion, id: &str, locked: Error) -> Result<()> {
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
        let this = Mutex::new(&mut *self);
        let look = || async { this.lock().await.look(deletion, id, &is_taken).await };
        let seen = ask(is_over, look, rest).await?;
        if seen.is_break() {
            return Ok(());
        }
        self.home.withdraw(id).await?;
        if is_taken.load(SeqCst) {
            self.end(deletion).await?;
        }
        let hint = "it did not come to a safe point; `vecshift pause` it, then delete";
        Err(locked.with_hint(hint))
    }

    /// Looks once whether the process stands still, and takes its journal where it has ended.
    async fn look(
        &mut self,
        deletion: &Deletion,
        id: &str,
        is_taken: &AtomicBool,
    ) -> Result<ControlFlow<()>> {
        let state = RunState::fold(&self.home.entries().await?)?;
        let is_still =
            state.stages.iter().any(|stage| matches!(stage.hold, Some(Hold::Erasure { .. })));
        let taken = state.erasing.contains_key(&(deletion.side, deletion.what.clone()));
        is_taken.store(taken, SeqCst);
        if is_still && taken {
            return Ok(Break(()));
        }
        let (session, holder) = (self.session, self.session.surroundings.holder());
        let Ok(journal) = Journal::open(&*self.home, &holder, session.clock.clone()).await else {
            return Ok(Continue(()));
        };
        // The process has ended, which frees its journal.
        self.home.withdraw(id).await?;
        self.hands = Hands::Journal(Box::new(journal));
        let Deletion { side, what, by, namespaces } = deletion.clone();
        self.append(Event::EraseIntended { side, what, by, namespaces }).await?;
        Ok(Break(()))
    }

    /// Records in the journal that the deletion is finished.
    pub async fn end(&mut self, deletion: &Deletion) -> Result<()> {
        let (side, what) = (deletion.side, deletion.what.clone());
        if let Hands::Process(_) = self.hands {
            let request = Request::Erased { side, what };
            let run = Some(self.state.run.clone());
            return self.home.ask(&Letter { run, ..Letter::new(request) }).await.map(drop);
        }
        self.append(Event::Erased { side, what }).await
    }

    /// Returns what says whether the plan is still held from here; nothing where a process executes it.
    pub fn hold(&self) -> Option<Arc<dyn crate::state::Hold>> {
        match &self.hands {
            Hands::Journal(journal) => Some(journal.hold()),
            Hands::Process(_) => None,
        }
    }

    /// Lets go of the plan.
    pub async fn close(self) {
        if let Hands::Journal(journal) = self.hands {
            journal.close().await;
        }
    }

    /// Appends an event of an open run; one that is not open needs none.
    async fn append(&mut self, event: Event) -> Result<()> {
        match &mut self.hands {
            Hands::Journal(journal) if journal.state().is_open() => {
                journal.append(event).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}
