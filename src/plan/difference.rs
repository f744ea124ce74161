//! Differences between two plans, in the plan's own words.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Plan;
use super::check::Checked;
use super::file::PlanFile;
use super::template::Bindings;
use crate::text::{apart, hex};

/// Most characters of a value that are shown.
const LONGEST: usize = 80;
/// Keys of a plan that are no part of what was reviewed (see [`digest`](super::digest)).
const UNREVIEWED: [&str; 5] = ["description", "extends", "rehearsal", "vars", "env"];

impl Plan {
    /// Returns what was reviewed of the plan, as JSON that can be kept and compared with another one by
    /// [`differences`]: the plan with its templates resolved, the values of `vars` and `env`, and for each lookup a
    /// checksum of its rows.
    pub fn reviewed(&self) -> Value {
        self.reviewed.clone()
    }
}

pub(super) fn reviewed(file: &PlanFile, checked: &Checked, bindings: &Bindings) -> Value {
    let mut plan = serde_json::to_value(file).unwrap_or_default();
    if let Value::Object(plan) = &mut plan {
        plan.retain(|key, _| !UNREVIEWED.contains(&key.as_str()));
    }
    let rows = |rows: &BTreeMap<String, String>| {
        let sum = Sha256::digest(json!(rows).to_string());
        format!("{} rows, sha256:{}", rows.len(), hex(&sum[..6]))
    };
    let lookups: BTreeMap<_, _> =
        checked.lookups.iter().map(|(name, lookup)| (name, rows(lookup))).collect();
    let ids: Vec<_> = checked.stages.iter().map(|stage| &stage.id).collect();
    json!({ "plan": plan, "stages": ids, "values": bindings.to_json(), "lookups": lookups })
}

/// Returns the differences between two reviewed plans, one sentence each:
/// `canary, assertion 4: p95(query) < 100ms became < 120ms`.
pub fn differences(then: &Value, now: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let part = |document: &Value, key: &str| match document.get(key) {
        Some(Value::Object(part)) => part.clone(),
        _ => Map::new(),
    };
    let (mut plan_then, mut plan_now) = (part(then, "plan"), part(now, "plan"));
    let stages = (take_stages(&mut plan_then, then), take_stages(&mut plan_now, now));
    objects(&[], &plan_then, &plan_now, &mut found);
    compare_stages(&stages.0, &stages.1, &mut found);
    let (then_values, now_values) = (part(then, "values"), part(now, "values"));
    for (key, word) in [("vars", "variable"), ("env", "environment variable")] {
        let of = |values: &Map<String, Value>| match values.get(key) {
            Some(Value::Object(values)) => values.clone(),
            _ => Map::new(),
        };
        objects(&[word.to_owned()], &of(&then_values), &of(&now_values), &mut found);
    }
    objects(&["lookup".to_owned()], &part(then, "lookups"), &part(now, "lookups"), &mut found);
    found
}

/// A stage's id and its keys side by side, as they stand in the plan.
type Stages = Vec<(String, Map<String, Value>)>;

fn take_stages(plan: &mut Map<String, Value>, document: &Value) -> Stages {
    let stages = plan.remove("stages").unwrap_or_default();
    let ids = document.get("stages").cloned().unwrap_or_default();
    let stages = stages.as_array().cloned().unwrap_or_default();
    let flat = |(index, stage): (usize, Value)| {
        let mut keys = Map::new();
        for half in ["kind", "common"] {
            if let Some(Value::Object(half)) = stage.get(half) {
                keys.extend(half.clone());
            }
        }
        keys.remove("id");
        let id = ids.get(index).and_then(Value::as_str).unwrap_or_default();
        (id.to_owned(), keys)
    };
    stages.into_iter().enumerate().map(flat).collect()
}

fn compare_stages(then: &Stages, now: &Stages, found: &mut Vec<String>) {
    let of = |stages: &Stages, id: &str| {
        stages.iter().find(|(known, _)| known == id).map(|(_, keys)| keys.clone())
    };
    for (id, keys) in now {
        match of(then, id) {
            Some(before) => objects(std::slice::from_ref(id), &before, keys, found),
            None => found.push(format!("stage {id} was added")),
        }
    }
    let removed = then.iter().filter(|(id, _)| of(now, id).is_none());
    found.extend(removed.map(|(id, _)| format!("stage {id} was removed")));
    let order = |stages: &Stages, others: &Stages| -> Vec<String> {
        let both = stages.iter().filter(|(id, _)| of(others, id).is_some());
        both.map(|(id, _)| id.clone()).collect()
    };
    let (before, after) = (order(then, now), order(now, then));
    if before != after {
        found.push(format!(
            "the order of the stages: {} became {}",
            before.join(", "),
            after.join(", ")
        ));
    }
}

