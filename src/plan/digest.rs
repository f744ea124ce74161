//! The digest that binds a review to a run.
//!
//! It covers everything that changes what would be done: the resolved plan with its defaults written out,
//! assertions by their meaning, the values of `vars` and `env`, and the rows of the lookups. It does not
//! cover comments, the order of keys, formatting, `description`, the name of an extended file (its content
//! is covered) and `rehearsal`, which `run` never reads. Of files other than lookups it covers the path; of
//! secrets the reference.
//!
//! A key that is left out and one that gives the default in words the types know (`writes: paused`) are the
//! same plan; a number that happens to be the default of this version (`sample: 500`) is not, because
//! another version may have another.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Assertion;
use super::check::Checked;
use super::file::PlanFile;
use super::template::Bindings;
use crate::text::hex;

/// Returns `sha256:` and the hexadecimal digest.
pub(crate) fn digest(file: &PlanFile, checked: &Checked, bindings: &Bindings) -> String {
    let canonical = sorted(canonical(file, checked, bindings));
    format!("sha256:{}", hex(Sha256::digest(canonical.to_string())))
}

fn canonical(file: &PlanFile, checked: &Checked, bindings: &Bindings) -> Value {
    let mut plan = serde_json::to_value(file).unwrap_or_default();
    if let Value::Object(plan) = &mut plan {
        for key in ["description", "extends", "rehearsal", "vars", "env"] {
            plan.remove(key);
        }
    }
    for (index, stage) in checked.stages.iter().enumerate() {
        let assertions: Vec<_> = stage.assertions.iter().map(Assertion::without_place).collect();
        let common = &mut plan["stages"][index]["common"];
        if common.is_object() {
            common["assert"] = serde_json::to_value(assertions).unwrap_or_default();
        }
    }
    serde_json::json!({
        "plan": plan,
        "bindings": bindings.to_json(),
        "lookups": checked.lookups,
    })
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(
                entries.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
