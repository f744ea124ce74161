//! A plan before it runs, as a reviewer sees it: the comment of a pull request, what a change of the plan changes, and the
//! mistakes of a plan for code scanning.

use serde_json::Value;

use crate::cli_rig::{Cli, Emulated};

const PLAN: &str = r#"version: 1
name: moving
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  flagd: { file: flag.json, flag: new-index, bucket_by: user }
hooks:
  - { when: before_run, run: [/bin/echo, "| `x` <b>"] }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    namespaces: { rename: "NEW{{ namespace }}" }
    assert: [copy.complete == true]
  - kind: canary
    steps: [{ weight: 50%, bake: 30m }, { weight: 100%, bake: 1h, approve: manual }]
    assert: [error_rate < 5% over 10m]
  - { kind: decommission, after: 1d, confirm: old }
rehearsal:
  source: { kind: pod, records: RECORDS, namespaces: RECORDS, dimension: 8 }
"#;

const HOSTILE: &str = "a|b`c<script>@all *_";

fn plan(records: u64, new: &str) -> String {
    PLAN.replace("RECORDS", &records.to_string()).replace("NEW", new)
}

fn world(records: u64, new: &str) -> (Cli, Emulated) {
    let cli = Cli::new();
    cli.write("plan.yaml", &plan(records, new));
    let emulated = Emulated::start(&cli, "plan.yaml", records);
    (cli, emulated)
}

/// Returns where each text begins, in the order given.
fn places(text: &str, parts: &[&str]) -> Vec<usize> {
    parts.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"))).collect()
}

