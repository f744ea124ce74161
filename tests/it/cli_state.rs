//! Where the state is: the project file, `--state` and what it names, and moving a journal from one place to another.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use vecshift::clock::Clock;
use vecshift::journal::Holder;
use vecshift::state::{Backend, Bucket, Home};
use vecshift::storage::objects::open;

use crate::cli_rig::{Cli, Emulated, said};
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
        ("", 3, "`--state` is given, but names no place"),
        ("s3:/bucket/runs", 3, "two slashes have to follow `s3:`"),
        ("file:/runs", 3, "two slashes have to follow `file:`"),
        (" ", 3, "names no place"),
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
    let again = cli.run(&[&["state", "push", "twins", "twins.jsonl"][..], &to].concat());
    assert!(again.code == 0 && again.out.contains("all of them there before"), "{again:?}");
    // Nothing is written over.
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
    assert!(gone.code == 1 && gone.err.contains("samples.parquet"), "{gone:?}");
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

const SMALL: &str = r#"version: 1
name: small
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    assert: [copy.complete == true]
rehearsal:
  source: { kind: pod, records: 20, namespaces: 2, dimension: 8, metric: cosine }
"#;

/// Makes a folder for several machines. Returns the URI that leads there.
fn shared(cli: &Cli, name: &str) -> String {
    std::fs::create_dir_all(cli.path(name)).unwrap();
    format!("file://{}", cli.path(name).display())
}

/// Returns what is kept of a plan in such a folder.
fn shared_home(cli: &Cli, uri: &str, plan: &str) -> Arc<dyn Home> {
    let objects = open(uri, &Default::default(), Duration::from_secs(30)).unwrap();
    let bucket = Bucket::new(objects, Bucket::LEASE, cli.path("scratch"), Clock::system());
    bucket.unwrap().home(plan)
}

/// Pushes the journal of a run that waits into a place.
fn push(cli: &Cli, uri: &str) {
    waiting(&cli.path("pushed"));
    let pulled = cli.run(&["state", "pull", "twins", "--state", "pushed", "-o", "pushed.jsonl"]);
    assert_eq!(pulled.code, 0, "{pulled:?}");
    let pushed = cli.run(&["state", "push", "twins", "pushed.jsonl", "--state", uri]);
    assert_eq!(pushed.code, 0, "{pushed:?}");
}

