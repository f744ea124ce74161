//! Where the state is: the project file, `--state` and what it names, and moving a journal from one place to another.

use vecshift::journal::Holder;

use crate::cli_rig::{Cli, said};
use crate::journals::{entries, held, home, wait, waiting};

const PLAN: &str = "version: 1\nname: twins\nvars:\n  n: {}\nsource: { provider: pinecone, index: a }\n\
                    target: { provider: pinecone, index: \"b-{{ vars.n }}\" }\nstages:\n  - kind: audit\n";

/// A repository with a project, a plan in a folder, and a run that waits.
fn project(file: &str) -> Cli {
    let cli = Cli::new();
    std::fs::create_dir_all(cli.path("repository/plans")).unwrap();
    std::fs::create_dir(cli.path("repository/.git")).unwrap();
    cli.write("repository/vecshift.yaml", file);
    cli.write("repository/plans/twins.yaml", PLAN);
    cli
}

fn in_folder(cli: &Cli, folder: &str, arguments: &[&str]) -> crate::cli_rig::Said {
    said(&cli.command(arguments).current_dir(cli.path(folder)).output().unwrap())
}

#[test]
fn a_project_says_where_the_state_is_from_any_folder() {
    let cli = project("state: runs\nvars: { n: 7 }\n");
    waiting(&cli.path("repository/runs"));
    for (folder, plan) in [
        ("repository", "plans/twins.yaml"),
        ("repository/plans", "twins.yaml"),
        (".", "repository/plans/twins.yaml"),
    ] {
        let said = in_folder(&cli, folder, &["status", plan]);
        assert!(said.out.contains("approval of canary step 2"), "{folder}: {said:?}");
        // Whatever is printed to go on with finds it as well.
        assert!(!said.out.contains("--state"), "{}", said.out);
    }
    // By the plan's name, from the project's folders.
    assert_eq!(in_folder(&cli, "repository/plans", &["status", "twins"]).code, 0);
    assert_ne!(in_folder(&cli, ".", &["status", "twins"]).code, 0);
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_project() {
    let cli = project("state: of-project\n");
    let uri = |arguments: &[&str], variable: Option<&str>| {
        let mut command = cli.command(&[arguments, &["state", "ls", "--json"]].concat());
        command.current_dir(cli.path("repository")).envs(variable.map(|at| ("VECSHIFT_STATE", at)));
        let said = said(&command.output().unwrap());
        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        document["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(uri(&[], None), "of-project");
    assert_eq!(uri(&[], Some("of-variable")), "of-variable");
    assert_eq!(uri(&["--state", "given"], Some("of-variable")), "given");
}

#[test]
fn variables_of_a_project_give_way_to_those_that_are_given() {
    let cli = project("vars: { n: 7 }\n");
    let digest = |arguments: &[&str]| {
        let all = [&["validate", "plans/twins.yaml", "--json"], arguments].concat();
        let said = in_folder(&cli, "repository", &all);
        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        document["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest(&[]), digest(&["--var", "n=7"]));
    assert_ne!(digest(&[]), digest(&["--var", "n=8"]));
}

#[test]
fn what_is_wrong_with_a_place_is_said_before_anything_is_done() {
    let cli = project("stat: runs\n");
    let wrong = in_folder(&cli, "repository", &["status"]);
    assert_eq!(wrong.code, 3, "{wrong:?}");
    assert!(wrong.err.contains("vecshift.yaml") && wrong.err.contains("stat"), "{}", wrong.err);
    assert!(wrong.err.contains("docs/state.md"), "{}", wrong.err);
    for (place, code, why) in [
        ("ftp://host/runs", 3, "only s3:, gs:, az: and file: are reached"),
        ("s3://", 3, "no bucket"),
        ("s3://bucket/a?b", 3, "%3F"),
        ("file:///there/is/no/such/folder", 3, "there is no folder"),
    ] {
        let said = Cli::new().run(&["status", "--state", place]);
        assert_eq!(said.code, code, "{place}: {said:?}");
        assert!(said.err.contains(why), "{place}: {}", said.err);
    }
}

#[test]
fn a_journal_moves_from_a_folder_to_a_shared_one_and_back() {
    let cli = Cli::new();
    let before = waiting(&cli.state());
    std::fs::create_dir(cli.path("shared")).unwrap();
    let shared = format!("file://{}", cli.path("shared").display());
    let to = ["--state", shared.as_str()];
    assert_eq!(cli.run(&["state", "pull", "twins", "--output", "twins.jsonl"]).code, 0);
    assert_eq!(cli.run(&["state", "pull", "twins"]).out.lines().count(), before.len());
    let pushed = cli.run(&[&["state", "push", "twins", "twins.jsonl"][..], &to].concat());
    assert_eq!(pushed.code, 0, "{pushed:?}");
    let status = cli.run(&[&["status", "twins"][..], &to].concat());
    assert!(status.out.contains("approval of canary step 2"), "{}", status.out);
    assert!(status.out.contains(&format!("--state {shared}")), "{}", status.out);
    // Nothing is written over, neither by the same journal nor by another plan's.
    let again = cli.run(&[&["state", "push", "twins", "twins.jsonl"][..], &to].concat());
    assert_eq!(again.code, 8, "{again:?}");
    assert!(again.err.contains("there is a run of `twins`"), "{}", again.err);
    let other = cli.run(&["state", "push", "others", "twins.jsonl"]);
    assert!(other.code == 8 && other.err.contains("is of the plan `twins`"), "{other:?}");
    cli.write("torn.jsonl", "{\"v\":2");
    assert_eq!(cli.run(&["state", "push", "others", "torn.jsonl"]).code, 3);
    let listed = cli.run(&[&["state", "ls"][..], &to].concat());
    assert!(listed.out.contains("twins") && listed.out.contains("nobody"), "{}", listed.out);
    assert_eq!(
        cli.run(&[&["state", "pull", "twins", "-o", "back.jsonl"][..], &to].concat()).code,
        0
    );
    let back = ["--state", "other"];
    assert_eq!(cli.run(&[&["state", "push", "twins", "back.jsonl"][..], &back].concat()).code, 0);
    assert_eq!(entries(&cli.path("other"), false), before);
}

#[test]
fn a_place_is_probed_and_says_what_was_seen() {
    let cli = Cli::new();
    std::fs::create_dir(cli.path("shared")).unwrap();
    let folder = cli.run(&["state", "probe"]);
    assert!(folder.code == 0 && folder.out.contains("keeps a second process"), "{folder:?}");
    let shared = format!("file://{}", cli.path("shared").display());
    let seen = cli.run(&["state", "probe", "--state", &shared]);
    assert!(seen.code == 0 && seen.out.contains("only where there is none"), "{seen:?}");
}

#[test]
fn files_of_a_run_are_listed_and_one_that_is_gone_is_named() {
    let cli = Cli::new();
    waiting(&cli.state());
    let listed = cli.run(&["artifacts", "ls", "twins"]);
    assert!(listed.out.contains("samples.parquet"), "{}", listed.out);
    let gone = cli.run(&["artifacts", "get", "twins", "sample", "--to", "here"]);
    assert!(gone.code == 3 && gone.err.contains("samples.parquet"), "{gone:?}");
    let unknown = cli.run(&["artifacts", "get", "twins", "letters"]);
    assert!(unknown.code == 3 && unknown.err.contains("it wrote: samples.parquet"), "{unknown:?}");
}

#[test]
fn a_holder_is_shown_with_the_page_of_its_job() {
    let cli = Cli::new();
    waiting(&cli.state());
    let url = "https://ci/jobs/7";
    let holder = Holder { url: Some(url.to_owned()), ..Holder::new("grace", "runner", 9) };
    let held = held(&cli.state(), "twins", &holder);
    for arguments in [&["lock", "show"][..], &["status", "twins"], &["state", "ls"]] {
        assert!(cli.run(arguments).out.replace("\n", "").contains("https://ci"), "{arguments:?}");
    }
    drop(held);
    assert!(wait(home(&cli.state(), "twins").holder()).unwrap().is_none());
}
