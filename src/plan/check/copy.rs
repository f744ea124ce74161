//! Checks of which records are copied, and under which names: globs, lookups, manifests.

use std::collections::BTreeMap;

use super::super::codes;
use super::super::file::{
    Copy, EnumerateBy, Lookup, NamedEnumeration, Namespaces, StageKind, Strategy,
};
use super::super::node::step;
use super::super::template::is_template;
use super::context::Context;
use super::globs;
use super::lookup::{self, Rows};

/// Checks every copy stage and reads the lookups.
pub(super) fn check(context: &mut Context<'_>) -> BTreeMap<String, Rows> {
    let stages: Vec<_> = context
        .stages()
        .filter_map(|(pointer, stage)| match &stage.kind {
            StageKind::Copy(copy) => Some((pointer, copy.clone())),
            _ => None,
        })
        .collect();
    let mut lookups = BTreeMap::new();
    let mut declared: BTreeMap<String, (Lookup, String)> = BTreeMap::new();
    for (pointer, copy) in stages {
        routes(context, &pointer, &copy);
        globs::literal(context, &pointer, &copy);
        let Some(namespaces) = &copy.namespaces else { continue };
        let pointer = format!("{pointer}/namespaces");
        globs::check(context, &pointer, namespaces);
        rename(context, &pointer, namespaces);
        for (name, lookup) in &namespaces.lookup {
            let at = format!("{pointer}/lookup/{}", step(name));
            if let Some((first, place)) = declared.get(name) {
                if first != lookup {
                    let first = context.region(place);
                    let message = format!("two lookups are called `{name}` and differ");
                    context.report_with(&codes::BAD_LOOKUP, &at, message, |d| {
                        d.related(first, "the first")
                    });
                }
                continue;
            }
            declared.insert(name.clone(), (lookup.clone(), at.clone()));
            lookups.extend(lookup::rows(context, &at, lookup).map(|rows| (name.clone(), rows)));
        }
    }
    lookups
}

fn routes(context: &mut Context<'_>, pointer: &str, copy: &Copy) {
    import(context, pointer, copy);
    let asks = EnumerateBy::Named(NamedEnumeration::Auto) != copy.enumerate;
    let stages = EnumerateBy::Named(NamedEnumeration::Staging) == copy.enumerate;
    if copy.strategy == Strategy::Collection && asks && !stages {
        let message = "`strategy: collection` does not enumerate the source";
        context.report_with(&codes::BAD_STRATEGY, &format!("{pointer}/enumerate"), message, |d| {
            d.label("leave it out, or use `strategy: stream`")
        });
    }
    if let (Strategy::Collection | Strategy::Import, Some(_)) = (copy.strategy, copy.existing) {
        let message = "with this strategy nothing is there that could be written over";
        context.report_with(&codes::BAD_STRATEGY, &format!("{pointer}/existing"), message, |d| {
            d.label("leave it out, or use `strategy: stream` or `auto`")
        });
    }
    if copy.strategy == Strategy::Import && stages {
        let message = "ids of a staging index are copied by upserts, not by an import";
        context.report_with(&codes::BAD_STRATEGY, &format!("{pointer}/enumerate"), message, |d| {
            d.label("use another enumeration, or leave out `strategy: import`")
        });
    }
    if let EnumerateBy::Manifest(enumeration) = &copy.enumerate {
        let at = format!("{pointer}/enumerate/manifest");
        super::manifest::check(context, &at, &enumeration.manifest);
    }
}

/// Checks the place of an import's files: only strategies that write some have one, and it has to be one that can be
/// written to.
fn import(context: &mut Context<'_>, pointer: &str, copy: &Copy) {
    let at = format!("{pointer}/import");
    let Some(import) = &copy.import else {
        if copy.strategy == Strategy::Import && !context.is_tainted(&at) {
            let message = "`strategy: import` needs a place for its files";
            let at = format!("{pointer}/strategy");
            context.report_with(&codes::BAD_STRATEGY, &at, message, |d| {
                d.label("add `import: { uri: s3://bucket/prefix }`")
            });
        }
        return;
    };
    if !matches!(copy.strategy, Strategy::Import | Strategy::Auto) {
        let message = "no files are written for an import with this strategy";
        context.report_with(&codes::BAD_STRATEGY, &at, message, |d| {
            d.label("leave it out, or use `strategy: import` or `auto`")
        });
    }
    let uri = format!("{at}/uri");
    let rest = import.uri.strip_prefix("s3://").or_else(|| import.uri.strip_prefix("file:///"));
    match rest {
        Some(rest) if rest.contains(['?', '#']) => {
            let message = format!("`{}` holds a `?` or `#`, which would be cut off", import.uri);
            context.report_with(&codes::BAD_STRATEGY, &uri, message, |d| {
                d.label("write `%3F` or `%23`, or use another name")
            });
        }
        Some(rest) if !rest.trim_matches('/').is_empty() => {}
        Some(_) => {
            let message = format!("`{}` names no bucket and no folder", import.uri);
            context.report_with(&codes::BAD_STRATEGY, &uri, message, |d| {
                d.label("for example `s3://bucket/prefix`")
            });
        }
        None if import.uri.starts_with("gs://") || import.uri.starts_with("https://") => {
            let message = "this version writes to Amazon S3 and what speaks it, and to no other cloud's storage";
            context.report_with(&codes::NOT_YET, &uri, message, |d| d.label("use `s3://…`"));
        }
        None => {
            let message = format!("`{}` is no place for the files of an import", import.uri);
            context.report_with(&codes::BAD_STRATEGY, &uri, message, |d| {
                d.label("`s3://bucket/prefix`, or `file:///folder` for the emulator")
            });
        }
    }
}

/// Reports a constant new name, which is fine for one namespace only.
fn rename(context: &mut Context<'_>, pointer: &str, namespaces: &Namespaces) {
    let Some(rename) = &namespaces.rename else { return };
    let one =
        matches!(namespaces.select.as_slice(), [only] if !only.contains(['*', '?', '[', '{']));
    if !is_template(rename) && !one {
        let message = format!("every selected namespace would be called `{rename}`");
        context.report_with(&codes::BAD_RENAME, &format!("{pointer}/rename"), message, |d| {
            d.label("for example `creator_{{ namespace }}`")
        });
    }
}
