//! Places whose templates are evaluated later, and what is known then.

use super::super::node::Node;

/// Returns the names a late place knows besides `vars` and `env`; `None` if the place is evaluated at once.
pub(super) fn late_names(pointer: &str, lookups: &[(String, Vec<String>)]) -> Option<Vec<String>> {
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    let fixed: &[&str] = match steps.as_slice() {
        ["stages", _, "namespaces", "rename"] => &["namespace"],
        ["stages", _, "metadata", "set", ..] => &["namespace", "id", "metadata"],
        ["hooks", _, "http", ..] | ["stages", _, "rollback", _, "http", ..] => &["event"],
        ["traffic", "webhook", ..] => &["weight", "plan", "salt"],
        ["rehearsal", "source", "namespace_names"] => &["n"],
        _ => return None,
    };
    let mut names: Vec<String> = fixed.iter().map(|name| (*name).to_owned()).collect();
    if let ["stages", index, "namespaces" | "metadata", ..] = steps.as_slice() {
        let stage = format!("/stages/{index}");
        let of_stage = lookups.iter().filter(|(pointer, _)| *pointer == stage);
        names.extend(of_stage.flat_map(|(_, names)| names.clone()));
    }
    Some(names)
}

/// Returns the names of each stage's lookups.
pub(super) fn lookups(root: &Node) -> Vec<(String, Vec<String>)> {
    let stages = root.get("stages").map(Node::items).unwrap_or_default();
    let names = |stage: &Node| {
        let lookup = stage.get_like("namespaces")?.get_like("lookup")?;
        Some(lookup.entries().iter().map(|entry| entry.key.clone()).collect())
    };
    stages
        .iter()
        .enumerate()
        .filter_map(|(index, stage)| Some((format!("/stages/{index}"), names(stage)?)))
        .collect()
}