#[test]
fn a_reviewed_plan_is_run_where_it_was_reviewed_from_any_folder() {
    let cli = project("");
    let uri = shared(&cli, "shared");
    cli.write("repository/vecshift.yaml", &format!("state: '{uri}'\n"));
    cli.write("repository/plans/small.yaml", SMALL);
    let emulated = Emulated::start(&cli, "repository/plans/small.yaml", 20);
    let from = |folder: &str, arguments: &[&str]| {
        let mut command = emulated.command(&cli, arguments);
        said(&command.current_dir(cli.path(folder)).output().unwrap())
    };
    let plan = from("repository", &["plan", "plans/small.yaml", "--out", "../reviewed.json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.err.contains("`vecshift run ../reviewed.json` runs"), "{}", plan.err);
    let run = from(".", &["run", "reviewed.json", "--until", "create"]);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(cli.path("shared/small/hot/head.json").is_file());
    assert!(!cli.path(".vecshift/small/journal.jsonl").exists());
    // Where the project has moved its state since, the plan is reviewed again.
    let other = from(".", &["run", "reviewed.json", "--state", "other"]);
    assert_eq!(other.code, 8, "{other:?}");
    assert!(other.err.contains(&uri) && other.err.contains("this is other"), "{}", other.err);
    // Looking at what the plan says needs no state.
    assert_eq!(from(".", &["validate", "reviewed.json", "--state", "other"]).code, 0);
}

#[test]
fn a_run_in_a_folder_of_this_machine_is_neither_hidden_nor_doubled() {
    let cli = project("");
    let uri = shared(&cli, "shared");
    cli.write("repository/vecshift.yaml", &format!("state: '{uri}'\nvars: {{ n: 7 }}\n"));
    waiting(&cli.path("repository/.vecshift"));
    let run = || {
        let mut command = cli.command(&["run", "plans/twins.yaml"]);
        command.current_dir(cli.path("repository")).env("PINECONE_API_KEY", "k");
        said(&command.env("PINECONE_CONTROLLER_HOST", "http://127.0.0.1:1").output().unwrap())
    };
    let at = "there is one in .vecshift: --state .vecshift";
    let one = in_folder(&cli, "repository", &["status", "plans/twins.yaml"]);
    assert!(one.code == 3 && one.err.contains(at), "{one:?}");
    let all = in_folder(&cli, "repository", &["status"]);
    assert!(all.out.contains("There is one in .vecshift: --state .vecshift"), "{all:?}");
    let refused = run();
    assert_eq!(refused.code, 8, "{refused:?}");
    assert!(refused.err.contains("state push twins"), "{}", refused.err);
    let undone = in_folder(&cli, "repository", &["rollback", "plans/twins.yaml"]);
    assert!(undone.out.to_lowercase().contains(at), "{undone:?}");
    // Half a journal is not the run, and a whole one is.
    let file = "twins.jsonl";
    let pull = ["state", "pull", "twins", "--state", ".vecshift", "-o", file];
    assert_eq!(in_folder(&cli, "repository", &pull).code, 0);
    let whole = std::fs::read_to_string(cli.path("repository/twins.jsonl")).unwrap();
    let half: String = whole.split_inclusive('\n').take(5).collect();
    for (text, is_refused) in [(&half, true), (&whole, false)] {
        cli.write("repository/twins.jsonl", text);
        let pushed = in_folder(&cli, "repository", &["state", "push", "twins", file]);
        assert_eq!(pushed.code, 0, "{pushed:?}");
        let run = run();
        assert_eq!(run.err.contains("there is an open run of `twins`"), is_refused, "{run:?}");
    }
}

#[test]
fn a_push_that_was_cut_off_is_repeated_and_another_journal_is_refused() {
    let cli = Cli::new();
    waiting(&cli.state());
    let uri = shared(&cli, "shared");
    assert_eq!(cli.run(&["state", "pull", "twins", "-o", "whole.jsonl"]).code, 0);
    let whole = std::fs::read_to_string(cli.path("whole.jsonl")).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    cli.write("half.jsonl", &lines[..6].concat());
    // The sixth event at another time.
    let other = lines[5].replacen(":0", ":1", 1);
    cli.write("other.jsonl", &[&lines[..5], &[other.as_str()], &lines[6..]].concat().concat());
    let push = |file: &str| cli.run(&["state", "push", "twins", file, "--state", &uri]);
    assert_eq!(push("half.jsonl").code, 0);
    let refused = push("other.jsonl");
    assert!(refused.code == 8 && refused.err.contains("there is a run of `twins`"), "{refused:?}");
    let whole = push("whole.jsonl");
    assert!(whole.code == 0 && whole.out.contains("6 of them there before"), "{whole:?}");
    // What is there goes further.
    assert_eq!(push("half.jsonl").code, 8);
    let pulled = cli.json(&["state", "pull", "twins", "--state", &uri]);
    assert_eq!(pulled["entries"].as_array().unwrap().len(), lines.len());
    assert_eq!((&pulled["plan"], &pulled["state"]), (&"twins".into(), &uri.as_str().into()));
    assert!(pulled["run"].is_string());
}

#[test]
fn a_pull_that_fails_leaves_the_last_copy_as_it_was() {
    let cli = Cli::new();
    cli.write("copy.jsonl", "good\n");
    assert_eq!(cli.run(&["state", "pull", "twins", "-o", "copy.jsonl"]).code, 3);
    assert_eq!(std::fs::read_to_string(cli.path("copy.jsonl")).unwrap(), "good\n");
}

#[test]
fn what_needs_no_state_does_not_ask_for_its_place() {
    let cli = project("state: 'ftp://nowhere'\nvars: { n: 7 }\n");
    for arguments in
        [&["validate", "plans/twins.yaml"][..], &["schema"], &["explain", "exit-codes"]]
    {
        let said = in_folder(&cli, "repository", arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
    }
    assert_eq!(in_folder(&cli, "repository", &["status"]).code, 3);
    cli.write("repository/vecshift.yaml", "stat: x\n");
    assert_eq!(in_folder(&cli, "repository", &["explain", "exit-codes"]).code, 0);
}

#[test]
fn a_lease_that_cannot_be_is_refused_with_the_projects_file() {
    let cli = project("");
    let uri = shared(&cli, "shared");
    for (state, why) in [
        (format!("{{ uri: '{uri}', lease: 1s }}"), "2s"),
        ("{ uri: runs, lease: 90s }".into(), "runs"),
    ] {
        cli.write("repository/vecshift.yaml", &format!("state: {state}\n"));
        let said = in_folder(&cli, "repository", &["status"]);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(
            said.err.contains("vecshift.yaml: `state`") && said.err.contains(why),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_plan_of_the_projects_name_is_a_plan_and_the_projects_file_is_not_written_over() {
    let cli = project("state: runs\nvars: { n: 7 }\n");
    cli.write("repository/plans/vecshift.yaml", PLAN);
    waiting(&cli.path("repository/runs"));
    let status = in_folder(&cli, "repository/plans", &["status", "twins.yaml"]);
    assert!(status.out.contains("approval of canary step 2"), "{status:?}");
    let valid = in_folder(&cli, "repository/plans", &["validate", "vecshift.yaml"]);
    assert_eq!(valid.code, 0, "{valid:?}");
    let over = ["report", "twins", "-o", "vecshift.yaml"];
    let refused = in_folder(&cli, "repository", &over);
    assert!(refused.code == 64 && refused.err.contains("would overwrite"), "{refused:?}");
    cli.write("repository/vecshift.yaml", "vars: {}\nstat: runs\n");
    let wrong = in_folder(&cli, "repository", &["status"]);
    assert_eq!(wrong.err.matches("error:").count(), 1, "{}", wrong.err);
    assert!(wrong.err.contains("line 2") && !wrong.err.contains("<input>"), "{}", wrong.err);
}

#[test]
fn a_suggested_command_leads_to_the_state_that_it_is_about() {
    let cli = project("state: runs\n");
    for folder in ["runs", ".vecshift"] {
        waiting(&cli.path("repository").join(folder));
        let said = in_folder(&cli, "repository", &["status", "twins", "--state", folder]);
        let is_named = said.out.contains("--state");
        assert_eq!(is_named, folder == ".vecshift", "{said:?}");
    }
}

/// Makes the run in a folder one of another machine, which had its plans elsewhere.
fn of_another_machine(state: &Path) {
    let path = state.join("twins/journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut first: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    first["path"] = "/elsewhere/repository/repository/plans/twins.yaml".into();
    lines[0] = first.to_string();
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn the_file_of_a_run_of_another_machine_is_found_here_by_the_end_of_its_path() {
    let cli = project("vars: { n: 7 }\n");
    waiting(&cli.path("repository/.vecshift"));
    of_another_machine(&cli.path("repository/.vecshift"));
    for (folder, file) in [("repository", "plans/twins.yaml"), ("repository/plans", "twins.yaml")] {
        let said = in_folder(&cli, folder, &["status", "twins"]);
        let command = format!("vecshift approve {file} --stage canary");
        assert!(said.out.contains(&command), "{folder}: {said:?}");
    }
    let undone = in_folder(&cli, "repository", &["rollback", "twins", "--dry-run"]);
    assert!(undone.err.contains("stages changed"), "{undone:?}");
    // Another plan of that file's name is not it.
    cli.write("repository/plans/twins.yaml", &PLAN.replace("name: twins", "name: others"));
    let said = in_folder(&cli, "repository", &["status", "twins"]);
    assert!(said.out.contains("vecshift approve twins --stage"), "{said:?}");
    let undone = in_folder(&cli, "repository", &["rollback", "twins"]);
    assert!(
        undone.code == 3 && undone.err.contains("is not here: it was /elsewhere"),
        "{undone:?}"
    );
}

#[test]
fn a_plan_that_never_had_a_run_is_listed_only_while_somebody_holds_it() {
    let cli = Cli::new();
    let uri = shared(&cli, "shared");
    push(&cli, &uri);
    let holder = Holder::new("grace", "runner", 9);
    let taken = wait(shared_home(&cli, &uri, "refused").take(&holder)).unwrap();
    let listed = |arguments: &[&str]| cli.run(&[arguments, &["--state", &uri]].concat());
    for arguments in [&["status"][..], &["state", "ls"]] {
        let said = listed(arguments);
        assert!(said.out.contains("refused") && said.out.contains("twins"), "{said:?}");
    }
    wait(taken.log.release());
    assert!(cli.path("shared/refused/hot/head.json").is_file());
    for arguments in [&["status"][..], &["state", "ls"], &["report"]] {
        let said = listed(arguments);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(!said.out.contains("refused") && said.out.contains("twins"), "{said:?}");
    }
}

/// A token as CI services give them out, with a signature that nobody can check.
fn token(audience: &str) -> String {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let payload = format!(r#"{{"aud":"{audience}","sub":"repo:a/b","actor":"ada"}}"#);
    format!("{}.{}.{}", part("{}"), part(&payload), part("signature"))
}

/// Returns the letters of a plan in a shared folder, and of those the last as it lies there.
fn last_letter(inbox: &Path) -> serde_json::Value {
    let files = std::fs::read_dir(inbox).unwrap().map(|file| file.unwrap().path());
    let last = files.filter(|file| file.extension().is_some_and(|ending| ending == "json")).max();
    serde_json::from_slice(&std::fs::read(last.unwrap()).unwrap()).unwrap()
}

#[test]
fn a_token_is_kept_only_where_it_opens_nothing_else_and_not_in_a_folder() {
    let cli = Cli::new();
    let uri = shared(&cli, "shared");
    push(&cli, &uri);
    waiting(&cli.state());
    // No service is asked for one that nobody needs.
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    service.set_nonblocking(true).unwrap();
    let ask = |command: &str, place: &str, token: Option<&str>| {
        let mut command = cli.command(&[command, "twins", "--state", place]);
        command.envs(token.map(|token| ("VECSHIFT_ID_TOKEN", token)));
        let url = format!("http://{}/token", service.local_addr().unwrap());
        command.env("ACTIONS_ID_TOKEN_REQUEST_URL", url);
        said(&command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer").output().unwrap())
    };
    let (own, others) = (token("vecshift"), token("sts.amazonaws.com"));
    assert_eq!(ask("approve", &uri, Some(&own)).code, 0);
    let inbox = cli.path("shared/twins/hot/inbox");
    assert_eq!(last_letter(&inbox)["token"], own.as_str());
    let asked = ask("pause", &uri, Some(&others));
    assert!(asked.code == 0 && asked.err.contains("not made out to"), "{asked:?}");
    let letter = last_letter(&inbox);
    assert_eq!((&letter["request"], &letter["token"]), (&"pause".into(), &().into()));
    assert_eq!(letter["claims"]["actor"], "ada");
    assert_eq!(ask("pause", ".vecshift", None).code, 0);
    let letter = last_letter(&cli.state().join("twins/inbox"));
    assert_eq!((&letter["token"], &letter["claims"]), (&().into(), &().into()));
    assert!(service.accept().is_err(), "the service of the CI was asked");
}

#[test]
fn files_that_are_fetched_say_what_they_replaced_and_have_names_of_here() {
    let cli = Cli::new();
    waiting(&cli.state());
    std::fs::create_dir(cli.path("audit")).unwrap();
    cli.write("audit/samples.parquet", "records");
    let get = || cli.json(&["artifacts", "get", "twins", "samples.parquet", "--to", "here"]);
    assert_eq!(get()["replaced"], serde_json::json!([]));
    let again = get();
    assert_eq!(
        (&again["replaced"], &again["files"][0]),
        (&again["files"], &"here/samples.parquet".into())
    );
    let journal = cli.state().join("twins/journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replace("audit/samples", r"audit\\samples")).unwrap();
    assert_eq!(cli.json(&["artifacts", "ls", "twins"])["artifacts"][0]["file"], "samples.parquet");
}

/// Returns the settings of a bucket that is served by `listener`.
fn bucket(command: &mut Command, listener: &TcpListener) {
    let url = format!("http://{}", listener.local_addr().unwrap());
    command
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_what_waits_for_a_bucket_that_does_not_answer() {
    let cli = Cli::new();
    cli.write(
        "small.yaml",
        &SMALL.replace("  - kind: create", "  - kind: audit\n  - kind: create"),
    );
    for arguments in [
        &["run", "small.yaml"][..],
        &["plan", "small.yaml"],
        &["audit", "small.yaml"],
        &["rollback", "small.yaml"],
        &["rollback", "small"],
        &["namespaces", "delete", "small.yaml", "--side", "target", "--match", "*"],
    ] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = cli.command(arguments);
        bucket(command.args(["--state", "s3://shelf/runs"]), &silent);
        command.env("PINECONE_API_KEY", "k").env("PINECONE_CONTROLLER_HOST", "http://127.0.0.1:1");
        let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let _open = silent.accept().unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let ended = said(&child.wait_with_output().unwrap());
        assert_eq!(ended.code, 143, "{arguments:?}: {ended:?}");
    }
}

/// Answers one request: whoever asks may write, and read nothing.
fn write_only(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        head.push_str(&std::mem::take(&mut line));
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
    });
    std::io::copy(&mut std::io::Read::take(reader, length.unwrap_or(0)), &mut std::io::sink())
        .ok()?;
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let answer = match head.starts_with("PUT") {
        true => "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 0\r\n\r\n".to_owned(),
        false => format!(
            "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n{denied}",
            denied.len()
        ),
    };
    let mut stream = stream;
    stream.write_all(answer.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).ok()
}

#[test]
fn an_approval_by_who_may_only_ask_says_what_was_not_checked() {
    let cli = project("vars: { n: 7 }\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let served = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        for stream in served.incoming().flatten() {
            std::thread::spawn(move || write_only(stream));
        }
    });
    let approve = |plan: &str, more: &[&str]| {
        let usual =
            ["approve", plan, "--stage", "canary", "--step", "2", "--state", "s3://shelf/runs"];
        let mut command = cli.command(&[&usual, more].concat());
        bucket(&mut command, &listener);
        said(&command.current_dir(cli.path("repository")).output().unwrap())
    };
    let by_name = approve("twins", &[]);
    assert_eq!(by_name.code, 0, "{by_name:?}");
    assert!(by_name.out.contains("was not checked"), "{by_name:?}");
    let json = approve("twins", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(json.as_object().unwrap().contains_key("is_running") && json["is_running"].is_null());
    let by_file = approve("plans/twins.yaml", &[]);
    assert!(by_file.code == 8 && by_file.err.contains("asks for no approval"), "{by_file:?}");
}

#[test]
fn a_place_that_was_meant_and_not_said_is_refused_wherever_it_is_needed() {
    let cli = project("state:\nvars: { n: 7 }\n");
    for arguments in [&["status"][..], &["state", "ls"], &["run", "plans/twins.yaml"]] {
        let said = in_folder(&cli, "repository", arguments);
        assert_eq!(said.code, 3, "{said:?}");
        let why = ["vecshift.yaml: ", "line 1", "nothing is given here", "docs/state.md"];
        assert!(why.iter().all(|why| said.err.contains(why)), "{}", said.err);
    }
    cli.write("repository/vecshift.yaml", "state: runs\nvars: { n: 7 }\n");
    let with = |arguments: &[&str], value: &str| {
        let mut command = cli.command(arguments);
        command.current_dir(cli.path("repository")).env("VECSHIFT_STATE", value);
        said(&command.output().unwrap())
    };
    for value in ["", "  "] {
        let said = with(&["status"], value);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(said.err.contains("the variable `VECSHIFT_STATE` is set, but"), "{}", said.err);
        // What needs no state is not stopped, as on a fork, which has none of the variables of a CI.
        assert_eq!(with(&["validate", "plans/twins.yaml"], value).code, 0);
        assert_eq!(with(&["status", "--state", "runs"], value).code, 0);
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let mut command = cli.command(&["status"]);
        command.env("VECSHIFT_STATE", std::ffi::OsStr::from_bytes(b"runs\xff"));
        let said = said(&command.current_dir(cli.path("repository")).output().unwrap());
        assert!(said.code == 3 && said.err.contains("names no place"), "{said:?}");
    }
    cli.write("repository/plans/small.yaml", SMALL);
    let rehearsed = with(&["rehearse", "plans/small.yaml"], "");
    assert_eq!(rehearsed.code, 0, "{rehearsed:?}");
    assert!(!cli.path("repository/rehearsals").exists());
}

/// Puts plans beside the others of a shared folder that nobody can read: one whose head is damaged, one of a newer version,
/// one whose head is gone, and one whose journal is damaged.
fn spoil(cli: &Cli) {
    let folder = |plan: &str| {
        let folder = cli.path("shared").join(plan).join("hot");
        std::fs::create_dir_all(&folder).unwrap();
        folder.join("head.json")
    };
    std::fs::write(folder("damaged"), "{\n").unwrap();
    std::fs::write(folder("newer"), "{\"v\":99}\n").unwrap();
    for plan in ["headless", "torn"] {
        folder(plan);
        let copied = std::process::Command::new("cp")
            .args(["-r", "shared/twins/.", &format!("shared/{plan}")])
            .current_dir(cli.folder.path())
            .status();
        assert!(copied.unwrap().success());
    }
    // With its versions.
    std::fs::remove_dir_all(cli.path("shared/headless/hot")).unwrap();
    let log = std::fs::read_dir(cli.path("shared/torn/runs")).unwrap().next().unwrap().unwrap();
    std::fs::write(log.path().join("log/000000000001.jsonl"), "#\n").unwrap();
}

#[cfg(unix)]
#[test]
fn a_plan_that_cannot_be_read_hides_no_other_and_is_named() {
    let cli = Cli::new();
    let uri = shared(&cli, "shared");
    push(&cli, &uri);
    let taken = wait(shared_home(&cli, &uri, "held").take(&Holder::new("ada", "desk", 7)));
    let lock = wait(shared_home(&cli, &uri, "held").lock()).unwrap().unwrap().id;
    spoil(&cli);
    let run = |arguments: &[&str]| cli.run(&[arguments, &["--state", &uri]].concat());
    for (arguments, list, spoilt, good) in [
        (&["state", "ls"][..], "plans", &["damaged", "headless", "newer", "torn"][..], "twins"),
        (&["status"], "runs", &["damaged", "headless", "newer", "torn"], "twins"),
        (&["lock", "show"], "locks", &["damaged", "newer"], "held"),
    ] {
        let said = run(arguments);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains(good), "{}", said.out);
        let all = cli.json(&[arguments, &["--state", &uri]].concat());
        let of = |plan: &str| {
            let found = all[list].as_array().unwrap().iter().find(|one| one["plan"] == plan);
            found.unwrap_or_else(|| panic!("{plan}: {all}")).clone()
        };
        assert!(of(good)["error"].is_null(), "{all}");
        for plan in spoilt {
            let error = of(plan)["error"].clone();
            let kind = if *plan == "newer" { "refused" } else { "conflict" };
            assert_eq!(error["kind"], kind, "{error}");
            let words = format!("{plan}: {}", error["message"].as_str().unwrap());
            assert!(said.out.contains(&words), "{words}: {}", said.out);
        }
    }
    // A lock of another plan is taken away, and one that is not found may be that of a plan that cannot be read.
    let unlocked = run(&["unlock", &lock]);
    assert!(unlocked.code == 0 && unlocked.out.contains("Unlocked held"), "{unlocked:?}");
    let unknown = run(&["unlock", "7-none"]);
    assert!(unknown.code == 1 && unknown.out.contains("damaged: "), "{unknown:?}");
    drop(taken);
    // So it is with a run, of which nobody knows whose it is.
    let none = run(&["report", "01J9ZZZZZZZZZZZZZZZZZZZZZY"]);
    assert!(none.code == 3 && none.err.contains("damaged, newer"), "{none:?}");
    let report = run(&["report", "twins"]);
    assert!(report.code == 0 && report.err.is_empty(), "{report:?}");
}

#[test]
fn a_damaged_record_of_a_lock_is_not_the_same_as_none() {
    let cli = Cli::new();
    waiting(&cli.state());
    std::fs::write(cli.state().join("twins/lock.json"), "{").unwrap();
    let said = cli.run(&["lock", "show"]);
    assert!(said.code == 1 && said.out.contains("lock.json is damaged"), "{said:?}");
    // A file of that name in the working folder is not the plan.
    cli.write("twins", "version: 1\n");
    assert!(cli.run(&["status"]).out.contains("canary step 2"));
}

/// What nobody would call himself.
fn hostile() -> Holder {
    let long = format!("\u{1b}[2J\u{1b}[31mroot\n::error::x\r{}", "x".repeat(100_000));
    Holder { url: Some(format!("https://ci/{long}")), ..Holder::new(&long, &long, 9) }
}

#[test]
fn names_from_elsewhere_are_shown_short_and_move_nothing() {
    let cli = Cli::new();
    waiting(&cli.state());
    let holder = hostile();
    let _held = held(&cli.state(), "twins", &holder);
    crate::journals::ask(
        &cli.state(),
        "twins",
        vecshift::journal::Request::Pause { by: holder.name.clone() },
    );
    for arguments in [
        &["lock", "show"][..],
        &["state", "ls"],
        &["status"],
        &["status", "twins"],
        &["pause", "twins"],
        &["rollback", "twins", "--dry-run"],
    ] {
        let said = cli.run(arguments);
        let text = said.out + &said.err;
        assert!(text.len() < 6_000, "{arguments:?}: {} bytes", text.len());
        let acted_on = |line: &str| line.starts_with("::") || line.contains(['\u{1b}', '\r']);
        assert!(!text.lines().any(acted_on), "{arguments:?}: {text}");
    }
    // For machines it is whole.
    let listed = cli.json(&["state", "ls"]);
    assert_eq!(listed["plans"][0]["holder"]["holder"]["name"], holder.name.as_str());
    let shown = cli.json(&["lock", "show"]);
    assert_eq!(shown["locks"][0]["lock"]["holder"]["url"].as_str(), holder.url.as_deref());
}

#[test]
fn a_plan_of_a_hostile_name_is_listed_without_harm() {
    let cli = Cli::new();
    let uri = shared(&cli, "shared");
    let name = "a\u{1b}[31m\nb";
    std::fs::create_dir_all(cli.path("shared").join(name).join("hot")).unwrap();
    std::fs::write(cli.path("shared").join(name).join("hot/head.json"), "{\n").unwrap();
    for arguments in [&["state", "ls"][..], &["status"], &["lock", "show"]] {
        let said = cli.run(&[arguments, &["--state", &uri]].concat());
        assert!(said.code == 1 && said.out.contains("a\\u{1b}[31m\\nb"), "{said:?}");
        assert!(!said.out.contains('\u{1b}'), "{said:?}");
    }
}

#[test]
fn a_process_calls_itself_nothing_that_others_could_not_read() {
    let cli = Cli::new();
    waiting(&cli.state());
    let long = "x".repeat(100_000);
    let mut command = cli.command(&["pause", "twins"]);
    command.env("USER", &long).env("HOSTNAME", &long);
    assert_eq!(said(&command.output().unwrap()).code, 0);
    let asked = &crate::journals::requests(&cli.state(), "twins")[0];
    assert!(serde_json::to_string(asked).unwrap().len() < 1_000, "{asked:?}");
}

/// Writes a run whose files are these, with the sums of other bytes where these are given.
fn with_files(cli: &Cli, files: &[(&str, Option<&str>, &str)]) {
    use sha2::Digest as _;
    let mut run = crate::journals::Writer::begin(&cli.state(), false);
    run.start("audit");
    std::fs::create_dir(cli.path("files")).unwrap();
    for (name, there, written) in files {
        let path = format!("files/{name}");
        if let Some(there) = there {
            cli.write(&path, there);
        }
        let sha256 = vecshift::text::hex(sha2::Sha256::digest(written));
        let written = vecshift::journal::Written { bytes: written.len() as u64, sha256 };
        run.write(vecshift::journal::Event::ArtifactWritten {
            stage: "audit".into(),
            artifact: vecshift::journal::Artifact {
                name: "audit".into(),
                path,
                records: 1,
                kept: None,
                written: Some(written),
            },
        });
    }
}

#[test]
fn one_file_that_is_not_what_the_run_wrote_keeps_no_other_back() {
    let cli = Cli::new();
    let (good, other) = ("right", "wrong");
    with_files(
        &cli,
        &[
            ("a.json", Some(other), good),
            ("b.json", Some(good), good),
            ("c.json", None, good),
            ("d.json", Some(other), good),
            ("e.json", Some(good), good),
        ],
    );
    std::fs::create_dir(cli.path("here")).unwrap();
    cli.write("here/d.json", "before");
    let said = cli.run(&["artifacts", "get", "twins", "--to", "here"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.out, "here/b.json\nhere/e.json\n");
    assert_eq!(said.err.matches("error: ").count(), 3, "{}", said.err);
    for name in ["here/a.json", "here/c.json", "here/d.json"] {
        assert!(said.err.contains(name), "{name}: {}", said.err);
    }
    let mut there: Vec<_> = std::fs::read_dir(cli.path("here"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(there, ["b.json", "d.json", "e.json"]);
    assert_eq!(std::fs::read_to_string(cli.path("here/d.json")).unwrap(), "before");
    let json = cli.json(&["artifacts", "get", "twins", "--to", "here"]);
    let failed = json["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 3, "{json}");
    for (one, is_there) in failed.iter().zip([true, false, true]) {
        let sum = one["expected"]["sha256"].as_str().unwrap();
        assert!(sum.len() == 64 && said.err.contains(sum), "{one}");
        assert_eq!(one["actual"].is_object(), is_there, "{one}");
        if is_there {
            assert!(said.err.contains(one["actual"]["sha256"].as_str().unwrap()), "{one}");
        }
    }
}
