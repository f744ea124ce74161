//! Checks of the version, of names, and that source and target are different.

use std::collections::BTreeMap;

use super::super::codes;
use super::super::diagnostic::either;
use super::super::file::StageKind;
use super::context::{Context, System, endpoint_keys};
use crate::model::{RESERVED_NAMES, Side};

pub(super) fn check(context: &mut Context<'_>) {
    let file = context.file;
    if file.version != 1 {
        let message = format!("version {} of the plan language is not known here", file.version);
        context.report_with(&codes::VERSION, "/version", message, |d| d.label("write `1`"));
    }
    if !is_name(&file.name, 63) {
        let message = format!("`{}` cannot be the name of a plan", file.name);
        context.report_with(&codes::PLAN_NAME, "/name", message, |d| match near_name(&file.name) {
            Some(near) => d.label(format!("for example `{near}`")),
            None => d.label("lower-case letters, digits and `-`"),
        });
    }
    if RESERVED_NAMES.contains(&file.name.as_str()) {
        let message = format!("`{}` is a name that vecshift keeps for itself", file.name);
        context.report_with(&codes::PLAN_NAME, "/name", message, |d| {
            d.label(format!("for example `{}-plan`", file.name)).note(
                "the state folder has a folder or file of this name beside those of the plans",
            )
        });
    }
    for side in [Side::Source, Side::Target] {
        if let Some(system) = context.system(&context.endpoint(side).provider) {
            foreign_keys(context, side, system);
            system.check(context, side);
        }
    }
    two_indexes(context);
    stage_ids(context);
    confirmation(context);
    snapshots(context);
    exports(context);
}

/// Returns whether the name consists of lower-case letters, digits and inner hyphens.
pub(crate) fn is_name(name: &str, longest: usize) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=longest).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn near_name(name: &str) -> Option<String> {
    let replaced: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(63)
        .collect();
    let near = replaced.trim_matches('-').to_owned();
    (!near.is_empty()).then_some(near)
}

/// Reports keys of an endpoint that are those of other systems.
fn foreign_keys(context: &mut Context<'_>, side: Side, system: &'static dyn System) {
    let endpoint = context.endpoint(side);
    if context.is_tainted(&format!("/{}/provider", side.name())) {
        return;
    }
    let own = endpoint_keys(system);
    for key in endpoint.own.keys().filter(|key| !own.contains(*key)) {
        let pointer = format!("/{}/{}", side.name(), super::super::node::step(key));
        let has_it = |one: &&&'static dyn System| endpoint_keys(**one).contains(key);
        let owners: Vec<_> = context.systems.iter().filter(has_it).copied().collect();
        if [&[system], &*owners].concat().iter().any(|one| one.refuses_key(context, &pointer, key))
        {
            continue;
        }
        let label = format!("a key of {}", either(owners.iter().map(|one| one.name())));
        let message = format!("unknown key `{key}` for an endpoint of `{}`", system.name());
        context.report_key(&codes::UNKNOWN_KEY, &pointer, message, |d| d.label(label));
    }
}

fn two_indexes(context: &mut Context<'_>) {
    if ["/source/index", "/source/provider", "/target/index", "/target/provider"]
        .iter()
        .any(|pointer| context.is_tainted(pointer))
    {
        return;
    }
    if context.file.source == context.file.target {
        let source = context.region("/source/index");
        let message = "source and target are the same index";
        context.report_with(&codes::SAME_INDEX, "/target/index", message, |d| {
            d.related(source, "the source").help(
                "name another index; where it is one of the same name in another project, give its `api_key`",
            )
        });
    }
}

