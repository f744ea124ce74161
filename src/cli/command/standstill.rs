//! Holds a plan's run while `namespaces delete` deletes, and records the deletion in its journal so that the run's
//! proofs still add up afterwards.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures::future::FutureExt;
use tokio::sync::{Mutex, watch};

use crate::cli::session::Session;
use crate::clock::{after, ask};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Hold, Letter, Request, RunState};
use crate::model::{Namespace, Side};
use crate::state::{Home, Journal};
use crate::store::calls::Fence;

/// The longest time that a process which has taken up a request may take to reach a safe point.
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

impl Hands {
    fn hold(&self) -> Option<Arc<dyn crate::state::Hold>> {
        match self {
            Self::Journal(journal) => Some(journal.hold()),
            Self::Process(_) => None,
        }
    }
}

pub struct Standstill<'a> {
    session: &'a Session,
    home: Arc<dyn Home>,
    hands: Hands,
    /// What says whether the plan is still held from here, once it is.
    held: watch::Sender<Option<Arc<dyn crate::state::Hold>>>,
    pub state: RunState,
}

impl<'a> Standstill<'a> {
    /// Takes the plan, unless a process is executing an open run. From whenever it is held on, `fence` lets calls through only
    /// while it is.
    ///
    /// # Errors
    /// `Locked` if somebody else holds the plan and no run is open.
    pub async fn take(session: &'a Session, home: Arc<dyn Home>, fence: &Fence) -> Result<Self> {
        let holder = session.surroundings.holder();
        let opened = Journal::open(&*home, &holder, session.clock.clone()).await;
        let (hands, state) = match opened {
            Ok(journal) => {
                let state = journal.state().clone();
                (Hands::Journal(Box::new(journal)), state)
            }
            Err(error) if error.kind() == ErrorKind::Locked => {
                let state = RunState::fold(&home.entries().await?)?;
                if !state.is_open() {
                    return Err(error);
                }
                (Hands::Process(error), state)
            }
            Err(error) => return Err(error),
        };
        let held = watch::Sender::new(hands.hold());
        let known = held.subscribe();
        fence.close(move || {
            let hold = known.borrow().clone();
            async move {
                match hold {
                    Some(hold) => hold.pass().await,
                    // A process holds the plan, and stands still.
                    None => Ok(()),
                }
            }
            .boxed()
        });
        Ok(Self { session, home, hands, held, state })
    }

    /// Renews the lease as long as this is awaited, from whenever the plan is held on; returns why it is lost.
    pub fn keep(&self) -> impl Future<Output = Error> + use<> {
        let mut held = self.held.subscribe();
        async move {
            let hold = held.wait_for(Option::is_some).await.ok().and_then(|hold| hold.clone());
            match hold {
                Some(hold) => hold.keep().await,
                None => std::future::pending().await,
            }
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
            let waited = self.wait(deletion, &id, locked).await;
            if waited.is_err() {
                // Nobody deletes: a run that took it up later would stand still for good.
                self.home.withdraw(&id).await.ok();
            }
            return waited;
        }
        self.append(Event::EraseIntended { side, what, by, namespaces }).await
    }

    async fn wait(&mut self, deletion: &Deletion, id: &str, locked: Error) -> Result<()> {
        let session = self.session;
        let is_taken = AtomicBool::new(false);
        let taken_within = self.home.notices_within();
        let began = session.clock.now();
        let rest = || async {
            session.clock.sleep(PAUSE).await;
            Ok(())
        };
        let is_over = || {
            let limit = if is_taken.load(SeqCst) { STILL } else { taken_within };
            session.clock.now() >= after(began, limit)
        };
        let this = Mutex::new(&mut *self);
        let look = || async { this.lock().await.look(deletion, id, &is_taken).await };
        if ask(is_over, look, rest).await?.is_break() {
            return Ok(());
        }
        self.home.withdraw(id).await?;
        // Whoever had read it before may still take it up, and would stand still for good.
        let withdrawn = session.clock.now();
        let is_over = || session.clock.now() >= after(withdrawn, taken_within);
        let look = || async {
            Ok(match self.is_taken_up(deletion, &self.look_up().await?) {
                true => Break(()),
                false => Continue(()),
            })
        };
        let seen: ControlFlow<()> = ask(is_over, look, rest).await?;
        if seen.is_break() {
            self.end(deletion).await?;
        }
        let hint = "it did not come to a safe point; `vecshift pause` it, then delete";
        Err(locked.with_hint(hint))
    }

    async fn look_up(&self) -> Result<RunState> {
        RunState::fold(&self.home.entries().await?)
    }

    fn is_taken_up(&self, deletion: &Deletion, state: &RunState) -> bool {
        state.erasing.contains_key(&(deletion.side, deletion.what.clone()))
    }