#[test]
fn a_comment_says_first_what_cannot_be_undone_and_last_what_to_type() {
    let (cli, emulated) = world(6, "to_");
    let arguments = ["plan", "plan.yaml", "--format", "md", "--out", "reviewed.json"];
    let mut command = emulated.command(&cli, &arguments);
    command.env("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567");
    let said = crate::cli_rig::said(&command.output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
    let first = said.out.lines().next().unwrap();
    assert!(first.starts_with("<!-- vecshift:plan name=moving digest=sha256:"), "{first}");
    assert!(first.ends_with("sha=0123456789abcdef0123456789abcdef01234567 -->"), "{first}");
    let parts = [
        "## vecshift plan: moving",
        "**Plan: 1 to create, 6 namespaces to copy, 2 traffic shifts, 1 to delete (irreversible).**",
        "> [!CAUTION]",
        "`decommission` deletes old, 24 h later; it holds 6 records now.",
        "| from | `old` |",
        "| # | stage | what would happen | estimate | undo |",
        "### Look at this",
        "has to be confirmed: `--confirm old`",
        "### Commands that would run",
        "before_run /bin/echo",
        "<details>",
        "<summary>6 namespaces, all renamed</summary>",
        "**Next:** `vecshift run reviewed.json`",
        "commit `0123456789ab`",
    ];
    let places = places(&said.out, &parts);
    assert!(places.is_sorted(), "{places:?}: {}", said.out);
}

#[test]
fn what_others_wrote_breaks_no_table_and_notifies_nobody() {
    let (cli, emulated) = world(3, HOSTILE);
    let said = emulated.run(&cli, &["plan", "plan.yaml", "--format", "md"]);
    assert_eq!(said.code, 0, "{said:?}");
    // A table's row has as many cells as its header, whatever is in them.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut columns = None;
    let mut rows = 0;
    for line in said.out.lines() {
        let Some(expected) = columns.filter(|_| line.starts_with('|')) else {
            columns = line.starts_with('|').then(|| cells(line));
            continue;
        };
        assert_eq!(cells(line), expected, "{line}");
        rows += 1;
    }
    assert!(rows > 10, "{}", said.out);
    let hostile = said.out.lines().filter(|line| line.contains("script"));
    for line in hostile {
        // Within code nothing is Markdown, and nobody is notified.
        assert!(line.contains("``a\\|b`c<script>@all *_"), "{line}");
    }
    assert!(said.out.contains("before_run /bin/echo | `x` <b>``"), "{}", said.out);
}

#[test]
fn a_comment_is_never_longer_than_github_takes_and_says_what_is_left_out() {
    let (cli, emulated) = world(1500, &"long_".repeat(9));
    let said = emulated.run(&cli, &["plan", "plan.yaml", "--format", "md"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.len() <= 60_000, "{}", said.out.len());
    let parts = ["> [!NOTE]", " names of namespaces are shown", "> [!CAUTION]", "**Next:**"];
    let places = places(&said.out, &parts);
    assert!(places.is_sorted(), "{places:?}");
    assert!(said.out.trim_end().ends_with("</sub>"));
    assert_eq!(said.out.matches("<details>").count(), said.out.matches("</details>").count());
}

#[test]
fn a_change_is_shown_by_what_would_be_done_otherwise() {
    let (cli, emulated) = world(4, "to_");
    let before = plan(4, "was_").replace("bake: 30m", "bake: 10m");
    let before: String = before
        .lines()
        .filter(|line| !line.contains("decommission"))
        .map(|line| format!("{line}\n"))
        .collect();
    cli.write("before.yaml", &before);
    let against = ["plan", "plan.yaml", "--against", "before.yaml"];
    let said = emulated.run(&cli, &against);
    assert_eq!(said.code, 0, "{said:?}");
    for part in [
        "would do: decommission deletes the source: nothing did before",
        "would do: decommission is new",
        "says: canary, step 1, bake: 10m became 30m",
        "was_",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let document: Value =
        serde_json::from_str(&emulated.run(&cli, &[&against[..], &["--json"]].concat()).out)
            .unwrap();
    assert_eq!(document["against"]["namespaces"]["renamed"].as_array().unwrap().len(), 4);
    assert_eq!(document["against"]["is_same_plan"], false);
    let said = emulated.run(&cli, &[&against[..], &["--format", "md"]].concat());
    assert!(said.out.contains("### Against `before.yaml`"), "{}", said.out);
    assert!(said.out.contains("Namespaces: 4 renamed otherwise."), "{}", said.out);
}

#[test]
fn a_review_is_held_against_what_it_showed() {
    let (cli, emulated) = world(4, "to_");
    let said = emulated.run(&cli, &["plan", "plan.yaml", "--out", "reviewed.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let against = ["plan", "plan.yaml", "--against", "reviewed.json"];
    let said = emulated.run(&cli, &against);
    assert!(said.out.contains("the same plan, and it would do the same"), "{}", said.out);
    // The world may change while the plan does not.
    let document = std::fs::read_to_string(cli.path("reviewed.json")).unwrap();
    let mut document: Value = serde_json::from_str(&document).unwrap();
    document["preview"]["namespaces"].as_array_mut().unwrap().pop();
    cli.write("reviewed.json", &document.to_string());
    let said = emulated.run(&cli, &against);
    let words = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the world has changed"), "{words}");
    assert!(said.out.contains("is new:"), "{}", said.out);
}

#[test]
fn another_plan_that_cannot_be_read_or_seen_is_said() {
    let (cli, emulated) = world(2, "to_");
    let said = emulated.run(&cli, &["plan", "plan.yaml", "--against", "nowhere.yaml"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("nowhere.yaml"), "{}", said.err);
    let other = plan(2, "to_").replace("index: old", "index: elsewhere");
    cli.write("other.yaml", &other.replace("confirm: old", "confirm: elsewhere"));
    let said = emulated.run(&cli, &["plan", "plan.yaml", "--against", "other.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("only their words:"), "{}", said.out);
    assert!(said.out.contains("elsewhere became old"), "{}", said.out);
}

#[test]
fn mistakes_are_results_of_code_scanning_on_lines_of_the_repository() {
    let cli = Cli::new();
    std::fs::create_dir(cli.path("a b")).unwrap();
    cli.write("a b/plan.yaml", &plan(2, "to_").replace("bake: 30m", "bakes: 30m"));
    let sarif = |arguments: &[&str]| {
        let mut command = cli.command(arguments);
        command.env("GITHUB_WORKSPACE", cli.folder.path());
        let said = crate::cli_rig::said(&command.output().unwrap());
        let text = std::fs::read_to_string(cli.path("out.sarif")).unwrap();
        (said, serde_json::from_str::<Value>(&text).unwrap())
    };
    let file = cli.path("a b/plan.yaml").display().to_string();
    let (said, document) = sarif(&["validate", &file, "--sarif", "out.sarif"]);
    assert_eq!(said.code, 3, "{said:?}");
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty(), "{document}");
    for result in results {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/plan.yaml", "{result}");
        assert!(place["region"]["startLine"].as_u64().unwrap() > 1, "{result}");
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);

    cli.write("good.yaml", &plan(2, "to_"));
    let (said, document) = sarif(&["validate", "good.yaml", "--sarif", "out.sarif"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(document["runs"][0]["automationDetails"]["id"], "vecshift/moving/");
    let levels: Vec<_> = document["runs"][0]["results"].as_array().unwrap().iter().collect();
    assert!(levels.iter().all(|result| result["level"] == "warning"), "{document}");

    // What keeps the plan from being looked at is no mistake of it.
    let (said, document) =
        sarif(&["validate", "good.yaml", "--sarif", "out.sarif", "--var-file", "none"]);
    assert_ne!(said.code, 0, "{said:?}");
    assert_eq!(document["runs"][0]["invocations"][0]["executionSuccessful"], false, "{document}");
    assert_eq!(document["runs"][0]["results"].as_array().unwrap().len(), 0, "{document}");
}
