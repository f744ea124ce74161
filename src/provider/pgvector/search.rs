//! The nearest records.

use serde::{Deserialize, Serialize};

use super::index::Distance;
use super::kind::Kind;
use super::look::Column;
use super::mapping::Mapping;
use super::name::quote;
use super::row::{as_text, id};
use super::scan::Scope;
use super::session::Session;
use super::sql::{Binary, Bound, all_of, namespace_of};
use super::vector_codec::encode;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AnyVector, Namespace, RecordId};

/// How hard an index looks; the server's own setting if absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Candidates of an HNSW index, 1 to 1,000.
    pub ef_search: Option<u32>,
    /// Lists of an IVFFlat index.
    pub probes: Option<u32>,
    /// Whether an index goes on until enough records pass the filter (pgvector 0.8 and newer).
    pub is_iterative: bool,
}

/// Whether an index may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accuracy {
    /// Every record is looked at.
    Exact,
    /// As the application asks: by an index where the server finds that cheaper.
    Approximate(Effort),
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// The name of the vector that is compared.
    pub using: &'a str,
    pub vector: &'a AnyVector,
    pub distance: Distance,
    pub limit: u32,
    pub accuracy: Accuracy,
}

/// A number of one meaning, whatever store it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// Larger is nearer: the cosine, or the inner product.
    Similarity(f64),
    /// Smaller is nearer: the true distance, not its square.
    Distance(f64),
}

/// One answer; they come nearest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub id: RecordId,
    pub partition: Namespace,
    /// The number as the server gives it.
    pub distance: f64,
    pub score: Score,
}

/// Returns what the server's number means (pgvector, README, 2026).
pub fn canonical(distance: Distance, number: f64) -> Score {
    match distance {
        Distance::Cosine => Score::Similarity(1.0 - number),
        Distance::InnerProduct => Score::Similarity(-number),
        Distance::L2 | Distance::L1 | Distance::Hamming | Distance::Jaccard => {
            Score::Distance(number)
        }
    }
}

/// Finds the nearest records of a scope. Records without the vector, and under cosine zero vectors, are not among them.
///
/// # Errors
/// `Invalid` if there is no such vector or it is of another dimension.
pub async fn search(
    session: &mut Session,
    mapping: &Mapping,
    scope: &Scope,
    query: &Query<'_>,
) -> Result<Vec<Match>> {
    let column = mapping.vector(query.using).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("there is no vector `{}`", query.using))
    })?;
    let mut bound = Bound::default();
    let sql = statement(mapping, scope, column, query, &mut bound)?;
    let settings = settings(query.accuracy);
    if settings.is_empty() {
        return answers(session, mapping, query, &sql, &bound).await;
    }
    session.batch("search", &format!("begin read only{settings}")).await?;
    let answers = answers(session, mapping, query, &sql, &bound).await;
    let ended = session.batch("search", "rollback").await;
    answers.and_then(|answers| ended.map(|()| answers))
}

async fn answers(
    session: &Session,
    mapping: &Mapping,
    query: &Query<'_>,
    sql: &str,
    bound: &Bound,
) -> Result<Vec<Match>> {
    let rows = session.rows("search", sql, &bound.params()).await?;
    let answer = |row: &tokio_postgres::Row| {
        let distance: f64 = row.get(2);
        Match {
            id: id(mapping.id.kind, row.get(0)),
            partition: Namespace::from(row.get::<_, &str>(1)),
            distance,
            score: canonical(query.distance, distance),
        }
    };
    // A zero vector has no cosine; the server sorts what it says instead behind all others.
    Ok(rows.iter().map(answer).filter(|found| !found.distance.is_nan()).collect())
}

fn statement(
    mapping: &Mapping,
    scope: &Scope,
    column: &Column,
    query: &Query<'_>,
    bound: &mut Bound,
) -> Result<String> {
    let mut conditions = scope.conditions(mapping, bound)?;
    let name = quote(&column.name);
    conditions.push(format!("{name} is not null"));
    // A list is compared as a vector.
    let (value, kind) = match column.kind {
        kind if kind.is_of_extension() || kind == Kind::Bit => (name, kind),
        _ => (format!("{name}::real[]::{}", mapping.extension_type("vector")), Kind::Vector),
    };
    let mut bytes = Vec::new();
    encode(kind, column.dimension, query.vector, &mut bytes);
    let plain = match kind {
        Kind::Vector => mapping.extension_type("vector"),
        Kind::Halfvec => mapping.extension_type("halfvec"),
        Kind::Sparsevec => mapping.extension_type("sparsevec"),
        _ => column.type_text.clone(),
    };
    let schema = quote(&mapping.extension.schema);
    let wanted = bound.add(Binary(bytes));
    let distance =
        format!("{value} operator({schema}.{}) {wanted}::{plain}", query.distance.operator());
    // No index gives the order of a sum.
    let order = if query.accuracy == Accuracy::Exact {
        format!("({distance}) + 0.0::float8")
    } else {
        distance.clone()
    };
    let tenant = mapping.tenant.as_ref().map_or("''::text".to_owned(), namespace_of);
    Ok(format!(
        "select {}, {tenant}, ({distance})::float8 from {}{} order by {order} limit {}::int8",
        as_text(&mapping.id),
        mapping.table.name.quoted(),
        all_of(&conditions),
        bound.add(i64::from(query.limit)),
    ))
}

/// Statements that set what holds for this query alone.
fn settings(accuracy: Accuracy) -> String {
    let Accuracy::Approximate(effort) = accuracy else { return String::new() };
    let mut settings = String::new();
    for (name, value) in [
        ("hnsw.ef_search", effort.ef_search.map(|value| value.to_string())),
        ("ivfflat.probes", effort.probes.map(|value| value.to_string())),
        ("hnsw.iterative_scan", effort.is_iterative.then(|| "strict_order".to_owned())),
        ("ivfflat.iterative_scan", effort.is_iterative.then(|| "relaxed_order".to_owned())),
    ] {
        if let Some(value) = value {
            settings.push_str(&format!("; set local {name} = {value}"));
        }
    }
    settings
}
