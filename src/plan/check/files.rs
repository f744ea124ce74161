//! Parquet files as a source: what files cannot be or do.

use super::super::codes;
use super::super::file::{Endpoint, EnumerateBy, NamedEnumeration, Provider, StageKind, Strategy};
use super::Context;

pub(super) fn check(context: &mut Context<'_>) {
    let file = context.file;
    if file.target.provider == Provider::Parquet {
        let message = "Parquet files are a source, not a target";
        context.report_with(&codes::BAD_FILES, "/target/provider", message, |d| {
            d.label("for files on the way, see `strategy: import`")
        });
    }
    if file.source.provider != Provider::Parquet {
        return;
    }
    endpoint(context, &file.source);
    let stages: Vec<_> =
        context.stages().map(|(pointer, stage)| (pointer, stage.kind.clone())).collect();
    for (pointer, kind) in stages {
        match kind {
            StageKind::Decommission(_) => {
                report(context, &pointer, "files are not deleted: they stay where they are");
            }
            StageKind::Canary(_) => {
                report(context, &pointer, "files serve no traffic that could be moved");
            }
            StageKind::Copy(copy) => {
                let by_index = match &copy.enumerate {
                    EnumerateBy::Manifest(_) => false,
                    EnumerateBy::Named(named) => {
                        !matches!(named, NamedEnumeration::Auto | NamedEnumeration::List)
                    }
                };
                if by_index {
                    let message = "files list their ids, and answer no queries";
                    report(context, &format!("{pointer}/enumerate"), message);
                }
                if copy.strategy == Strategy::Collection {
                    let message = "only pod indexes have collections";
                    report(context, &format!("{pointer}/strategy"), message);
                }
            }
            _ => {}
        }
    }
}

fn report(context: &mut Context<'_>, pointer: &str, message: &str) {
    let source = context.region("/source/provider");
    context.report_with(&codes::BAD_FILES, pointer, message, |d| d.related(source, "the source"));
}

fn endpoint(context: &mut Context<'_>, source: &Endpoint) {
    let given = [
        ("/source/api_key", source.api_key.is_some(), "files have no API key"),
        ("/source/endpoint", source.endpoint.is_some(), "files have no address but `index`"),
    ];
    for (pointer, is_given, message) in given {
        if is_given {
            context.report_with(&codes::BAD_FILES, pointer, message, |d| {
                d.help("a bucket is reached with the usual `AWS_…` variables")
            });
        }
    }
    let scheme = source.index.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| !matches!(scheme, "s3" | "file")) {
        let message = format!("`{}` is no place that this version reads", source.index);
        context.report_with(&codes::BAD_FILES, "/source/index", message, |d| {
            d.label("a folder, a file, or `s3://bucket/prefix`")
        });
    }
}
