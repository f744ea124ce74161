//! Checks of namespace patterns, and of names that look like patterns.
//!
//! The syntax is `globset`'s: `*` matches any characters (`/` included), `?` one, `[ab]` one of them, `{a,b}` either.
//! What looks like another tool's pattern and would select something else, or nothing, is reported.

use super::super::codes;
use super::super::diagnostic::Diagnostic;
use super::super::file::{Copy, Namespaces};
use super::super::node::step;
use super::context::Context;

/// Checks the patterns of namespaces that are selected and left out.
pub(super) fn check(context: &mut Context<'_>, pointer: &str, namespaces: &Namespaces) {
    for (key, globs) in [("select", &namespaces.select), ("exclude", &namespaces.exclude)] {
        for (index, glob) in globs.iter().enumerate() {
            let at = format!("{pointer}/{key}/{index}");
            match globset::Glob::new(glob) {
                Err(error) => {
                    let message = format!("`{glob}` is not a pattern: {}", error.kind());
                    context.report(&codes::BAD_GLOB, &at, message);
                }
                Ok(_) => one(context, &at, key, glob),
            }
        }
    }
    for (index, glob) in namespaces.select.iter().enumerate() {
        let Some(same) = namespaces.exclude.iter().position(|other| other == glob || other == "*")
        else {
            continue;
        };
        let other = context.region(&format!("{pointer}/exclude/{same}"));
        let message = format!("`{glob}` is selected, and all of it is left out again");
        context.report_with(&codes::BAD_GLOB, &format!("{pointer}/select/{index}"), message, |d| {
            d.related(other, "left out here")
        });
    }
}

fn one(context: &mut Context<'_>, at: &str, key: &str, glob: &str) {
    if glob.trim().is_empty() {
        let message = "an empty pattern matches no namespace";
        context.report_with(&codes::BAD_GLOB, at, message, |d| {
            d.label("the default namespace is `__default__`")
        });
    } else if let Some(rest) = glob.strip_prefix('!') {
        let message =
            format!("`{glob}` does not leave anything out: a `!` is a character like any other");
        let other = if key == "select" { "exclude" } else { "select" };
        context.report_with(&codes::BAD_GLOB, at, message, |d| {
            d.label(format!("write `{other}: [\"{rest}\"]`"))
                .note(format!("a name that begins with `!` is the pattern `{{!}}{rest}`"))
        });
    } else if let Some((message, label)) = surprise(glob) {
        context.report_with(&codes::PATTERN, at, message, |d| d.label(label));
    }
}

/// Finds syntax in a pattern that has a meaning elsewhere and none here.
fn surprise(glob: &str) -> Option<(String, String)> {
    let quoted = |text: &str| format!("write `\"{text}\"`");
    if glob.trim() != glob {
        let message =
            format!("`{glob}` begins or ends with white space, which a name would need too");
        return Some((message, quoted(glob.trim())));
    }
    if glob.starts_with('^') || glob.ends_with('$') || glob.contains(".*") || glob.contains(".+") {
        let plain = glob
            .trim_start_matches('^')
            .trim_end_matches('$')
            .replace(".*", "*")
            .replace(".+", "*");
        let message = format!("`{glob}` looks like a regular expression, and is none here");
        return Some((message, quoted(&plain)));
    }
    if glob.contains("**") {
        let message = format!("`{glob}` has `**`, which is for folders: namespaces are in none");
        return Some((message, quoted(&glob.replace("**/", "*").replace("**", "*"))));
    }
    if glob.contains('%') && !glob.contains(['*', '?', '[', '{']) {
        let message = format!("`{glob}` has a `%`, which stands for itself");
        return Some((message, quoted(&glob.replace('%', "*"))));
    }
    if glob.starts_with('/') || glob.ends_with('/') || glob.starts_with("./") {
        let message = format!("`{glob}` has a `/` at an end, which is a character like any other");
        let bare = glob.trim_start_matches("./").trim_matches('/');
        return Some((message, quoted(bare)));
    }
    let is_list = |part: &str| part.starts_with(' ') || part.is_empty();
    if !glob.contains('{') && glob.split(',').skip(1).any(is_list) {
        let message = format!("`{glob}` is one pattern, with a comma in it");
        return Some((message, "write a list of patterns".to_owned()));
    }
    None
}

/// Checks names of metadata fields, which are no patterns.
pub(super) fn literal(context: &mut Context<'_>, pointer: &str, copy: &Copy) {
    let Some(changes) = &copy.metadata else { return };
    let pointer = format!("{pointer}/metadata");
    for (index, name) in changes.drop.iter().enumerate().filter(|(_, name)| is_like_a_pattern(name))
    {
        let region = context.region(&format!("{pointer}/drop/{index}"));
        context.found.push(taken_as_it_is(name, region));
    }
    for (key, names) in [("rename", keys(&changes.rename)), ("cast", keys(&changes.cast))] {
        for name in names.into_iter().filter(|name| is_like_a_pattern(name)) {
            let region = context.key_region(&format!("{pointer}/{key}/{}", step(&name)));
            context.found.push(taken_as_it_is(&name, region));
        }
    }
}

fn keys<T>(map: &std::collections::BTreeMap<String, T>) -> Vec<String> {
    map.keys().cloned().collect()
}

fn is_like_a_pattern(name: &str) -> bool {
    name.contains('*')
}

fn taken_as_it_is(name: &str, region: super::super::source::Region) -> Diagnostic {
    let message =
        format!("no pattern: only a field that is called `{name}` to the letter is meant");
    Diagnostic::new(&codes::LITERAL, region, message).label("write each name out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_elsewhere_is_noticed() {
        for (glob, instead) in [
            ("twin_* ", "\"twin_*\""),
            ("^twin_.*$", "\"twin_*\""),
            ("**/twin", "\"*twin\""),
            ("twin_%", "\"twin_*\""),
            ("twins/", "\"twins\""),
            ("a, b", "list"),
        ] {
            let (_, label) = surprise(glob).unwrap_or_else(|| panic!("{glob}"));
            assert!(label.contains(instead), "{glob}: {label}");
        }
    }

    #[test]
    fn what_is_meant_here_is_not() {
        for glob in ["twin_*", "t?", "a/b", "[ab]*", "{a,b}_*", "{a, b}", "100%*", "v1.0", "a,b"] {
            assert_eq!(surprise(glob), None, "{glob}");
        }
    }
}
