//! Machines of which each has a folder of its own with nothing in it but the plan and the project file; what they share is
//! the world: two indexes, the traffic, and the place of the state.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use vecshift::clock::Stopwatch;
use vecshift::provider::Secret;
use vecshift::provider::pinecone::{Index, Settings, Transport};
use vecshift::state::{Backend, Bucket};
use vecshift::storage::objects::{Objects, Put};
use vecshift::store::Opened;
use vecshift::store::calls::Calls;

use crate::cli_rig::{Cli, Emulated, Said};
use crate::proxy::Proxy;
use crate::servers::{self, Store};

/// Longer than anything takes here, on a machine that does something else too.
pub const DEADLINE: Duration = Duration::from_secs(90);

pub const RECORDS: u64 = 120;

/// A whole migration whose waits take seconds. Its traffic, like that of any plan that several machines run, is where all of
/// them reach it.
pub const PLAN: &str = r#"version: 1
name: moving
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  env_file: { file: "TRAFFIC", variable: INDEX, source_value: old, target_value: new }
stages:
  - kind: audit
    export: sample.parquet
    assert: [source.records == 120, source.rejects == 0]
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    assert: [copy.complete == true]
  - kind: verify
    assert: [count_delta == 0, missing == 0, mismatched == 0]
  - kind: canary
    probe: { rate: 20/s }
    steps: [{ weight: 100%, bake: 1s, approve: manual }]
    assert: [{ check: error_rate < 50% over 1s, min_samples: 1 }]
  - { kind: decommission, after: 1s, confirm: old, snapshot: "file:backup", assert: [snapshot.complete == true] }
rehearsal:
  source: { kind: serverless, records: 120, namespaces: 3, dimension: 8, metric: cosine }
"#;

/// A run of that plan by one process.
pub const RUN: &[&str] = &["run", "moving.yaml", "--confirm", "old"];

/// Stores and proxies outlive the test that needs them first.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static S3: OnceCell<Store> = OnceCell::const_new();
static AZURE: OnceCell<Store> = OnceCell::const_new();

/// Waits for what is asynchronous.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

/// The place of the state in a world: where it is, and what leads there.
#[derive(Clone, Debug)]
pub struct Shelf {
    pub uri: String,
    pub variables: BTreeMap<String, String>,
}

impl Shelf {
    /// An empty prefix of the S3 server that all tests share.
    pub fn s3(prefix: &str) -> Self {
        Self::of(wait(S3.get_or_init(servers::s3)), prefix)
    }

    /// The same of Azure's blobs.
    pub fn azure(prefix: &str) -> Self {
        Self::of(wait(AZURE.get_or_init(servers::azure)), prefix)
    }

    fn of(store: &Store, prefix: &str) -> Self {
        Self { uri: format!("{}/{prefix}", store.uri), variables: store.variables.clone() }
    }

    /// A folder of this machine for each machine that asks.
    pub fn usual() -> Self {
        Self { uri: ".vecshift".to_owned(), variables: BTreeMap::new() }
    }

    /// Starts something in between. Only requests to S3 can be changed on their way.
    pub fn proxy(&self) -> Proxy {
        wait(Proxy::before(&self.variables["AWS_ENDPOINT_URL"]))
    }

    /// The same place, seen through a proxy.
    pub fn through(&self, proxy: &Proxy) -> Self {
        let mut shelf = self.clone();
        shelf.variables.insert("AWS_ENDPOINT_URL".to_owned(), proxy.address.clone());
        shelf
    }

    pub fn objects(&self) -> Arc<dyn Objects> {
        vecshift::storage::objects::open(&self.uri, &self.variables, DEADLINE).unwrap()
    }

    pub fn bucket(&self) -> Bucket {
        let clock = vecshift::clock::Clock::system();
        Bucket::new(self.objects(), Bucket::LEASE, std::env::temp_dir(), clock).unwrap()
    }

