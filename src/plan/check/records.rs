//! Checks of which records are copied and how their metadata changes: the filter, and changes that contradict each
//! other.

use std::collections::BTreeMap;

use super::super::codes;
use super::super::file::{Copy, MetadataChanges, StageKind, VectorChanges};
use super::super::node::step;
use super::context::Context;
use crate::model::Filter;

pub(super) fn check(context: &mut Context<'_>) {
    let copies: Vec<(String, Copy)> = context
        .stages()
        .filter_map(|(pointer, stage)| match &stage.kind {
            StageKind::Copy(copy) => Some((pointer, copy.clone())),
            _ => None,
        })
        .collect();
    for (pointer, copy) in copies {
        filter(context, &format!("{pointer}/filter"), &copy);
        if let Some(changes) = &copy.metadata {
            metadata(context, &format!("{pointer}/metadata"), changes);
        }
        if let Some(changes) = &copy.vectors {
            vectors(context, &format!("{pointer}/vectors"), changes);
        }
    }
}

fn filter(context: &mut Context<'_>, pointer: &str, copy: &Copy) {
    let Some(asked) = copy.filter.as_ref().filter(|_| !context.is_tainted_within(pointer)) else {
        return;
    };
    if let Err(problem) = Filter::read(&serde_json::json!(asked)) {
        let at = format!("{pointer}{}", problem.pointer);
        match problem.is_key {
            true => context.report_key(&codes::BAD_FILTER, &at, problem.message, |d| d),
            false => context.report(&codes::BAD_FILTER, &at, problem.message),
        }
    }
}

fn metadata(context: &mut Context<'_>, pointer: &str, changes: &MetadataChanges) {
    for (field, value) in &changes.set {
        settable(context, &format!("{pointer}/set/{}", step(field)), field, value);
    }
    let mut taken: BTreeMap<&str, String> = BTreeMap::new();
    for (old, new) in &changes.rename {
        let at = format!("{pointer}/rename/{}", step(old));
        if changes.drop.contains(old) {
            let message = format!("`{old}` is dropped, and renamed to `{new}`");
            context.report(&codes::BAD_METADATA, &at, message);
        } else if let Some(why) = unfit_name(new) {
            let message = format!("`{new}` cannot be the new name of `{old}`: {why}");
            context.report(&codes::BAD_METADATA, &at, message);
        } else if new == old {
            let message = format!("`{old}` is renamed to itself");
            context.report(&codes::BAD_METADATA, &at, message);
        } else if changes.set.contains_key(new) {
            let message = format!("`{old}` would become `{new}`, which is set to another value");
            let set = context.region(&format!("{pointer}/set/{}", step(new)));
            context.report_with(&codes::BAD_METADATA, &at, message, |d| d.related(set, "set here"));
        } else if let Some(first) = taken.insert(new, at.clone()) {
            let message = format!("two fields would become `{new}`");
            let first = context.region(&first);
            context
                .report_with(&codes::BAD_METADATA, &at, message, |d| d.related(first, "the first"));
        }
    }
    for field in changes.cast.keys() {
        let at = format!("{pointer}/cast/{}", step(field));
        let (message, near) = if let Some(new) = changes.rename.get(field) {
            (format!("`{field}` is renamed before it is cast"), Some(new.clone()))
        } else if changes.set.contains_key(field) {
            (format!("`{field}` is cast, and then set to another value"), None)
        } else if changes.drop.contains(field) && !taken.contains_key(field.as_str()) {
            (format!("`{field}` is dropped before it is cast"), None)
        } else {
            continue;
        };
        context.report_key(&codes::BAD_METADATA, &at, message, |d| d.suggest(near.as_deref()));
    }
}

fn vectors(context: &mut Context<'_>, pointer: &str, changes: &VectorChanges) {
    if let Some(pick) = changes.pick.as_ref().filter(|_| !changes.drop.is_empty()) {
        let first = context.region(&format!("{pointer}/pick"));
        let message = format!("only `{pick}` is copied, so that nothing is left to drop");
        context.report_with(&codes::BAD_VECTORS, &format!("{pointer}/drop"), message, |d| {
            d.related(first, "picked here")
        });
    }
    let mut taken: BTreeMap<&str, String> = BTreeMap::new();
    for (old, new) in &changes.rename {
        let at = format!("{pointer}/rename/{}", step(old));
        let is_left_out =
            changes.drop.contains(old) || changes.pick.as_ref().is_some_and(|pick| pick != old);
        if is_left_out {
            let message = format!("`{old}` is left out, and renamed to `{new}`");
            context.report(&codes::BAD_VECTORS, &at, message);
        } else if new.is_empty() {
            context.report(&codes::BAD_VECTORS, &at, "a vector needs a name");
        } else if new == old {
            context.report(&codes::BAD_VECTORS, &at, format!("`{old}` is renamed to itself"));
        } else if let Some(first) = taken.insert(new, at.clone()) {
            let message = format!("two vectors would become `{new}`");
            let first = context.region(&first);
            context
                .report_with(&codes::BAD_VECTORS, &at, message, |d| d.related(first, "the first"));
        }
    }
}

/// Returns why no field of a record can have this name.
fn unfit_name(field: &str) -> Option<&'static str> {
    match field {
        "" => Some("a field needs a name"),
        field if field.starts_with('$') => Some("names with `$` are the operators of filters"),
        _ => None,
    }
}

/// Reports a value that no index keeps: with it the target would refuse every record.
fn settable(context: &mut Context<'_>, at: &str, field: &str, value: &serde_json::Value) {
    use serde_json::Value;
    if let Some(why) = unfit_name(field) {
        let message = format!("`{field}` cannot be set: {why}");
        context.report_key(&codes::BAD_METADATA, at, message, |d| d);
        return;
    }
    match value {
        Value::Null => {
            let message = format!("`{field}` has no value");
            context.report_with(&codes::EMPTY_VALUE, at, message, |d| {
                d.help(format!(
                    "write \"\" for an empty text, or leave the field out with `drop: [{field}]`"
                ))
            });
        }
        Value::Object(_) => {
            let message = format!("`{field}` would be a mapping, which no index keeps");
            context.report_with(&codes::BAD_METADATA, at, message, |d| {
                d.help("metadata is text, numbers, booleans and lists of text")
            });
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_string()) {
                let message = format!("`{item}` in a list: a list of metadata holds text only");
                let at = format!("{at}/{index}");
                context.report_with(&codes::BAD_METADATA, &at, message, |d| {
                    d.label(format!("in quotes it is text: \"{item}\""))
                });
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
