//! Outputs of a command beside its answer: files, standard output, and what GitHub Actions reads.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli_rig::{Cli, Said, said};

const PLAN: &str = r#"version: 1
name: small
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: audit
    assert:
      - { check: source.records > MOST, id: enough }
      - source.rejects == 0
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
    assert: [target.ready == true]
rehearsal:
  source: { kind: serverless, records: 30, namespaces: 1, dimension: 8 }
"#;

/// Makes `good.yaml`, which passes, and `bad.yaml`, whose first assertion fails: exit code 4.
fn plans() -> Cli {
    let cli = Cli::new();
    cli.write("good.yaml", &PLAN.replace("MOST", "10"));
    cli.write("bad.yaml", &PLAN.replace("MOST", "1000"));
    cli
}

fn read(cli: &Cli, name: &str) -> String {
    std::fs::read_to_string(cli.path(name)).unwrap()
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_done() {
    let cli = plans();
    std::fs::create_dir(cli.path("folder")).unwrap();
    cli.write("file", "");
    for option in ["--junit", "--report-md", "--report-html", "--events"] {
        for path in ["folder", "file/report"] {
            let said = cli.run(&["rehearse", "good.yaml", option, path]);
            assert_eq!(said.code, 64, "{option} {path}: {said:?}");
            assert!(said.err.contains(option) && said.err.contains(path), "{}", said.err);
        }
    }
    let said = cli.run(&["plan", "good.yaml", "--out", "folder"]);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(!cli.state().exists());
}

#[test]
fn a_missing_folder_is_made() {
    let cli = plans();
    let files = ["--junit", "a/b/junit.xml", "--report-md", "c/report.md", "--events", "d/events"];
    let page = ["--report-html", "e/report.html"];
    let said = cli.run(&[&["rehearse", "bad.yaml"][..], &files, &page].concat());
    assert_eq!(said.code, 4, "{said:?}");
    assert!(read(&cli, "a/b/junit.xml").contains("failures=\"1\""));
    assert!(read(&cli, "c/report.md").contains("✗ Failed"));
    assert!(read(&cli, "e/report.html").contains("<title>small: Failed</title>"));
    let again = cli.run(&["report", "small", "--rehearsal", "--format", "html"]);
    assert!(again.out.starts_with("<!DOCTYPE html>") && again.out.contains("small: Failed"));
    assert!(read(&cli, "d/events").contains("stage_failed"));
}

#[test]
fn no_two_outputs_share_a_file_and_none_is_an_input() {
    let cli = plans();
    std::fs::create_dir(cli.path("out")).unwrap();
    let pairs = [("out/x", "./out/x"), ("out/x", "out/../out/x")];
    for (one, other) in pairs {
        let said = cli.run(&["rehearse", "good.yaml", "--junit", one, "--events", other]);
        assert_eq!(said.code, 64, "{one} {other}: {said:?}");
        assert!(said.err.contains("the same file"), "{}", said.err);
    }
    let before = read(&cli, "good.yaml");
    cli.write("vars.yaml", "n: 1\n");
    for path in ["good.yaml", "./good.yaml", "vars.yaml"] {
        let arguments = ["rehearse", "good.yaml", "--var-file", "vars.yaml", "--report-md", path];
        let said = cli.run(&arguments);
        assert_eq!(said.code, 64, "{path}: {said:?}");
        assert!(said.err.contains("overwrite"), "{}", said.err);
    }
    assert_eq!((read(&cli, "good.yaml"), read(&cli, "vars.yaml")), (before, "n: 1\n".into()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_at_the_end_hides_no_ending() {
    let cli = plans();
    let full = ["--junit", "--report-md", "--report-html", "--events"];
    let full = full.map(|option| [option, "/dev/full"]).concat();
    let json = cli.json(&[&["rehearse", "bad.yaml"][..], &full].concat());
    assert_eq!(json["exit"]["name"], "failed");
    assert_eq!(json["unwritten"].as_array().unwrap().len(), 4, "{json}");
    let said = cli.run(&[&["rehearse", "bad.yaml"][..], &full].concat());
    assert!(said.out.contains("✗ Failed"), "the report is printed all the same: {said:?}");
    assert!(said.err.contains("cannot write /dev/full (--junit)"), "{}", said.err);
    // A success that could not leave everything it was asked for is no success.
    assert_eq!(cli.run(&["rehearse", "good.yaml", "--junit", "/dev/full"]).code, 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_and_a_reader_that_left_is_none() {
    let cli = plans();
    let into = |arguments: &[&str], stdout: Stdio| {
        said(&cli.command(arguments).stdout(stdout).output().unwrap())
    };
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    for arguments in [&["validate", "good.yaml"][..], &["validate", "good.yaml", "--json"], &["-h"]]
    {
        let said = into(arguments, full());
        assert_eq!(said.code, 1, "{arguments:?}: {said:?}");
        assert!(said.err.contains("standard output"), "{}", said.err);
    }
    assert_eq!(into(&["rehearse", "bad.yaml"], full()).code, 4);
    let unwritable = Stdio::from(std::fs::File::open("/dev/null").unwrap());
    assert_eq!(into(&["validate", "good.yaml"], unwritable).code, 1);
    let mut child = cli.command(&["schema"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_standard_output_is_an_error_and_one_that_is_thrown_away_is_none() {
    let cli = plans();
    let redirected = |how: &str, arguments: &[&str]| {
        let program = cli.command(arguments);
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(format!("exec \"$0\" \"$@\" {how}")).arg(program.get_program());
        shell.args(arguments).current_dir(cli.folder.path()).env_clear();
        said(&shell.output().unwrap())
    };
    for closed in [">&-", "<&- >&-", "<&- >&- 2>&-"] {
        for arguments in [&["validate", "good.yaml"][..], &["schema", "--json"], &["-h"]] {
            assert_eq!(redirected(closed, arguments).code, 1, "{arguments:?} {closed}");
        }
        // A file that is opened later never takes the place of the stream.
        let rehearse = ["rehearse", "bad.yaml", "--junit", "junit.xml"];
        assert_eq!(redirected(closed, &rehearse).code, 4, "{closed}");
        assert!(read(&cli, "junit.xml").ends_with("</testsuites>\n"), "{closed}");
    }
    let said = redirected(">&-", &["validate", "good.yaml", "-q"]);
    assert!(said.err.contains("cannot write to standard output"), "{}", said.err);
    for thrown_away in [">/dev/null", "1<>/dev/null", "<&- 2>&-"] {
        let said = redirected(thrown_away, &["validate", "good.yaml"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{thrown_away}");
    }
}

#[test]
fn a_stale_report_never_outlives_the_command_that_replaces_it() {
    let cli = plans();
    let stale = || {
        cli.write("junit.xml", "<testsuites tests=\"9\" failures=\"0\"/>");
        cli.write("report.md", "✓ Done");
        cli.write("report.html", "✓ Done");
        cli.write("reviewed.json", "{}");
    };
    let files =
        ["--junit", "junit.xml", "--report-md", "report.md", "--report-html", "report.html"];
    // Without a key nothing can begin: the plan was read, and none of its assertions was reached.
    stale();
    let run = cli.run(&[&["run", "good.yaml"][..], &files].concat());
    assert_eq!(run.code, 3, "{run:?}");
    let junit = read(&cli, "junit.xml");
    assert!(junit.contains("<error") && junit.contains("PINECONE_API_KEY"), "{junit}");
    assert_eq!(junit.matches("<skipped").count(), 3, "{junit}");
    assert!(junit.contains("enough: source.records &gt; 10"), "{junit}");
    let markdown = read(&cli, "report.md");
    assert!(
        markdown.contains("PINECONE_API_KEY") && markdown.contains("3 assertions"),
        "{markdown}"
    );
    let page = read(&cli, "report.html");
    assert!(page.contains("PINECONE_API_KEY") && page.contains("3 assertions"), "{page}");

    stale();
    cli.write("wrong.yaml", "version: 1\nname: x\nsuorce: {}\n");
    assert_eq!(cli.run(&[&["run", "wrong.yaml"][..], &files].concat()).code, 3);
    let junit = read(&cli, "junit.xml");
    assert!(junit.contains("wrong.yaml:3:1"), "{junit}");

    stale();
    assert_eq!(cli.run(&[&["run", "--frob"][..], &files].concat()).code, 64);
    let junit = read(&cli, "junit.xml");
    assert!(junit.contains("--frob") && !junit.contains("tests=\"9\""), "{junit}");
    assert!(read(&cli, "report.html").contains("--frob"));

    stale();
    assert_eq!(cli.run(&["plan", "good.yaml", "--out", "reviewed.json"]).code, 3);
    assert_eq!(cli.run(&["run", "reviewed.json"]).code, 3, "no reviewed plan was made");
}

#[test]
fn a_report_that_is_not_there_yet_says_so_in_its_own_format() {
    let cli = plans();
    let files = ["--junit", "junit.xml", "--report-md", "report.md"];
    let mut child = cli
        .command(&[&["rehearse", "good.yaml", "--keep"][..], &files].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    // From here on it only serves; nothing counts as finished before.
    let is_kept = lines.map_while(Result::ok).any(|line| line.contains("goes on serving"));
    let (junit, markdown) = (read(&cli, "junit.xml"), read(&cli, "report.md"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_kept);
    assert!(junit.contains("has not finished") && junit.contains("errors=\"1\""), "{junit}");
    assert!(markdown.contains("has not finished"), "{markdown}");
}

#[test]
fn assertions_that_were_not_reached_are_skipped_and_ids_are_shown() {
    let cli = plans();
    let files = ["--junit", "junit.xml", "--report-md", "report.md"];
    let said = cli.run(&[&["rehearse", "bad.yaml"][..], &files].concat());
    assert_eq!(said.code, 4);
    let junit = read(&cli, "junit.xml");
    assert!(junit.contains("name=\"enough: source.records &gt; 1000\""), "{junit}");
    assert!(
        junit.contains("<testcase name=\"target.ready == true\" classname=\"create\""),
        "{junit}"
    );
    assert!(junit.contains("<skipped message=\"not reached\"/>"), "{junit}");
    assert!(said.out.contains("enough: source.records"), "{}", said.out);
    assert!(read(&cli, "report.md").contains("enough: `source.records > 1000`"));
    let json = cli.json(&["rehearse", "bad.yaml"]);
    assert_eq!(json["report"]["unreached"][0]["text"], "target.ready == true");
}

#[test]
fn a_wrong_command_line_is_json_where_json_is_asked_for() {
    let cli = plans();
    for (arguments, words) in [
        (&["run"][..], "<PLAN>"),
        (&["run", "good.yaml", "--frob"], "--frob"),
        (&["run", "good.yaml", "--until", "nowhere"], "nowhere"),
        (&["bake"], "bake"),
        (&[], "command"),
    ] {
        let json = cli.json(arguments);
        assert_eq!(json["exit"]["code"], 64, "{arguments:?}: {json}");
        assert_eq!(json["error"]["kind"], "usage", "{json}");
        assert!(json["error"]["message"].as_str().unwrap().contains(words), "{json}");
    }
    assert_eq!(cli.json(&["run"])["command"], "run");
}

/// Runs the command as in GitHub Actions, in a folder of the workspace.
fn on_github(cli: &Cli, folder: &str, arguments: &[&str]) -> (Said, String, String) {
    let (summary, outputs) = (cli.path("summary.md"), cli.path("outputs"));
    for file in [&summary, &outputs] {
        let _ = std::fs::remove_file(file);
    }
    let mut command: Command = cli.command(arguments);
    command
        .current_dir(cli.path(folder))
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", cli.folder.path())
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("GITHUB_OUTPUT", &outputs);
    let said = said(&command.output().unwrap());
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    (said, read(&summary), read(&outputs))
}

#[test]
fn every_ending_reaches_github() {
    let cli = plans();
    cli.write("wrong.yaml", "version: 1\nname: x\nsuorce: {}\n");
    for (arguments, code, words) in [
        (&["validate", "good.yaml"][..], 0, "Valid: small"),
        (&["validate", "wrong.yaml"], 3, "unknown key"),
        (&["plan", "good.yaml"], 3, "PINECONE_API_KEY"),
        (&["run", "wrong.yaml"], 3, "unknown key"),
        (&["run", "good.yaml"], 3, "PINECONE_API_KEY"),
        (&["rehearse", "good.yaml"], 0, "✓ Done"),
        (&["rehearse", "bad.yaml"], 4, "✗ Failed"),
        (&["run", "good.yaml", "--until", "nowhere"], 64, "nowhere"),
        (&["run", "--frob"], 64, "--frob"),
    ] {
        let (said, summary, outputs) = on_github(&cli, ".", arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert!(outputs.contains(&format!("exit-code={code}\n")), "{arguments:?}: {outputs}");
        assert!(summary.contains(words), "{arguments:?}: {summary}");
        let is_error = said.err.lines().any(|line| line.starts_with("::error "));
        assert_eq!(is_error, code != 0, "{arguments:?}: {}", said.err);
    }
}

#[cfg(unix)]
#[test]
fn annotations_are_on_the_lines_of_the_workspace() {
    let cli = Cli::new();
    std::fs::create_dir_all(cli.path("plans/deep")).unwrap();
    cli.write("plans/p.yaml", "version: 1\nname: x\nsuorce: {}\n");
    std::os::unix::fs::symlink("p.yaml", cli.path("plans/link.yaml")).unwrap();
    let absolute = cli.path("plans/p.yaml");
    let absolute = absolute.to_str().unwrap();
    for (folder, path) in [
        (".", "plans/p.yaml"),
        ("plans", "p.yaml"),
        ("plans", "./p.yaml"),
        ("plans", "link.yaml"),
        ("plans/deep", "../p.yaml"),
        ("plans", absolute),
    ] {
        let (said, ..) = on_github(&cli, folder, &["validate", path]);
        let is_there = |line: &str| line.starts_with("::error file=plans/p.yaml,line=3,col=1,");
        assert!(said.err.lines().any(is_there), "{path}: {}", said.err);
    }
}