    /// Returns everything that is there.
    pub fn all(&self) -> BTreeMap<String, Bytes> {
        let objects = self.objects();
        let read = async |key: String| {
            let found = objects.get(&key).await.unwrap().unwrap();
            (key, found.bytes)
        };
        wait(async {
            let mut all = BTreeMap::new();
            for found in objects.list("").await.unwrap() {
                all.extend([read(found.key).await]);
            }
            all
        })
    }

    /// Writes over an object, as nothing of ours would.
    pub fn spoil(&self, key: &str, from: &str, to: &str) {
        let objects = self.objects();
        let found = wait(objects.get(key)).unwrap().unwrap();
        let text = String::from_utf8(found.bytes.to_vec()).unwrap();
        assert!(text.contains(from), "{text}");
        let put = wait(objects.replace(key, text.replacen(from, to, 1).into(), &found.version));
        assert!(matches!(put, Ok(Put::Done(_))), "{put:?}");
    }

    /// Returns the key of a segment of the last run of the plan `moving`.
    pub fn segment(&self, number: u64) -> String {
        let all = self.all();
        let end = format!("/log/{number:012}.jsonl");
        let mut found = all.keys().filter(|key| key.ends_with(&end));
        found.next_back().unwrap_or_else(|| panic!("{:?}", all.keys())).clone()
    }

    /// Returns the kinds of the events of the last run of the plan `moving`, in order.
    pub fn kinds(&self) -> Vec<String> {
        let entries = wait(self.bucket().home("moving").entries()).unwrap();
        let kind =
            |event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned();
        entries.iter().map(|entry| kind(&entry.event)).collect()
    }
}

/// The world that all machines work on.
pub struct World {
    pub plan: String,
    pub shelf: Shelf,
    /// The lease that the project file says.
    pub lease: &'static str,
    emulated: Emulated,
    folder: Cli,
}

impl World {
    pub fn new(shelf: Shelf) -> Self {
        Self::of(PLAN, shelf)
    }

    /// Makes a world for a plan, in which `TRAFFIC` is the file that says where the traffic goes.
    pub fn of(plan: &str, shelf: Shelf) -> Self {
        let folder = Cli::new();
        folder.write("search.env", "INDEX=old\n");
        let plan = plan.replace("TRAFFIC", &folder.path("search.env").display().to_string());
        folder.write("moving.yaml", &plan);
        let records = plan.split_once("records: ").unwrap().1.split([',', ' ']).next().unwrap();
        let emulated = Emulated::start(&folder, "moving.yaml", records.parse().unwrap());
        Self { plan, shelf, lease: "3s", emulated, folder }
    }

    /// A machine with a fresh folder.
    pub fn machine(&self, host: &str) -> Machine {
        self.machine_at(host, &self.shelf)
    }

    /// The same, which reaches the state in another way.
    pub fn machine_at(&self, host: &str, shelf: &Shelf) -> Machine {
        let cli = Cli::new();
        cli.write("moving.yaml", &self.plan);
        let project = format!("state: {{ uri: \"{}\", lease: {} }}\n", shelf.uri, self.lease);
        let usual = "# the usual folder\n".to_owned();
        let project = if shelf.uri.contains("://") { project } else { usual };
        cli.write("vecshift.yaml", &project);
        let mut variables = shelf.variables.clone();
        variables.insert("HOSTNAME".to_owned(), host.to_owned());
        variables.extend(self.reached());
        Machine { cli: Arc::new(cli), variables }
    }