    /// Looks once whether the process stands still, and takes its journal where it has ended. Only who is gone is tried to be
    /// taken from: each try leaves a mark in a bucket.
    async fn look(
        &mut self,
        deletion: &Deletion,
        id: &str,
        is_taken: &AtomicBool,
    ) -> Result<ControlFlow<()>> {
        let state = self.look_up().await?;
        let is_still =
            state.stages.iter().any(|stage| matches!(stage.hold, Some(Hold::Erasure { .. })));
        let taken = self.is_taken_up(deletion, &state);
        is_taken.store(taken, SeqCst);
        if is_still && taken {
            return Ok(Break(()));
        }
        if self.home.holder().await?.is_some() {
            return Ok(Continue(()));
        }
        let (session, holder) = (self.session, self.session.surroundings.holder());
        let journal = match Journal::open(&*self.home, &holder, session.clock.clone()).await {
            Err(error) if error.kind() == ErrorKind::Locked => return Ok(Continue(())),
            journal => journal?,
        };
        // The process has ended, which frees its journal.
        self.state = journal.state().clone();
        self.hands = Hands::Journal(Box::new(journal));
        self.held.send_replace(self.hands.hold());
        self.home.withdraw(id).await?;
        if self.is_taken_up(deletion, &self.state) {
            return Ok(Break(()));
        }
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::command::Cli;
    use crate::cli::environment::Surroundings;
    use crate::clock::Clock;
    use crate::journal::Holder;
    use crate::state::{Backend, Folder};

    const LINE: [&str; 4] = ["vecshift", "status", "--state", "unused"];

    fn started() -> Event {
        Event::RunStarted {
            run: "01r".into(),
            path: None,
            plan: "twins".into(),
            digest: "sha256:0".into(),
            program: "0.1.0".into(),
            holder: "ada".into(),
            rehearsal: false,
            source: "a".into(),
            target: "b".into(),
            stages: vec!["copy".into()],
            gates: None,
            reviewed: None,
        }
    }

    fn deletion() -> Deletion {
        Deletion {
            side: Side::Target,
            what: "--match x".into(),
            by: "ada".into(),
            namespaces: BTreeMap::new(),
        }
    }

    /// A plan whose open run somebody executes, and a deletion that asks for a standstill.
    async fn asked(folder: &Folder, session: &Session) -> (Journal, Arc<dyn Home>) {
        let home = folder.home("twins");
        let holder = Holder::new("bob", "desk", 1);
        let mut run = Journal::open(&*home, &holder, session.clock.clone()).await.unwrap();
        run.append(started()).await.unwrap();
        (run, home)
    }

    fn session() -> Session {
        let cli = Cli::try_parse_from(LINE).unwrap();
        let surroundings = Surroundings::new([("HOSTNAME".into(), "desk".into())]);
        let clock = Clock::test("2026-11-02T09:00:00Z".parse().unwrap());
        Session { clock, ..Session::new(cli.global, surroundings) }
    }

    #[tokio::test]
    async fn who_takes_over_from_a_process_that_ends_holds_the_plan_behind_the_fence() {
        let dir = tempfile::tempdir().unwrap();
        let session = session();
        let folder = Folder::new(dir.path(), "desk", session.clock.clone());
        let (run, home) = asked(&folder, &session).await;
        let fence = Fence::default();
        let mut standstill = Standstill::take(&session, home.clone(), &fence).await.unwrap();
        let kept = standstill.keep();
        assert!(standstill.held.borrow().is_none());
        run.close().await;
        standstill.begin(&deletion()).await.unwrap();
        assert!(home.letters().await.unwrap().is_empty(), "the request was not taken back");
        fence.pass().await.unwrap();
        // Somebody else takes the plan: the fence shuts, and whoever awaits the renewal hears of it.
        std::fs::remove_file(folder.folder_of("twins").join("lock.json")).unwrap();
        assert_eq!(fence.pass().await.unwrap_err().kind(), ErrorKind::Locked);
        assert_eq!(kept.await.kind(), ErrorKind::Locked);
    }

    #[tokio::test]
    async fn a_request_that_is_taken_up_after_it_was_taken_back_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let session = session();
        let folder = Folder::new(dir.path(), "desk", session.clock.clone());
        let (run, home) = asked(&folder, &session).await;
        let mut standstill =
            Standstill::take(&session, home.clone(), &Fence::default()).await.unwrap();
        let deletion = deletion();
        let Deletion { side, what, by, namespaces } = deletion.clone();
        let intended = Event::EraseIntended { side, what, by, namespaces };
        // The run had listed the inbox before, and takes the request up once it is no longer there.
        let slow = async {
            let mut run = run;
            let mut was_asked = false;
            loop {
                match home.letters().await.unwrap().len() {
                    0 if was_asked => break,
                    letters => was_asked |= letters > 0,
                }
                tokio::task::yield_now().await;
            }
            run.append(intended).await.unwrap();
            run
        };
        let (begun, run) = tokio::join!(standstill.begin(&deletion), slow);
        assert_eq!(begun.unwrap_err().kind(), ErrorKind::Locked);
        let letters = home.letters().await.unwrap();
        let [left] = letters.as_slice() else { panic!("{letters:?}") };
        assert!(matches!(left.letter.request, Request::Erased { .. }), "{left:?}");
        drop(run);
    }
}