fn objects(
    at: &[String],
    then: &Map<String, Value>,
    now: &Map<String, Value>,
    found: &mut Vec<String>,
) {
    let keys: std::collections::BTreeSet<_> = then.keys().chain(now.keys()).collect();
    for key in keys {
        let at = [at, std::slice::from_ref(key)].concat();
        values(&at, then.get(key.as_str()), now.get(key.as_str()), found);
    }
}

fn values(at: &[String], then: Option<&Value>, now: Option<&Value>, found: &mut Vec<String>) {
    let is_nothing = |value: &Option<&Value>| matches!(value, None | Some(Value::Null));
    match (then, now) {
        _ if then == now || (is_nothing(&then) && is_nothing(&now)) => {}
        (Some(Value::Object(then)), Some(Value::Object(now))) => objects(at, then, now, found),
        (Some(Value::Array(then)), Some(Value::Array(now))) => lists(at, then, now, found),
        // An empty list is left out of the document.
        (None, Some(Value::Array(now))) => lists(at, &[], now, found),
        (Some(Value::Array(then)), None) => lists(at, then, &[], found),
        (Some(then), Some(now)) if !then.is_null() && !now.is_null() => {
            let [then, now] = apart(&text(then), &text(now), LONGEST);
            found.push(format!("{}: {then} became {now}", at.join(", ")));
        }
        (Some(then), _) if !then.is_null() => {
            found.push(format!("{}: {} was removed", at.join(", "), words(then)));
        }
        (_, Some(now)) => found.push(format!("{}: {} was added", at.join(", "), words(now))),
        _ => {}
    }
}

/// Compares two lists. Equal items at the beginning and at the end are no change; of the rest the first became the
/// first.
fn lists(at: &[String], then: &[Value], now: &[Value], found: &mut Vec<String>) {
    let same = |pairs: &mut dyn Iterator<Item = (&Value, &Value)>| {
        pairs.take_while(|(then, now)| then == now).count()
    };
    let head = same(&mut then.iter().zip(now));
    let tail = same(&mut then[head..].iter().rev().zip(now[head..].iter().rev()));
    let (then, now) = (&then[head..then.len() - tail], &now[head..now.len() - tail]);
    let (mut paired, mut added) = (Vec::new(), Vec::new());
    let mut left: Vec<usize> = (0..then.len()).collect();
    for (index, item) in now.iter().enumerate() {
        // An assertion of the same metric is the same assertion, wherever it stands.
        let alike = left.iter().position(|at| match (metric(&then[*at]), metric(item)) {
            (Some(one), Some(other)) => one == other,
            _ => *at == index,
        });
        match alike {
            Some(place) => paired.push((left.remove(place), index)),
            None => added.push(index),
        }
    }
    // What is left on both sides is paired in order.
    while let (Some(first), false) = (added.first().copied(), left.is_empty()) {
        paired.push((left.remove(0), first));
        added.remove(0);
    }
    paired.sort_unstable_by_key(|(_, index)| *index);
    for (before, index) in paired {
        let at = numbered(at, head + index);
        match (checked(&then[before]), checked(&now[index])) {
            (Some(one), Some(other)) if one != other && then[before].is_string() => {
                found.push(format!("{}: {}", at.join(", "), became(one, other)));
            }
            _ => values(&at, Some(&then[before]), Some(&now[index]), found),
        }
    }
    let say = |index: usize, item: &Value, what: &str| {
        format!("{}: {} was {what}", numbered(at, head + index).join(", "), words(item))
    };
    found.extend(added.into_iter().map(|index| say(index, &now[index], "added")));
    found.extend(left.into_iter().map(|index| say(index, &then[index], "removed")));
}

