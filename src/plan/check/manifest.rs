//! Checks of where the ids of a manifest come from: files that exist, or a command.

use super::super::codes;
use super::super::file::Manifest;
use super::super::files::{files_of, is_pattern};
use super::context::Context;

pub(super) fn check(context: &mut Context<'_>, pointer: &str, manifest: &Manifest) {
    match (&manifest.file, &manifest.exec) {
        (Some(named), None) => {
            files(context, &format!("{pointer}/file"), named);
            only_for_commands(context, pointer, manifest);
        }
        (None, Some(argv)) => {
            if argv.first().is_none_or(String::is_empty) {
                let message = "the command is empty";
                context.report_with(
                    &codes::BAD_MANIFEST,
                    &format!("{pointer}/exec"),
                    message,
                    |d| d.label("the program and its arguments, for example `[./ids.sh, --all]`"),
                );
            }
        }
        (Some(_), Some(_)) => {
            let first = context.key_region(&format!("{pointer}/file"));
            let message = "a manifest has either a file or a command";
            context.report_with(&codes::ONE_OF, &format!("{pointer}/exec"), message, |d| {
                d.related(first, "the file")
            });
        }
        (None, None)
            if ["file", "exec"]
                .iter()
                .any(|key| context.is_tainted(&format!("{pointer}/{key}"))) => {}
        (None, None) => {
            let message = "a manifest needs `file` or `exec`";
            context.report(&codes::ONE_OF, pointer, message);
        }
    }
}

fn files(context: &mut Context<'_>, at: &str, named: &str) {
    let ending = named.rsplit_once('.').map(|(_, ending)| ending);
    if !matches!(ending, Some("csv" | "jsonl" | "ndjson" | "parquet")) {
        let message = format!("the ending of `{named}` does not say its format");
        context.report_with(&codes::BAD_MANIFEST, at, message, |d| {
            d.label("`.csv`, `.jsonl` or `.parquet`")
        });
    }
    if !is_pattern(named) {
        context.must_be_there(at, named);
        return;
    }
    match files_of(context.base, named) {
        Ok(files) if !files.is_empty() => {}
        Ok(_) => {
            let message = format!("no file matches `{named}`");
            let looked = format!(
                "looked from `{}`: paths start from the plan's folder",
                context.base.display()
            );
            context.report_with(&codes::NO_FILE, at, message, |d| d.note(looked));
        }
        Err(error) => {
            let message = format!("the files of `{named}` cannot be found: {error}");
            context.report(&codes::BAD_MANIFEST, at, message);
        }
    }
}

fn only_for_commands(context: &mut Context<'_>, pointer: &str, manifest: &Manifest) {
    for (key, is_given) in
        [("timeout", manifest.timeout.is_some()), ("env", !manifest.env.is_empty())]
    {
        if is_given {
            let message = format!("`{key}` is for a command, and this manifest is a file");
            context.report(&codes::BAD_MANIFEST, &format!("{pointer}/{key}"), message);
        }
    }
}
