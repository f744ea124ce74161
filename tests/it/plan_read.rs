//! Reading plans: the result, the coverage of the digest, the effect of inputs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vecshift::model::StageId;
use vecshift::plan::{self, Comparison, Diagnostics, Inputs, Plan, Severity, Threshold};
use vecshift::provider::language;

fn read(path: &str) -> Plan {
    match language().read(Path::new(path), &inputs()) {
        Ok(read) => read.plan,
        Err(found) => panic!("{found}"),
    }
}

fn inputs() -> Inputs {
    let env = BTreeMap::from([("HOME_REGION".to_owned(), "eu-west-1".to_owned())]);
    Inputs { env, ..Inputs::default() }
}

/// A folder that holds a plan and its lookup.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("creators.csv", "namespace,creator_id\ntwin_001,a7\n");
        folder
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, text: &str, vars: &[(&str, &str)]) -> Result<Plan, Diagnostics> {
        let vars = vars.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let inputs = Inputs { vars, ..Inputs::default() };
        let path = self.0.path().join("plan.yaml");
        language().read_text(&path, text.to_owned(), &inputs).map(|read| read.plan)
    }

    fn read_all(&self, text: &str) -> Result<plan::Read, Diagnostics> {
        language().read_text(&self.0.path().join("plan.yaml"), text.to_owned(), &inputs())
    }

    fn digest(&self, text: &str) -> String {
        self.read(text, &[]).unwrap_or_else(|found| panic!("{found}")).digest
    }
}

const PLAN: &str = "\
version: 1
name: example
vars: { prefix: { default: creator } }
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: copy
    namespaces:
      rename: \"{{ vars.prefix }}_{{ creator }}_{{ namespace }}\"
      lookup: { creator: { file: creators.csv, key: namespace, value: creator_id } }
    assert: [copy.failed == 0]
  - kind: verify
    queries: { count: 500, rate: 20/s }
    assert: [p95(query) < 100ms]
";

#[test]
fn the_sample_is_read_whole() {
    let plan = read("tests/plans/valid/sample.yaml");
    let ids: Vec<_> = plan.stages.iter().map(|stage| stage.id.as_str()).collect();
    assert_eq!(ids, ["audit", "create", "copy", "verify", "canary", "decommission"]);
    assert_eq!(plan.lookups["creator"]["twin_001"], "a7");
    let canary = plan.stage(&StageId::from("canary")).unwrap();
    let [p95, errors, factor] = canary.assertions.as_slice() else { panic!("{canary:?}") };
    assert_eq!(p95.text, "p95(query) < 100ms over 10m");
    assert_eq!((p95.comparison, &p95.threshold), (Comparison::Less, &Threshold::Seconds(0.1)));
    assert_eq!((p95.min_samples, p95.tolerate_failures), (Some(200), 2));
    assert_eq!(errors.threshold, Threshold::Share(0.01));
    assert_eq!(factor.threshold, Threshold::TimesSource(1.2));
    assert_eq!(factor.severity, Severity::Warn);
    assert_eq!((p95.place.line, p95.place.column), (81, 16));
    assert_eq!(plan.create.as_ref().unwrap().dimension, Some(3072));
}

#[test]
fn late_templates_know_the_plans_variables() {
    let plan = Folder::new().read(PLAN, &[("prefix", "maker")]).unwrap();
    let rename = plan.template("{{ vars.prefix }}_{{ creator }}_{{ namespace }}").unwrap();
    let context = serde_json::json!({"namespace": "twin_001", "creator": "a7"});
    assert_eq!(rename.render(&context).unwrap(), "maker_a7_twin_001");
    assert!(rename.render(&serde_json::json!({"namespace": "twin_001"})).is_err());
}

#[test]
fn an_extending_plan_wins_key_by_key() {
    let plan = read("tests/plans/valid/extending.yaml");
    assert_eq!(plan.name, "extending");
    assert_eq!(plan.target.index, "new-eu");
    assert_eq!(plan.description.as_deref(), Some("Home is eu-west-1."));
    let spec = plan.create.as_ref().unwrap();
    assert_eq!(spec.own["serverless"]["region"], "eu-west-1");
    assert_eq!(spec.dimension, Some(384));
}

