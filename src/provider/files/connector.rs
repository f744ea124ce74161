//! What plans and runs ask of Parquet files as a system: a source that is only read.

use std::path::Path;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::Files;
use super::shelf::KIND;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Side;
use crate::plan::file::{
    Columns, Endpoint, EnumerateBy, Ignored, MetadataFrom, NamedEnumeration, NamespaceFrom, OTHERS,
    Secret, StageKind, Strategy,
};
use crate::plan::{Context, System, codes, step};
use crate::provider::{Connector, Environment};
use crate::storage::S3Options;
use crate::store::Opened;
use crate::store::calls::CallOptions;

/// Parquet files, as a source.
pub(in crate::provider) struct ParquetFiles;

/// Keys of an endpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Keys {
    /// For Parquet files: the mapping from columns to parts of a record, if the names are not the usual ones.
    #[serde(default)]
    columns: Option<Columns>,
}

impl System for ParquetFiles {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[KIND]
    }

    fn meaning(&self) -> &'static str {
        "Parquet files, as a source: columns `id`, `values`, `sparse_values`, `metadata` and `namespace`, or those that\n\
         `columns` names; for a file without a column `namespace`, the first folder in its path is its namespace."
    }

    fn index(&self) -> Option<&'static str> {
        Some("for Parquet files the folder or file, or `s3://bucket/prefix`")
    }

    fn endpoint(&self, generator: &mut SchemaGenerator) -> Schema {
        Keys::json_schema(generator)
    }

    fn secrets(&self, _: &Endpoint) -> Vec<(&'static str, Secret)> {
        Vec::new()
    }

    fn check(&self, context: &mut Context<'_>, side: Side) {
        if side == Side::Target {
            let message = "Parquet files are a source, not a target";
            context.report_with(&codes::BAD_FILES, "/target/provider", message, |d| {
                d.label("for files on the way, see `strategy: import`")
            });
            return;
        }
        let keys: Keys = context.endpoint(side).fields().unwrap_or_default();
        if let Some(columns) = &keys.columns {
            shared_out(context, columns);
        }
        place(context, &context.endpoint(side).index);
        stages(context);
    }

    fn refuses_key(&self, context: &mut Context<'_>, pointer: &str, key: &str) -> bool {
        if key == "columns" {
            let message = "only files have columns";
            context.report_key(&codes::BAD_COLUMNS, pointer, message, |d| d);
            return true;
        }
        let message = match key {
            "api_key" => "files have no API key",
            "endpoint" => "files have no address but `index`",
            _ => return false,
        };
        context.report_with(&codes::BAD_FILES, pointer, message, |d| {
            d.help("a bucket is reached with the usual `AWS_…` variables")
        });
        true
    }

    fn is_silent(&self) -> Option<&'static str> {
        Some("files answer no queries")
    }
}

impl Connector for ParquetFiles {
    fn open(
        &self,
        endpoint: &Endpoint,
        _: Side,
        environment: &Environment,
    ) -> Result<Arc<dyn Opened>> {
        let keys: Keys = endpoint.fields()?;
        Ok(Arc::new(Files::new(
            &endpoint.index,
            &environment.base,
            S3Options::from_variables(&environment.variables),
            keys.columns.unwrap_or_default(),
        )))
    }

    /// A plan that writes to files does not pass its check.
    fn absent(&self) -> Arc<dyn Opened> {
        Arc::new(Files::new("", Path::new(""), S3Options::default(), Columns::default()))
    }

    fn no_source(&self, endpoint: &Endpoint, _: &Environment) -> Error {
        let message = format!("there is no source: `{}` holds no Parquet file", endpoint.index);
        Error::new(ErrorKind::NotFound, message)
            .with_hint("check `source.index`: a relative path starts from the plan's folder")
    }

    fn is_same_project(&self, _: &Endpoint, _: &Endpoint, _: &Environment) -> Result<bool> {
        Ok(false)
    }

    fn calls(&self) -> CallOptions {
        CallOptions::files()
    }

    fn measuring_calls(&self) -> Option<CallOptions> {
        Some(CallOptions::files())
    }
}

/// Checks that no stage asks of files what only an index can do.
fn stages(context: &mut Context<'_>) {
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
                    let message = "files have no collections";
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

fn place(context: &mut Context<'_>, index: &str) {
    let scheme = index.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| !matches!(scheme, "s3" | "file")) {
        let message = format!("`{index}` is no place that this version reads");
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
    for (name, of) in &columns.vectors {
        let pointer = format!("/source/columns/vectors/{}", step(name));
        vector_named(context, columns, &pointer, name);
        use_once(context, &mut used, pointer, of.column().unwrap_or(name));
    }
    let (mut fields, mut ignored) = (Vec::new(), Vec::new());
    match &columns.metadata {
        Some(MetadataFrom::Fields(names)) => fields.clone_from(names),
        Some(MetadataFrom::One(name)) if name != OTHERS => {
            use_once(context, &mut used, "/source/columns/metadata".to_owned(), name);
        }
        _ => {}
    }
    let may_be_a_field = ["/source/columns/id", "/source/columns/namespace"];
    used.retain(|(_, pointer)| !may_be_a_field.contains(&pointer.as_str()));
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

/// Checks that a vector's name is one, and no other's.
fn vector_named(context: &mut Context<'_>, columns: &Columns, pointer: &str, name: &str) {
    let other = match name {
        "" => {
            context.report(&codes::BAD_COLUMNS, pointer, "a vector needs a name");
            return;
        }
        "values" => columns.values.is_some(),
        "sparse_values" => columns.sparse_values.is_some(),
        _ => false,
    };
    if other {
        let first = context.region(&format!("/source/columns/{name}"));
        let message = format!("there is a vector `{name}` already");
        context.report_with(&codes::BAD_COLUMNS, pointer, message, |d| {
            d.related(first, "its first column")
        });
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
