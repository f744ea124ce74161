//! A migration in a temporary folder: an emulator with a plan's world, and runs of the plan against it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio_util::sync::CancellationToken;
use vecshift::clock::Clock;
use vecshift::copy::all_ids;
use vecshift::emulator::{Emulator, EmulatorOptions, World as EmulatedWorld};
use vecshift::journal::{Entry, Event, Holder, Letter, Request, RunState};
use vecshift::model::{Cursor, IndexSpec, Namespace, Record, RecordId, Side};
use vecshift::plan::{Inputs, Plan};
use vecshift::provider::language;
use vecshift::provider::pinecone::Transport;
use vecshift::provider::registry::open;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{
    Listener, Outcome, PreparedRun, Progress, RunOptions, Silent, World, rehearsed_driver,
    roll_back,
};
use vecshift::state::{Backend, Folder, Home};
use vecshift::store::calls::Calls;
use vecshift::store::{Scope, Source, Store};

/// Lock for the machine: migrations that judge latencies have it to themselves, the others share it.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// Waits until no other migration runs and keeps them waiting.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}

/// Longest real time of a wait on the rig's clock.
const LONGEST_WAIT: Duration = Duration::from_millis(5);

/// Returns whether tests that take minutes run too: every boundary of every route, the big pod.
#[allow(clippy::disallowed_methods, reason = "tests may read the environment")]
pub fn is_long() -> bool {
    std::env::var_os("VECSHIFT_LONG").is_some()
}

pub const KEY: &str = "rehearsal-key";

/// An observer that holds the run after an event, so that the world can be changed meanwhile.
pub struct Still {
    pub at: fn(&Event) -> bool,
    pub reached: SyncSender<()>,
    pub go_on: std::sync::Mutex<Receiver<()>>,
}

impl Listener for Still {
    fn event(&self, entry: &Entry, _: &RunState) {
        if (self.at)(&entry.event) {
            // Tasks waiting behind this thread's go on elsewhere meanwhile.
            tokio::task::block_in_place(|| {
                self.reached.send(()).unwrap();
                self.go_on.lock().unwrap().recv().unwrap();
            });
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// Waits for something that needs no runtime of its caller.
pub fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(future)).join().unwrap())
}

pub struct Rig {
    _machine: RwLockReadGuard<'static, ()>,
    pub folder: tempfile::TempDir,
    pub emulator: Emulator,
    pub plan: Plan,
    pub clock: Clock,
    /// The wire of the data plane.
    pub transport: Transport,
}

impl Rig {
    /// Fills an emulator with the rehearsal world of a plan given as text, which must not judge latencies.
    pub async fn of_text(text: &str) -> Self {
        Self::of_text_beside(text, &[]).await
    }