#[test]
fn the_digest_is_of_the_meaning() {
    let folder = Folder::new();
    let digest = folder.digest(PLAN);
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    for (change, from, to) in [
        ("a comment", "version: 1", "# moved\nversion: 1 # first"),
        ("quotes", "name: example", "name: 'example'"),
        ("a default written out", "version: 1", "version: 1\nwrites: paused"),
        ("a description", "version: 1", "version: 1\ndescription: Why."),
        ("spacing of an assertion", "p95(query) < 100ms", "\"p95( query )<100ms\""),
        ("the same threshold in another unit", "100ms", "0.1s"),
        (
            "flow style",
            "queries: { count: 500, rate: 20/s }",
            "queries:\n      rate: 1200/m\n      count: 5_00",
        ),
        (
            "the rehearsal",
            "version: 1",
            "version: 1\nrehearsal: { source: { kind: pod, records: 10 } }",
        ),
    ] {
        assert!(PLAN.contains(from));
        assert_eq!(folder.digest(&PLAN.replacen(from, to, 1)), digest, "{change}");
    }
    for (change, from, to) in [
        ("an index", "index: new", "index: newer"),
        ("a threshold", "100ms", "101ms"),
        ("a count", "count: 500", "count: 501"),
        ("a variable that is used later", "default: creator", "default: maker"),
        ("the severity", "[copy.failed == 0]", "[{ check: copy.failed == 0, severity: warn }]"),
    ] {
        assert!(PLAN.contains(from));
        assert_ne!(folder.digest(&PLAN.replacen(from, to, 1)), digest, "{change}");
    }
    folder.write("creators.csv", "namespace,creator_id\ntwin_001,b9\n");
    assert_ne!(folder.digest(PLAN), digest, "a row of a lookup");
}

#[test]
fn variables_come_from_outside_and_must_be_declared() {
    let folder = Folder::new();
    let plan = PLAN
        .replace("index: new", "index: \"{{ vars.index }}\"")
        .replace("vars: {", "vars: { index: {},");
    let found = folder.read(&plan, &[]).unwrap_err();
    assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), ["V012"]);
    assert_eq!(folder.read(&plan, &[("index", "new")]).unwrap().target.index, "new");
    let found = folder.read(&plan, &[("index", "new"), ("prefixx", "a")]).unwrap_err();
    let found: Vec<_> = found.iter().collect();
    assert_eq!(found[0].label.as_deref(), Some("did you mean `prefix`?"));
}

#[test]
fn a_file_that_is_not_there_is_a_diagnostic() {
    let found = language().read(Path::new("tests/plans/nowhere.yaml"), &inputs()).unwrap_err();
    assert_eq!(
        found.to_string(),
        "tests/plans/nowhere.yaml:1:1: V001 `tests/plans/nowhere.yaml` cannot be read: there is no such file"
    );
}

#[test]
fn a_file_that_is_not_text_is_a_diagnostic() {
    let folder = Folder::new();
    let path = folder.write("plan.yaml", "");
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    let found = language().read(&path, &inputs()).unwrap_err();
    assert!(found.to_string().ends_with("it is not UTF-8 text"), "{found}");
}

#[test]
fn places_can_be_asked_for_later() {
    let plan = Folder::new().read(PLAN, &[]).unwrap();
    let place = plan.place("/stages/1/assert/0");
    assert_eq!((place.line, place.column), (14, 14));
    assert_eq!(plan.place("/target/api_key").line, 5);
}

#[test]
fn a_large_file_is_refused_before_it_is_parsed() {
    let folder = Folder::new();
    let text = format!("{PLAN}# {}\n", "x".repeat(1024 * 1024));
    let path = folder.write("large.yaml", &text);
    for found in [language().read(&path, &inputs()), folder.read_all(&text)] {
        let found = found.unwrap_err();
        assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), ["V002"]);
    }
}

#[test]
fn a_secret_is_in_no_rendering() {
    let folder = Folder::new();
    let key = "sk-5d41402abc4b2a76b9719d911017c592";
    for wrong in [
        format!("api_key: {key}"),
        format!("api_key: {{ env: {key} }}"),
        format!("api_key: {{ value: \"{key}\" }}"),
        format!("api_key: [{key}]"),
    ] {
        let text = PLAN.replace("index: new }", &format!("index: new, {wrong} }} # {key}"));
        let found = folder.read(&text, &[]).unwrap_err();
        let all = format!(
            "{found} {found:?} {} {} {}",
            found.to_json(),
            found.render(plan::Colour::Never),
            found.render(plan::Colour::Always),
        );
        assert!(!all.contains("5d41402abc4b2a76b9719d911017c592"), "{wrong}");
    }
}

#[test]
fn diagnostics_are_json_with_their_places() {
    let found = Folder::new().read(&PLAN.replace("20/s", "20"), &[]).unwrap_err();
    let json = found.to_json();
    assert_eq!(json[0]["code"], "V024");
    assert_eq!(json[0]["level"], "error");
    assert_eq!(json[0]["place"]["line"], 13);
    assert_eq!(json[0]["place"]["column"], 34);
}

#[test]
fn words_are_explained() {
    assert!(plan::explain(language(), "V020").unwrap().contains("unknown-key"));
    assert!(plan::explain(language(), "unknown-key").unwrap().contains("V020"));
    assert!(plan::explain(language(), "p95(query)").unwrap().contains("nearest rank"));
    assert!(plan::explain(language(), "metrics").unwrap().contains("count_delta"));
    assert_eq!(plan::explain(language(), "happiness"), None);
}
