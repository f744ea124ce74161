//! Checks of traffic drivers, requests and commands.

use super::super::codes;
use super::super::file::{HttpCall, Traffic, Writes};
use super::super::template::is_template;
use super::context::Context;

pub(super) fn check(context: &mut Context<'_>) {
    let file = context.file;
    if file.writes != Writes::Paused {
        let message = "writes during the migration are not handled yet: records could be lost";
        context.report_with(&codes::NOT_YET, "/writes", message, |d| {
            d.help("pause them for the migration and write `writes: paused`")
        });
    }
    match &file.traffic {
        Some(Traffic::Webhook(webhook)) => {
            call(context, "/traffic/webhook/set", &webhook.set);
            if let Some(read) = &webhook.read {
                call(context, "/traffic/webhook/read", read);
            }
            if webhook.pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
                let message = "a JSON pointer starts with `/`";
                context.report_with(
                    &codes::BAD_TRAFFIC,
                    "/traffic/webhook/pointer",
                    message,
                    |d| d.label("for example `/weight`"),
                );
            }
        }
        Some(Traffic::Exec(driver)) => {
            command(context, "/traffic/exec/set", &driver.set);
            if let Some(read) = &driver.read {
                command(context, "/traffic/exec/read", read);
            }
        }
        Some(Traffic::Gateway(_)) => {
            let message = "vecshift's own proxy is not there yet";
            context.report_with(&codes::NOT_YET, "/traffic/gateway", message, |d| {
                d.help("use `flagd`, `env_file`, `alias`, `webhook` or `exec`")
            });
        }
        Some(Traffic::Alias(_)) => alias(context),
        Some(Traffic::Flagd(_) | Traffic::EnvFile(_)) | None => {}
    }
}

/// Checks that both sides are of one system, which keeps aliases.
fn alias(context: &mut Context<'_>) {
    let (source, target) = (&context.file.source.provider, &context.file.target.provider);
    let keeps = |provider| context.system(provider).is_none_or(|system| system.has_aliases());
    let without = [source, target].into_iter().find(|provider| !keeps(provider));
    let message = match without {
        Some(provider) => {
            format!("`{provider}` keeps no names that stand for one index or another")
        }
        None if source != target => "an alias stands for an index of one system".to_owned(),
        None => return,
    };
    context.report_with(&codes::BAD_TRAFFIC, "/traffic/alias", message, |d| {
        d.help("use `flagd`, `env_file`, `webhook` or `exec`")
    });
}

/// Checks that a command has a program.
pub(super) fn command(context: &mut Context<'_>, pointer: &str, command: &[String]) {
    if command.first().is_none_or(|program| program.trim().is_empty()) {
        context.report_with(&codes::BAD_TRAFFIC, pointer, "this command has no program", |d| {
            d.label("write `[program, argument, …]`")
        });
    }
}

/// Checks that a request has one method and an address.
pub(super) fn call(context: &mut Context<'_>, pointer: &str, call: &HttpCall) {
    let methods =
        [("get", &call.get), ("post", &call.post), ("put", &call.put), ("patch", &call.patch)];
    if methods.iter().any(|(key, _)| context.is_tainted(&format!("{pointer}/{key}"))) {
        return;
    }
    if call.method().is_none() {
        let message = "a request has exactly one of `get`, `post`, `put` and `patch`";
        context.report_with(&codes::BAD_TRAFFIC, pointer, message, |d| {
            d.help("the method's value is the address: `post: https://flags.example/weight`")
        });
    }
    for (key, url) in methods {
        if let Some(url) = url {
            address(context, &format!("{pointer}/{key}"), url);
        }
    }
    if call.body.is_some() && call.get.is_some() {
        let at = format!("{pointer}/body");
        context.report(&codes::BAD_TRAFFIC, &at, "a `get` request has no body");
    }
}

/// Checks that an address has a scheme and a host, unless it is a template that is evaluated later.
pub(crate) fn address(context: &mut Context<'_>, pointer: &str, address: &str) {
    let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"));
    let is_address = rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && !rest.contains(char::is_whitespace)
    });
    if !is_address && !is_template(address) {
        let message = "this is not an address that can be called";
        context.report_with(&codes::BAD_ADDRESS, pointer, message, |d| {
            d.label("write it with its scheme, like `http://127.0.0.1:5080`")
        });
    }
}