/// Names an item of a list: `canary, steps` and 1 make `canary, step 2`.
fn numbered(at: &[String], index: usize) -> Vec<String> {
    let Some((last, before)) = at.split_last() else { return vec![format!("{}", index + 1)] };
    let word = match last.as_str() {
        "assert" => "assertion",
        plural => plural.strip_suffix('s').unwrap_or(plural),
    };
    let mut at = before.to_vec();
    at.push(format!("{word} {}", index + 1));
    at
}

/// Returns the text of an assertion in its short or long form.
fn checked(item: &Value) -> Option<&str> {
    item.as_str().or_else(|| item.get("check")?.as_str())
}

/// Returns the metric that an assertion measures.
fn metric(item: &Value) -> Option<&str> {
    let (metric, rest) = checked(item)?.split_once(' ')?;
    rest.starts_with(['<', '>', '=', '!']).then_some(metric)
}

/// Describes a change: `p95(query) < 100ms became < 120ms`.
fn became(then: &str, now: &str) -> String {
    let (one, other) = (then.split_once(' '), now.split_once(' '));
    match (one, other) {
        (Some((metric, _)), Some((same, rest))) if metric == same => {
            format!("{then} became {rest}")
        }
        _ => format!("{then} became {now}"),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writes a value as briefly as possible.
fn words(value: &Value) -> String {
    let text = text(value);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Inputs;
    use super::*;
    use crate::provider::language;

    const PLAN: &str = r#"version: 1
name: moving
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
vars: { limit: { default: 60 } }
traffic:
  flagd: { file: flags.json, flag: use-new, bucket_by: user }
stages:
  - kind: audit
    assert: ["source.records <= {{ vars.limit }}", source.rejects == 0]
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    rate: 100/s
    assert: [copy.complete == true]
  - kind: canary
    steps: [{ weight: 5%, bake: 1h }, { weight: 100%, bake: 2h }]
    assert: [error_rate < 1%, "p95(query) < 100ms"]
"#;

    fn reviewed(text: &str) -> Value {
        language()
            .read_text(Path::new("moving.yaml"), text.to_owned(), &Inputs::default())
            .unwrap()
            .plan
            .reviewed()
    }

    fn changed(from: &str, to: &str) -> Vec<String> {
        assert!(PLAN.contains(from), "{from}");
        differences(&reviewed(PLAN), &reviewed(&PLAN.replace(from, to)))
    }

    #[test]
    fn every_kind_of_change_is_named_with_its_stage_and_both_values() {
        let cases = [
            ("< 100ms", "< 120ms", "canary, assertion 2: p95(query) < 100ms became < 120ms"),
            ("rate: 100/s", "rate: 200/s", "copy, rate: 100/s became 200/s"),
            ("    rate: 100/s\n", "", "copy, rate: 100/s was removed"),
            ("kind: copy", "kind: copy\n    parallel: 3", "copy, parallel: 3 was added"),
            ("bake: 2h", "bake: 3h", "canary, step 2, bake: 2h became 3h"),
            ("index: new }", "index: newer }", "target, index: new became newer"),
            ("flags.json", "other.json", "traffic, flagd, file: flags.json became other.json"),
            ("error_rate < 1%, ", "", "canary, assertion 1: error_rate < 1% was removed"),
            (
                "[error_rate",
                "[\"p99(query) < 1s\", error_rate",
                "canary, assertion 1: p99(query) < 1s was added",
            ),
            (
                "kind: audit",
                "kind: audit\n    needs_approval: true",
                "audit, needs_approval: true was added",
            ),
        ];
        for (from, to, expected) in cases {
            assert_eq!(changed(from, to), [expected], "{from} -> {to}");
        }
    }

    #[test]
    fn what_a_template_makes_of_a_variable_is_named_too() {
        assert_eq!(
            changed("default: 60", "default: 70"),
            [
                "audit, assertion 1: source.records <= 60 became <= 70",
                "variable, limit: 60 became 70"
            ]
        );
    }

    #[test]
    fn stages_are_known_by_their_ids() {
        let found = changed("  - kind: copy\n", "  - kind: copy\n    id: move\n");
        assert_eq!(found, ["stage move was added", "stage copy was removed"]);
    }

    #[test]
    fn what_is_not_reviewed_makes_no_difference() {
        assert!(changed("name: moving", "name: moving\ndescription: other").is_empty());
    }
}
