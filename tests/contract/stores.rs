//! The Pinecone stores of LangChain and LlamaIndex work with the emulator as they are, and what `docs/emulator.md` tells
//! people to write for the tests of an application is run as it stands there.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use vecshift::plan::file::Faults;

use crate::python::environment;
use crate::world::{KEY, emulator};

/// Longest time one script may take.
const LONGEST: Duration = Duration::from_secs(90);

const GUIDE: &str = include_str!("../../docs/emulator.md");
const SECTION: &str = "\n## For tests of applications\n";

async fn drive(script: &str) {
    let Some(python) = environment("stores") else { return };
    let emulator = emulator(Faults::default()).await;
    let run = python.run(script, &[&emulator.url(), KEY], LONGEST).await;
    emulator.shutdown().await;
    run.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_of_langchain_work() {
    drive("stores_langchain.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_llama_index_works() {
    drive("stores_llama_index.py").await;
}

/// Returns the blocks of code in one language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let (_, section) = GUIDE.split_once(SECTION).expect("the section has another name");
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let fence = format!("\n```{language}\n");
    let begun = section.split(fence.as_str()).skip(1);
    begun.map(|block| block.split_once("\n```\n").unwrap().0).collect()
}

fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_vecshift")).parent().unwrap()
}

/// Each block of Python begins with the name of its file.
#[tokio::test(flavor = "multi_thread")]
async fn the_tests_in_the_guide_pass_as_they_are_written() {
    let files = blocks("python").into_iter().map(|block| {
        let (name, _) = block.split_once('\n').unwrap();
        (name.trim_start_matches("# "), block)
    });
    let files: Vec<_> = files.collect();
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["conftest.py", "test_langchain.py", "test_llama_index.py"]);
    let Some(python) = environment("stores") else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, block) in &files {
        std::fs::write(folder.path().join(name), format!("{block}\n")).unwrap();
    }
    let said = python.test(folder.path(), programs(), LONGEST).await.unwrap();
    let tests: usize = files.iter().map(|(_, block)| block.matches("\ndef test_").count()).sum();
    assert!(tests >= 2 && said.contains(&format!("{tests} passed")), "{said}");
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The commands of the step that starts the emulator in a job of a CI.
#[cfg(unix)]
#[tokio::test]
async fn the_step_in_the_guide_starts_an_emulator_for_the_steps_after_it() {
    use std::os::unix::process::CommandExt;

    let workflow = blocks("yaml");
    let [workflow] = workflow[..] else { panic!("{} blocks of YAML", workflow.len()) };
    let (_, step) = workflow.split_once("- name: Start the emulator\n").unwrap();
    let (_, step) = step.split_once("run: |\n").unwrap();
    let lines = step.lines().take_while(|line| line.starts_with("    "));
    let commands = lines.map(str::trim_start).collect::<Vec<_>>().join("\n");

    let folder = tempfile::tempdir().unwrap();
    let variables = folder.path().join("variables");
    let path = format!("{}:{}", programs().display(), std::env::var("PATH").unwrap_or_default());
    let mut bash = Command::new("bash");
    bash.args(["-e", "-o", "pipefail", "-c", &commands]).current_dir(folder.path());
    bash.env("PATH", path).env("GITHUB_ENV", &variables).process_group(0);
    let mut bash =
        bash.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let group = format!("-{}", bash.id());
    let status = bash.wait().unwrap();
    let variables = std::fs::read_to_string(variables).unwrap_or_default();
    let of = |name: &str| {
        let lines = variables.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        lines.map(str::to_owned)
    };
    let control = of("PINECONE_CONTROLLER_HOST");
    let answer = match &control {
        Some(url) => client().get(format!("{url}/indexes")).send().await,
        None => panic!("{status}: {variables}"),
    };
    let ended = Command::new("kill").args(["-TERM", "--", &group]).status().unwrap();
    assert!(status.success() && ended.success(), "{status} {ended}");
    let indexes: serde_json::Value = answer.unwrap().json().await.unwrap();
    assert_eq!(indexes["indexes"][0]["name"], "articles", "{indexes}");
    assert!(of("PINECONE_API_KEY").is_some(), "{variables}");
}
