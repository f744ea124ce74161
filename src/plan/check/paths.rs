//! Paths that only a shell would understand. Nothing expands them here: a run would make a folder called `~`.

use super::super::codes;
use super::super::node::{Node, step};
use super::context::Context;

/// Keys below which any text can stand.
const TEXT: [&str; 9] =
    ["body", "description", "exclude", "filter", "headers", "metadata", "rename", "select", "vars"];

pub(super) fn check(context: &mut Context<'_>) {
    let mut found = Vec::new();
    walk(context.root, String::new(), &mut found);
    for (pointer, part) in found {
        let message = format!("`{part}` is taken as it stands: no shell reads it");
        context.report_with(&codes::SHELL_PATH, &pointer, message, |d| {
            d.label("write the path out, or from the plan's folder")
        });
    }
}

fn walk(node: &Node, pointer: String, found: &mut Vec<(String, String)>) {
    if let Some(part) = node.scalar().and_then(|scalar| shell_part(&scalar.text)) {
        found.push((pointer.clone(), part.to_owned()));
    }
    for (index, item) in node.items().iter().enumerate() {
        walk(item, format!("{pointer}/{index}"), found);
    }
    for entry in node.entries().iter().filter(|entry| !TEXT.contains(&entry.key.as_str())) {
        walk(&entry.value, format!("{pointer}/{}", step(&entry.key)), found);
    }
}

/// What a shell would expand at the beginning of a path: `~`, `~ada`, `$HOME`, `${HOME}`.
fn shell_part(text: &str) -> Option<&str> {
    let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")).unwrap_or(text);
    let (first, _) = path.split_once('/')?;
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_home = first.strip_prefix('~').is_some_and(is_name);
    let is_variable = first.strip_prefix('$').is_some_and(|name| {
        let braced = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        let name = braced.unwrap_or(name);
        !name.is_empty() && is_name(name)
    });
    (is_home || is_variable).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_expand_is_found() {
        for (text, part) in [
            ("~/x", "~"),
            ("file:~/backup", "~"),
            ("file://~/backup", "~"),
            ("~ada/x", "~ada"),
            ("$HOME/x", "$HOME"),
            ("file:${HOME}/x", "${HOME}"),
        ] {
            assert_eq!(shell_part(text), Some(part), "{text}");
        }
        for text in ["~", "a~/x", "./~x/y", "x/~/y", "$1.50", "s3://b/~/x", "/~/x", "~-x/y"] {
            assert_eq!(shell_part(text), None, "{text}");
        }
    }
}