fn stage_ids(context: &mut Context<'_>) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let stages: Vec<_> = context
        .stages()
        .filter(|(pointer, _)| !context.is_tainted(&format!("{pointer}/id")))
        .map(|(pointer, stage)| {
            (pointer, stage.id().to_string(), stage.common.id.is_some(), stage.kind.name())
        })
        .collect();
    for (pointer, id, given, kind) in stages {
        let at = if given { format!("{pointer}/id") } else { format!("{pointer}/kind") };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if id.is_empty() || id.len() > 63 || !id.chars().all(fits) {
            let message = format!("`{id}` cannot be the id of a stage");
            context.report_with(&codes::STAGE_ID, &at, message, |d| {
                d.label("1 to 63 lower-case letters, digits, `-` and `_`")
            });
        }
        let Some(first) = seen.insert(id.clone(), at.clone()) else { continue };
        let first = context.region(&first);
        let message = match given {
            true => format!("two stages have the id `{id}`"),
            false => format!("two stages of kind `{kind}` need ids"),
        };
        context.report_with(&codes::STAGE_ID, &at, message, |d| {
            let help = format!("give each its own, for example `id: {kind}-again`");
            d.related(first, "the first").help(help)
        });
    }
}

fn confirmation(context: &mut Context<'_>) {
    let confirmed: Vec<_> = context
        .stages()
        .filter_map(|(pointer, stage)| match &stage.kind {
            StageKind::Decommission(stage) => Some((pointer, stage.clone())),
            _ => None,
        })
        .collect();
    let source = &context.file.source.index;
    for (pointer, stage) in confirmed {
        if stage.confirm != *source && !context.is_tainted("/source/index") {
            let message = format!(
                "`confirm` is `{}`, and the index that would be deleted is `{source}`",
                stage.confirm
            );
            let index = context.region("/source/index");
            context.report_with(
                &codes::NOT_CONFIRMED,
                &format!("{pointer}/confirm"),
                message,
                |d| d.related(index, "the source"),
            );
        }
    }
}

/// Checks the folders that snapshots go to.
fn snapshots(context: &mut Context<'_>) {
    let places: Vec<_> = context
        .stages()
        .filter_map(|(pointer, stage)| match &stage.kind {
            StageKind::Decommission(stage) => {
                Some((format!("{pointer}/snapshot"), stage.snapshot.clone()?))
            }
            StageKind::Snapshot(snapshot) => Some((format!("{pointer}/to"), snapshot.to.clone())),
            _ => None,
        })
        .collect();
    for (pointer, place) in places {
        snapshot_place(context, &pointer, &place);
    }
}

fn snapshot_place(context: &mut Context<'_>, pointer: &str, snapshot: &str) {
    match snapshot.strip_prefix("file:") {
        Some(path) if names_a_host(path) => on_a_host(context, pointer, path),
        Some(path) if !path.is_empty() => {}
        _ => {
            let message = format!("`{snapshot}` is not a place for a snapshot");
            context.report_with(&codes::BAD_SNAPSHOT, pointer, message, |d| {
                d.label("write `file:` and a folder")
            });
        }
    }
}

/// Checks the file that the sample of an audit goes to.
fn exports(context: &mut Context<'_>) {
    let exports: Vec<_> = context
        .stages()
        .filter_map(|(pointer, stage)| match &stage.kind {
            StageKind::Audit(audit) => Some((format!("{pointer}/export"), audit.export.clone()?)),
            _ => None,
        })
        .collect();
    for (pointer, export) in exports {
        let path = export.strip_prefix("file:").unwrap_or(&export);
        if names_a_host(path) {
            on_a_host(context, &pointer, path);
        } else if path.contains("://") || path.is_empty() {
            let message = format!("`{export}` is not a file that a sample can be written to");
            context.report_with(&codes::BAD_SNAPSHOT, &pointer, message, |d| {
                d.label("a local path, for example `audit/sample.parquet`")
            });
        }
    }
}

/// Returns whether the path is one like `//backups` of `file://backups`, where `file:backups` is meant.
fn names_a_host(path: &str) -> bool {
    path.starts_with("//") && !path.starts_with("///")
}

fn on_a_host(context: &mut Context<'_>, pointer: &str, path: &str) {
    let bare = path.trim_start_matches('/');
    let host = bare.split('/').next().unwrap_or_default();
    let message = format!("`file://` is followed by a host, and `{host}` is a folder");
    context.report_with(&codes::BAD_SNAPSHOT, pointer, message, |d| {
        d.label(format!("write `file:{bare}`, or `file:///{bare}` from the root"))
    });
}