    /// Returns the variables that lead to the indexes.
    pub fn reached(&self) -> [(String, String); 2] {
        [("PINECONE_CONTROLLER_HOST", self.emulated.address.as_str()), ("PINECONE_API_KEY", "k")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    pub fn traffic(&self) -> String {
        std::fs::read_to_string(self.folder.path("search.env")).unwrap()
    }

    /// Counts the records of an index; `None` if there is none.
    pub fn records(&self, index: &str) -> Option<u64> {
        let settings = Settings {
            index: index.into(),
            endpoint: self.emulated.address.clone(),
            api_key: Secret::new("k"),
            transport: Transport::Rest,
            user_agent: "vecshift-tests".into(),
            rates: Default::default(),
        };
        let index = Index::new(settings).unwrap().through(Calls::bare());
        let stats = wait(async {
            index.describe().await.ok()?;
            index.stats().await.ok()
        })?;
        Some(stats.total)
    }

    /// Waits until the target has some records, and some are missing.
    pub fn until_in_the_middle(&self) {
        until("some records in the target", || self.records("new").filter(|count| *count > 0));
    }

    /// Goes on as scheduled jobs do, each on a machine of its own, and approves what is waited for, until the run has ended.
    /// Returns the last machine.
    pub fn go_on(&self) -> Machine {
        let ended = || {
            let machine = self.machine("job");
            let said = machine.run(&[RUN, &["--no-wait"]].concat());
            match said.code {
                0 => return Some(machine),
                5 => drop(machine.run(&["approve", "moving.yaml"])),
                9 => {}
                _ => panic!("{}\n{}", said.out, said.err),
            }
            None
        };
        until("the end of the run", ended)
    }

    /// All of it happened once: what was moved is there, what was to go is gone, and the traffic has moved.
    pub fn assert_moved(&self, records: u64) {
        assert_eq!(self.records("new"), Some(records));
        assert_eq!(self.records("old"), None, "the source is still there");
        assert_eq!(self.traffic(), "INDEX=new\n");
    }
}

pub struct Machine {
    cli: Arc<Cli>,
    variables: BTreeMap<String, String>,
}

impl Machine {
    pub fn with(mut self, variables: &[(&str, &str)]) -> Self {
        for (name, value) in variables {
            self.variables.insert((*name).to_owned(), (*value).to_owned());
        }
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.cli.command(arguments);
        command.envs(&self.variables);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.start(arguments).end()
    }

    /// Runs a command that has to succeed, and returns what it prints.
    pub fn does(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}\n{}", said.out, said.err);
        said.out
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let said = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    pub fn start(&self, arguments: &[&str]) -> Process {
        Process::start(self.command(arguments), self.cli.clone())
    }

    /// Starts a run whose events are printed as they are written.
    pub fn start_run(&self, more: &[&str]) -> Process {
        self.start(&[RUN, &["--events", "/dev/stdout"], more].concat())
    }

    /// Returns the report of the last run, without what is another in each run.
    pub fn report(&self) -> String {
        plain(&self.does(&["report", "moving.yaml"]))
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.cli.path(name)
    }
}

/// A process of the program, whose output is read while it runs.
pub struct Process {
    child: Child,
    lines: Receiver<(bool, String)>,
    out: String,
    err: String,
    _folder: Arc<dyn Any + Send + Sync>,
}

impl Process {
    /// Starts a command; its folder is kept as long as the process.
    pub fn start(mut command: Command, folder: Arc<dyn Any + Send + Sync>) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = sync_channel(100_000);
        read(child.stdout.take().unwrap(), true, sender.clone());
        read(child.stderr.take().unwrap(), false, sender);
        Self { child, lines, out: String::new(), err: String::new(), _folder: folder }
    }

    /// Reads on until a line has this in it, and returns the line.
    pub fn until(&mut self, what: &str) -> String {
        let watch = Stopwatch::start();
        loop {
            let Some(line) = self.next(DEADLINE.saturating_sub(watch.elapsed())) else {
                panic!("`{what}` was not said:\n{}\n{}", self.out, self.err);
            };
            if line.contains(what) {
                return line;
            }
        }
    }

    /// Reads the next line, if there is one in time.
    fn next(&mut self, within: Duration) -> Option<String> {
        let (is_out, line) = match self.lines.recv_timeout(within) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                panic!("nothing more was said in {within:?}:\n{}\n{}", self.out, self.err)
            }
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        let text = if is_out { &mut self.out } else { &mut self.err };
        text.push_str(&line);
        text.push('\n');
        Some(line)
    }