    /// The same with files in the folder of the plan.
    pub async fn of_text_beside(text: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, text).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let machine = MACHINE.read().await;
        let mut rig = Self::new(&path, machine).await;
        rig.folder = folder;
        rig
    }

    /// Makes a rig of a plan given as text, which must not judge latencies, with a source that holds `records` instead
    /// of generated ones, over one wire.
    pub async fn holding(
        text: &str,
        index: IndexSpec,
        records: Vec<(Namespace, Vec<Record>)>,
        transport: Transport,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, text).unwrap();
        let machine = MACHINE.read().await;
        let rig = Self::empty(&path, machine).await;
        let name = index.name.clone();
        rig.emulator.add_index(index).await.unwrap();
        for (namespace, records) in records {
            rig.emulator.insert(&name, &namespace, records).unwrap();
        }
        Self { folder, transport, ..rig }
    }

    /// Makes a rig of a plan given as text, which must not judge latencies, with an emulator that holds nothing.
    pub async fn empty_of_text(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, text).unwrap();
        let machine = MACHINE.read().await;
        let rig = Self::empty(&path, machine).await;
        Self { folder, ..rig }
    }

    async fn new(path: &Path, machine: RwLockReadGuard<'static, ()>) -> Self {
        let rig = Self::empty(path, machine).await;
        rig.emulator.load(EmulatedWorld::of_plan(&rig.plan).unwrap()).await.unwrap();
        rig
    }

    async fn empty(path: &Path, machine: RwLockReadGuard<'static, ()>) -> Self {
        let plan = read(path);
        let rehearsal = plan.rehearsal.clone();
        let emulator = Emulator::start(EmulatorOptions {
            api_key: Some(KEY.to_owned()),
            faults: rehearsal.and_then(|rehearsal| rehearsal.faults).unwrap_or_default(),
            ready_after: Duration::from_millis(20),
            ties: Some(1),
            ..EmulatorOptions::default()
        })
        .await
        .unwrap();
        let clock = Clock::rehearsal(LONGEST_WAIT);
        let folder = tempfile::tempdir().unwrap();
        Self { _machine: machine, folder, emulator, plan, clock, transport: Transport::Auto }
    }

    /// The state of the rig's runs.
    pub fn state_folder(&self) -> Folder {
        Folder::new(self.folder.path().join("state"), "here", self.clock.clone())
    }

    pub fn home(&self) -> Arc<dyn Home> {
        self.state_folder().home(&self.plan.name)
    }

    pub fn journal(&self) -> PathBuf {
        self.state_folder().journal_of(&self.plan.name)
    }

    /// Leaves a request, after those of before.
    pub fn ask(&self, request: Request) {
        // Requests of one millisecond come in no order.
        self.clock.skip(Duration::from_millis(1));
        wait(self.home().ask(&Letter::new(request))).unwrap();
    }

    pub fn world(&self) -> World {
        let environment = Environment {
            transport: self.transport,
            ..Environment::stand_in(self.emulator.url(), Secret::new(KEY))
        };
        World::open(&self.plan, &environment).unwrap()
    }

    /// Returns one side as its owner sees it, outside the run.
    pub fn admin(&self, side: Side) -> Arc<dyn Store> {
        let environment = Environment::stand_in(self.emulator.url(), Secret::new(KEY));
        let endpoint = match side {
            Side::Source => &self.plan.source,
            Side::Target => &self.plan.target,
        };
        open(endpoint, side, &environment).unwrap().through(Calls::bare())
    }

    pub fn options(&self) -> RunOptions {
        let mut options = RunOptions::new(Holder::new("tester", "here", std::process::id()));
        options.is_rehearsal = true;
        options
    }

    pub async fn prepare(
        &self,
        options: RunOptions,
        listener: Arc<dyn Listener>,
    ) -> vecshift::Result<PreparedRun> {
        self.prepare_in(self.world(), options, listener).await
    }

    /// The same between sides that are given.
    pub async fn prepare_in(
        &self,
        world: World,
        options: RunOptions,
        listener: Arc<dyn Listener>,
    ) -> vecshift::Result<PreparedRun> {
        let driver = rehearsed_driver(&self.plan, self.folder.path())?;
        PreparedRun::new(
            self.plan.clone(),
            world,
            driver,
            self.home(),
            self.clock.clone(),
            options,
            listener,
        )
        .await
    }

    /// Runs to an end or a wait.
    pub async fn run(&self) -> Outcome {
        self.run_with(self.options(), Arc::new(Silent), CancellationToken::new()).await.unwrap()
    }

    pub async fn run_with(
        &self,
        options: RunOptions,
        listener: Arc<dyn Listener>,
        cancel: CancellationToken,
    ) -> vecshift::Result<Outcome> {
        self.prepare(options, listener).await?.execute(cancel).await
    }

    /// Ends the process at the first event that `at` meets, as a kill does.
    pub async fn kill_at(&self, options: RunOptions, at: fn(&Event) -> bool) {
        let (reached, is_reached) = sync_channel(0);
        // Dropped, so that the run panics where it would go on.
        let (release, go_on) = sync_channel(0);
        let listener = Arc::new(Still { at, reached, go_on: go_on.into() });
        let prepared = self.prepare(options, listener).await.unwrap();
        let running = tokio::spawn(prepared.execute(CancellationToken::new()));
        tokio::task::spawn_blocking(move || is_reached.recv().unwrap()).await.unwrap();
        drop(release);
        assert!(running.await.unwrap_err().is_panic());
    }

    pub async fn roll_back(&self, purge: bool) -> vecshift::Result<Outcome> {
        let run = self.prepare(self.options(), Arc::new(Silent)).await?;
        roll_back(run, purge, CancellationToken::new()).await
    }

    pub fn entries(&self) -> Vec<Entry> {
        wait(self.home().entries()).unwrap()
    }

    pub fn state(&self) -> RunState {
        RunState::fold(&self.entries()).unwrap()
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }
}

pub fn read(path: &Path) -> Plan {
    match language().read(path, &Inputs::default()) {
        Ok(read) => read.plan,
        Err(diagnostics) => panic!("{}", diagnostics.render(vecshift::plan::Colour::Never)),
    }
}

/// All ids that an index lists in a namespace.
pub async fn ids_of(index: &dyn Source, namespace: &Namespace) -> Vec<RecordId> {
    let scope = Scope { namespace, records: 0 };
    let mut ids = all_ids(index, scope, &Cursor::Start).await.unwrap();
    ids.next(10_000).await.unwrap().map_or_else(Vec::new, |chunk| chunk.ids)
}
