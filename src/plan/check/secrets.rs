//! Checks of references to secrets: the name of an environment variable, or a path.

use super::super::codes;
use super::super::file::{HttpCall, Secret, Traffic};
use super::super::walk;
use super::context::Context;
use crate::model::Side;

pub(super) fn check(context: &mut Context<'_>) {
    let file = context.file;
    for side in [Side::Source, Side::Target] {
        let endpoint = context.endpoint(side);
        let system = context.system(&endpoint.provider);
        for (key, secret) in system.map(|one| one.secrets(endpoint)).unwrap_or_default() {
            reference(context, &format!("/{}/{key}", side.name()), Some(&secret));
        }
    }
    if let Some(Traffic::Webhook(webhook)) = &file.traffic {
        call(context, "/traffic/webhook/set", Some(&webhook.set));
        call(context, "/traffic/webhook/read", webhook.read.as_ref());
    }
    for (index, hook) in file.hooks.iter().enumerate() {
        call(context, &format!("/hooks/{index}/http"), hook.http.as_ref());
    }
    for (index, stage) in file.stages.iter().enumerate() {
        for (number, hook) in stage.common.rollback.iter().enumerate() {
            let pointer = format!("/stages/{index}/rollback/{number}/http");
            call(context, &pointer, hook.http.as_ref());
        }
    }
    for (index, notify) in file.notify.iter().enumerate() {
        reference(context, &format!("/notify/{index}/slack"), notify.slack.as_ref());
        reference(context, &format!("/notify/{index}/pagerduty"), notify.pagerduty.as_ref());
    }
}

fn call(context: &mut Context<'_>, pointer: &str, call: Option<&HttpCall>) {
    let bearer = call.and_then(|call| call.bearer.as_ref());
    reference(context, &format!("{pointer}/bearer"), bearer);
}

/// Checks a reference. What cannot be the name of a variable is probably the secret itself.
fn reference(context: &mut Context<'_>, pointer: &str, secret: Option<&Secret>) {
    let Some(Secret::Env(name)) = secret else { return };
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(inner)
        && !name.starts_with("pcsk_");
    let pointer = format!("{pointer}/env");
    if is_name || context.is_tainted(&pointer) {
        return;
    }
    let region = context.region(&pointer);
    context.secrets.push(walk::Secret { text: name.clone(), region });
    let message = "this is not the name of an environment variable";
    context.report_with(&codes::INLINE_SECRET, &pointer, message, |d| {
        d.help("write the variable's name; if this was the secret itself and the plan was ever committed, revoke it")
    });
}
