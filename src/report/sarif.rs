//! The mistakes of a plan for code scanning: SARIF 2.1.0, as GitHub takes it (docs.github.com, "SARIF support for code
//! scanning", 2026-11).

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Early, Problem};
use crate::model::Place;
use crate::plan::Code;
use crate::text::{capital, hex};

/// Renders the problems of a command as SARIF; the paths of their places are relative to the repository. `codes` are those
/// that a plan can have. What kept the command from looking at the plan is no result but a failure of the tool.
pub fn sarif(early: &Early, codes: &[&Code]) -> String {
    let placed = || early.problems.iter().filter_map(|one| Some((one, one.place.as_ref()?)));
    let mut ids: Vec<&str> = placed().map(|(problem, _)| problem.kind.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let code = |id: &str| codes.iter().find(|code| code.code == id).copied();
    let rules: Vec<Value> = ids.iter().map(|id| rule(id, code(id))).collect();
    let results: Vec<Value> =
        placed().map(|(problem, place)| result(problem, place, &ids)).collect();
    let others: Vec<&Problem> = early.problems.iter().filter(|one| one.place.is_none()).collect();
    let notes: Vec<Value> = others
        .iter()
        .map(|one| json!({ "level": one.level.name(), "message": { "text": one.text() } }))
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "vecshift",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            // Two plans of one commit do not replace each other.
            "automationDetails": { "id": format!("vecshift/{}/", early.name()) },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": notes.is_empty(),
                "toolExecutionNotifications": notes,
            }],
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rule(id: &str, code: Option<&Code>) -> Value {
    let Some(code) = code else { return json!({ "id": id }) };
    let meaning = format!("{}\n\n{}", code.meaning, code.fix);
    let page = format!("{}\n\n```yaml\n{}\n```\n\n{}\n", code.meaning, code.example, code.fix);
    json!({
        "id": id,
        "name": code.name.split('-').map(capital).collect::<String>(),
        "shortDescription": { "text": capital(&code.name.replace('-', " ")) + "." },
        "fullDescription": { "text": code.meaning },
        "help": { "text": meaning, "markdown": page },
        "defaultConfiguration": { "level": code.level.name() },
    })
}

fn result(problem: &Problem, place: &Place, ids: &[&str]) -> Value {
    let uri = uri(&place.file);
    // The same mistake is the same one wherever it moves in its file.
    let mark = Sha256::digest(format!("{}\0{uri}\0{}", problem.kind, problem.message));
    json!({
        "ruleId": problem.kind,
        "ruleIndex": ids.iter().position(|id| *id == problem.kind),
        "level": problem.level.name(),
        "message": { "text": problem.text() },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri, "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": place.line.max(1), "startColumn": place.column.max(1) },
        } }],
        "partialFingerprints": { "vecshift/v1": hex(&mark[..16]) },
    })
}

/// Writes a path as a relative reference (RFC 3986, section 4.2).
fn uri(path: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    let letter = |byte: u8| match is_plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    path.trim_start_matches("./").bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_reference() {
        assert_eq!(uri("./plans/a b/ü.yaml"), "plans/a%20b/%C3%BC.yaml");
        assert_eq!(uri("a:b#c.yaml"), "a%3Ab%23c.yaml");
    }
}