    /// Reads on to the next event of a run whose events are printed; `None` if it ends before.
    pub fn next_event(&mut self) -> Option<String> {
        loop {
            let line = self.next(DEADLINE)?;
            if line.starts_with("{\"v\"") {
                return Some(line);
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Said {
        let watch = Stopwatch::start();
        while self.next(DEADLINE.saturating_sub(watch.elapsed())).is_some() {}
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Said { code, out: std::mem::take(&mut self.out), err: std::mem::take(&mut self.err) }
    }

    /// Ends it as a machine does that goes away.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        !self.has_ended()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(from: impl Read + Send + 'static, is_out: bool, to: SyncSender<(bool, String)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            if to.send((is_out, line)).is_err() {
                return;
            }
        }
    });
}

/// Looks again and again, until there is something to see.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(watch.elapsed() < DEADLINE, "{what}: not seen in {DEADLINE:?}");
        wait(async { tokio::time::sleep(Duration::from_millis(20)).await });
    }
}

/// Takes out of a report what is another in each run and on each machine: times, spans, names, paths, and how wide it is.
pub fn plain(report: &str) -> String {
    // Above the table is where it was written, by whom, and how often.
    let (above, below) = report.split_once("stage, assertion").unwrap();
    let title = above.lines().next();
    let words: Vec<_> = title.into_iter().chain(below.lines()).flat_map(plain_line).collect();
    let mut plain: Vec<String> = Vec::new();
    for word in words {
        let is_number = |word: &String| word.parse::<f64>().is_ok();
        let is_unit = matches!(&*word, "ms" | "s" | "min" | "h");
        match plain.last_mut() {
            Some(last) if is_unit && is_number(last) => "SPAN".clone_into(last),
            _ => plain.push(word),
        }
    }
    plain.join(" ")
}

fn plain_line(line: &str) -> Vec<String> {
    // One that was interrupted says how often.
    if line.contains(": resumed ") {
        return Vec::new();
    }
    let mut words: Vec<_> = line.split_whitespace().map(plain_word).collect();
    // How many probes there were in a second.
    if words.first().is_some_and(|word| word == "error_rate,") {
        words.retain(|word| word.parse::<f64>().is_err());
    }
    words
}

fn plain_word(word: &str) -> String {
    let is_name = |part: &str| part.len() >= 16 && part.chars().all(|c| c.is_ascii_alphanumeric());
    let is_time = |part: &str| {
        part.len() >= 8 && part.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ':'))
    };
    if word.trim_end_matches(';').ends_with("/s") {
        return "RATE".to_owned();
    }
    let parts = word.split_inclusive(['/', '`', '_', '-', ',', '.']).map(|part| {
        let bare = part.trim_end_matches(['/', '`', '_', '-', ',', '.']);
        if is_name(bare) { part.replace(bare, "NAME") } else { part.to_owned() }
    });
    if is_time(word) { "TIME".to_owned() } else { parts.collect() }
}

/// Returns where two reports begin to differ.
pub fn difference(one: &str, other: &str) -> Option<String> {
    let (one, other): (Vec<_>, Vec<_>) = (one.split(' ').collect(), other.split(' ').collect());
    let at = one.iter().zip(&other).position(|(one, other)| one != other);
    let at = at.or((one.len() != other.len()).then_some(one.len().min(other.len())))?;
    let around = |words: &[&str]| words[at.saturating_sub(12)..words.len().min(at + 24)].join(" ");
    Some(format!("… {} …\n… {} …", around(&one), around(&other)))
}

pub fn assert_reads_like(one: &str, other: &str) {
    if let Some(difference) = difference(one, other) {
        panic!("{difference}");
    }
}

/// Returns the plan with a copy that takes some seconds.
pub fn slow() -> String {
    PLAN.replace("120", "240").replace("kind: copy", "kind: copy\n    rate: 40/s")
}
