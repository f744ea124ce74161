//! Suggestion of a plan's `columns:` that would take a file as it is.

use crate::model::VectorKind;
use crate::plan::file::{
    Columns, Ignored, MetadataFrom, NamespaceFrom, OTHERS, VectorColumn, VectorFrom,
};
use crate::provider::parquet::kind::Kind;

/// Usual names of columns of ids and of vectors, the likeliest first.
const IDS: [&str; 6] = ["_id", "uuid", "key", "doc_id", "document_id", "pk"];
const VECTORS: [&str; 5] = ["vector", "embedding", "embeddings", "vectors", "dense"];

/// Most fields of the metadata that are written out one by one.
const NAMED: usize = 8;

/// Returns a sentence with the mapping that would take every column: what is asked already, a guess for what is
/// missing, and `left` as metadata if there is none yet. Columns that can be nothing are put under `ignore`.
pub(super) fn suggest(
    asked: &Columns,
    columns: &[(String, Kind)],
    folders: &[(String, Option<String>)],
    left: &[String],
) -> String {
    let has = |name: &str| columns.iter().any(|(column, _)| column == name);
    let mut free: Vec<(&str, Option<&Kind>)> = columns
        .iter()
        .filter(|(name, _)| left.contains(name))
        .map(|(n, k)| (&**n, Some(k)))
        .collect();
    free.extend(folders.iter().map(|(key, _)| (key.as_str(), None)));
    let is_vector = |one: &&(&str, Option<&Kind>)| {
        one.1.and_then(Kind::vectors).is_some_and(|kind| kind != VectorKind::Sparse)
    };
    let several = free.iter().filter(is_vector).count();
    let mut take = |names: &[&str], fits: fn(&Kind) -> bool| {
        let fits = |one: &(&str, Option<&Kind>)| one.1.is_some_and(fits);
        let named = names.iter().find_map(|name| {
            free.iter().position(|one| one.0.eq_ignore_ascii_case(name) && fits(one))
        });
        let at = named.or_else(|| free.iter().position(fits))?;
        Some(free.remove(at).0)
    };
    let is_there = |asked: &Option<String>, usual: &str| has(asked.as_deref().unwrap_or(usual));
    let is_sparse = |kind: &Kind| kind.holds(VectorKind::Sparse);
    let is_dense = |kind: &Kind| kind.holds(VectorKind::Dense);
    let sparse = match is_there(&asked.sparse_values, "sparse_values") {
        true => asked.sparse_values.as_deref(),
        false => take(&["sparse", "sparse_vector"], is_sparse),
    };
    let has_values = is_there(&asked.values, "values");
    let is_several = has_values || !asked.vectors.is_empty() || several > 1;
    let values = match is_several {
        true => asked.values.as_deref(),
        false => take(&VECTORS, is_dense),
    };
    let mut vectors: Vec<String> = asked.vectors.iter().map(vector).collect();
    let is_any: fn(&Kind) -> bool = |kind| kind.vectors().is_some();
    while let Some(name) = take(&[], is_any) {
        vectors.push(format!("{}: {}", quoted(name), quoted(name)));
    }
    let id = match is_there(&asked.id, "id") {
        true => asked.id.as_deref(),
        false => Some(take(&[&["ID", "Id"][..], &IDS[..]].concat(), Kind::is_id).unwrap_or("…")),
    };
    let mut keys = Vec::new();
    keys.extend(id.map(|name| format!("id: {}", quoted(name))));
    keys.extend(values.map(|name| format!("values: {}", quoted(name))));
    keys.extend(sparse.map(|name| format!("sparse_values: {}", quoted(name))));
    if !vectors.is_empty() {
        keys.push(format!("vectors: {{ {} }}", vectors.join(", ")));
    }
    keys.extend(namespace(asked));
    let has_metadata = asked.metadata.is_some() || has("metadata");
    let (fields, others): (Vec<_>, Vec<_>) =
        free.into_iter().partition(|(_, kind)| !has_metadata && kind.is_none_or(Kind::is_field));
    let names = |list: &[(&str, Option<&Kind>)]| {
        list.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>().join(", ")
    };
    keys.extend(match (&asked.metadata, fields.as_slice()) {
        (Some(asked), _) => Some(format!("metadata: {}", metadata(asked))),
        (None, []) => None,
        (None, [(name, Some(kind))]) if kind.is_composed() && kind.is_metadata() => {
            Some(format!("metadata: {}", quoted(name)))
        }
        (None, many) if many.len() > NAMED && others.is_empty() => {
            Some(format!("metadata: {OTHERS}"))
        }
        (None, many) => Some(format!("metadata: [{}]", names(many))),
    });
    let mut ignored = match &asked.ignore {
        Some(Ignored::Names(names)) => names.iter().map(|name| quoted(name)).collect(),
        _ => Vec::new(),
    };
    ignored.extend(others.iter().map(|(name, _)| quoted(name)));
    if !ignored.is_empty() {
        keys.push(format!("ignore: [{}]", ignored.join(", ")));
    }
    if asked.round {
        keys.push("round: true".to_owned());
    }
    let mapping =
        format!("map them in the plan, `source: {{ columns: {{ {} }} }}`", keys.join(", "));
    match fields.is_empty() {
        true => mapping,
        false => format!("{mapping}, or name in `ignore: […]` what is to be passed over"),
    }
}

fn vector((name, column): (&String, &VectorFrom)) -> String {
    let column = match column {
        VectorFrom::Column(column) => quoted(column),
        VectorFrom::Described(VectorColumn { column, kind }) => {
            let column = column.as_ref().map(|column| format!("column: {}", quoted(column)));
            let kind = kind.map(|kind| format!("kind: {kind}"));
            let said: Vec<String> = column.into_iter().chain(kind).collect();
            format!("{{ {} }}", said.join(", "))
        }
    };
    format!("{}: {column}", quoted(name))
}

fn namespace(asked: &Columns) -> Option<String> {
    Some(match asked.namespace.as_ref()? {
        NamespaceFrom::Column(name) => format!("namespace: {}", quoted(name)),
        NamespaceFrom::Constant(one) => {
            format!("namespace: {{ constant: {} }}", quoted(&one.constant))
        }
    })
}

fn metadata(asked: &MetadataFrom) -> String {
    match asked {
        MetadataFrom::One(name) => quoted(name),
        MetadataFrom::Fields(names) => {
            let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
            format!("[{}]", names.join(", "))
        }
    }
}

/// Writes a name as YAML accepts it inside `{ }` and `[ ]`.
fn quoted(name: &str) -> String {
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '…');
    let starts_well =
        name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') || name == "…";
    let is_other = matches!(
        name.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    match starts_well && name.chars().all(is_word) && !is_other {
        true => name.to_owned(),
        false => serde_json::Value::from(name).to_string(),
    }
}
