//! Checks of Parquet files as a source: what files cannot be or do.

use super::super::codes;
use super::super::file::{
    Columns, Endpoint, EnumerateBy, Ignored, MetadataFrom, NamedEnumeration, NamespaceFrom, OTHERS,
    Provider, StageKind, Strategy,
};
use super::context::Context;

pub(super) fn check(context: &mut Context<'_>) {
    let file = context.file;
    if file.target.provider == Provider::Parquet {
        let message = "Parquet files are a source, not a target";
        context.report_with(&codes::BAD_FILES, "/target/provider", message, |d| {
            d.label("for files on the way, see `strategy: import`")
        });
    }
    for (pointer, end) in [("/source", &file.source), ("/target", &file.target)] {
        if end.columns.is_some() && end.provider != Provider::Parquet {
            let message = "only files have columns";
            context.report_key(&codes::BAD_COLUMNS, &format!("{pointer}/columns"), message, |d| d);
        }
    }
    if file.source.provider != Provider::Parquet {
        return;
    }
    if let Some(columns) = &file.source.columns {
        shared_out(context, columns);
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

/// Checks that each column has one use; an id or a namespace may be a field of the metadata, too.
fn shared_out(context: &mut Context<'_>, columns: &Columns) {
    let namespace = match &columns.namespace {
        Some(NamespaceFrom::Column(name)) => Some(name),
        _ => None,
    };
    let parts = [
        ("values", columns.values.as_ref()),
        ("sparse_values", columns.sparse_values.as_ref()),
        ("id", columns.id.as_ref()),
        ("namespace", namespace),
    ];
    let mut used: Vec<(String, String)> = Vec::new();
    for (part, name) in parts {
        let Some(name) = name else { continue };
        use_once(context, &mut used, format!("/source/columns/{part}"), name);
    }
    let (mut fields, mut ignored) = (Vec::new(), Vec::new());
    match &columns.metadata {
        Some(MetadataFrom::Fields(names)) => fields.clone_from(names),
        Some(MetadataFrom::One(name)) if name != OTHERS => {
            use_once(context, &mut used, "/source/columns/metadata".to_owned(), name);
        }
        _ => {}
    }
    used.retain(|(_, pointer)| !pointer.ends_with("/id") && !pointer.ends_with("/namespace"));
    for (at, name) in fields.iter().enumerate() {
        use_once(context, &mut used, format!("/source/columns/metadata/{at}"), name);
    }
    for name in [columns.id.as_ref(), namespace].into_iter().flatten() {
        used.push((name.clone(), "/source/columns".to_owned()));
    }
    match &columns.ignore {
        Some(Ignored::Names(names)) => ignored.clone_from(names),
        Some(Ignored::Word(_))
            if columns.metadata == Some(MetadataFrom::One(OTHERS.to_owned())) =>
        {
            let message = "all other columns are metadata: none is left to pass over";
            context.report(&codes::BAD_COLUMNS, "/source/columns/ignore", message);
        }
        _ => {}
    }
    for (at, name) in ignored.iter().enumerate() {
        use_once(context, &mut used, format!("/source/columns/ignore/{at}"), name);
    }
}

fn use_once(
    context: &mut Context<'_>,
    used: &mut Vec<(String, String)>,
    pointer: String,
    name: &str,
) {
    match used.iter().find(|(other, _)| other == name) {
        Some((_, first)) => {
            let message = format!("the column `{name}` has another use already");
            let first = context.region(first);
            context.report_with(&codes::BAD_COLUMNS, &pointer, message, |d| {
                d.related(first, "its first use")
            });
        }
        None => used.push((name.to_owned(), pointer)),
    }
}
