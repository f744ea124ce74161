//! The program itself, in a folder of its own with a plan whose sides are tables of a test's database.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::{Child, Command};

use crate::server::{self, Database};

pub struct Program {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// How the program ended, and all that it said.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub text: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let all = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&all).into_owned();
        Self { code: output.status.code().unwrap_or(-1), text }
    }

    /// Asserts how it ended and that it said all of these, whatever the lines they were broken into.
    #[track_caller]
    pub fn says(&self, code: i32, parts: &[&str]) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = words(&self.text);
        assert_eq!(self.code, code, "{}", self.text);
        for part in parts {
            assert!(text.contains(&words(part)), "{part}: {}", self.text);
        }
    }
}

impl Program {
    /// Puts a plan into a folder; its `DATABASE_URL` is the test's database.
    pub fn of(db: &Database, plan: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
        Self { folder, variables: vec![("DATABASE_URL".to_owned(), db.url())] }
    }

    pub fn with(mut self, name: &str, value: String) -> Self {
        self.variables.push((name.to_owned(), value));
        self
    }

    fn command(&self, word: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vecshift"));
        command.args([word, "plan.yaml"]).current_dir(self.folder.path());
        command.envs(self.variables.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    pub async fn does(&self, word: &str) -> Ended {
        Ended::of(self.command(word).output().await.unwrap())
    }

    /// Runs to the end, with the word that an index may be deleted.
    pub async fn confirms(&self, index: &str) -> Ended {
        Ended::of(self.command("run").args(["--confirm", index]).output().await.unwrap())
    }

    /// Runs until a stage has passed.
    pub async fn runs_until(&self, stage: &str) -> Ended {
        Ended::of(self.command("run").args(["--until", stage]).output().await.unwrap())
    }

    /// Begins a run; [`Program::ends`] waits for it.
    pub fn begins(&self) -> Child {
        self.command("run").spawn().unwrap()
    }

    pub async fn ends(child: Child) -> Ended {
        Ended::of(child.wait_with_output().await.unwrap())
    }

    /// Everything that was written to journals.
    pub fn journal(&self) -> String {
        let all = journals(&self.folder.path().join(".vecshift")).into_iter();
        all.map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect()
    }
}

fn journals(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(journals(&path)),
            false if path.extension().is_some_and(|end| end == "jsonl") => all.push(path),
            false => {}
        }
    }
    all
}

/// Waits until the table `new` is there and holds so many records.
pub async fn arrived(db: &Database, records: u32) {
    let is_there = "select to_regclass('public.new') is not null";
    for asked in [is_there, &format!("select count(*) >= {records} from new")] {
        server::until(db, asked).await;
    }
}
