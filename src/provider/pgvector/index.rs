//! Indexes over vectors: what is there, how they are made, and how far that is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use super::kind::Kind;
use super::name::{LONGEST_NAME, TableName, ended, literal, mark, quote};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Metric;

/// How far two vectors are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    L2,
    InnerProduct,
    Cosine,
    L1,
    Hamming,
    Jaccard,
}

impl Distance {
    const ALL: [Self; 6] =
        [Self::L2, Self::InnerProduct, Self::Cosine, Self::L1, Self::Hamming, Self::Jaccard];

    pub fn of(metric: Metric) -> Self {
        match metric {
            Metric::Cosine => Self::Cosine,
            Metric::Dotproduct => Self::InnerProduct,
            Metric::Euclidean => Self::L2,
        }
    }

    /// Returns the metric that plans know it by, if they do.
    pub fn metric(self) -> Option<Metric> {
        match self {
            Self::Cosine => Some(Metric::Cosine),
            Self::InnerProduct => Some(Metric::Dotproduct),
            Self::L2 => Some(Metric::Euclidean),
            Self::L1 | Self::Hamming | Self::Jaccard => None,
        }
    }

    /// Returns the operator that gives it (pgvector, README, 2026).
    pub fn operator(self) -> &'static str {
        match self {
            Self::L2 => "<->",
            Self::InnerProduct => "<#>",
            Self::Cosine => "<=>",
            Self::L1 => "<+>",
            Self::Hamming => "<~>",
            Self::Jaccard => "<%>",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::InnerProduct => "ip",
            Self::Cosine => "cosine",
            Self::L1 => "l1",
            Self::Hamming => "hamming",
            Self::Jaccard => "jaccard",
        }
    }

    /// Returns the name of the operator class for a column's type; `None` if there is none.
    pub fn class(self, kind: Kind) -> Option<String> {
        let is_of_bits = matches!(self, Self::Hamming | Self::Jaccard);
        let name = match kind {
            Kind::Vector => "vector",
            Kind::Halfvec => "halfvec",
            Kind::Sparsevec => "sparsevec",
            Kind::Bit => "bit",
            _ => return None,
        };
        (is_of_bits == (kind == Kind::Bit)).then(|| format!("{name}_{}_ops", self.word()))
    }

    fn of_class(name: &str) -> Option<Self> {
        let word = name.strip_suffix("_ops")?.split_once('_')?.1;
        Self::ALL.into_iter().find(|distance| distance.word() == word)
    }
}

/// The way an index finds the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Hnsw,
    Ivfflat,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hnsw => "hnsw",
            Self::Ivfflat => "ivfflat",
        }
    }
}

/// An index over a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub name: String,
    pub method: Method,
    /// The column; `None` if it is over an expression.
    pub column: Option<String>,
    pub distance: Option<Distance>,
    /// Its parameters, for example `m` and `ef_construction`.
    pub parameters: BTreeMap<String, String>,
    /// Whether it is used for queries: one whose building failed is not.
    pub is_valid: bool,
    /// Whether it leaves rows out.
    pub is_partial: bool,
    pub definition: String,
}

/// An index of a table that others are made like, as it is made over them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub column: String,
    pub method: Method,
    pub distance: Distance,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, u32>,
}

impl Index {
    /// Returns it as it is made over another table; `None` if it is not valid, or over an expression or some of the rows.
    pub(super) fn to_copy(&self) -> Option<Copied> {
        if !self.is_valid || self.is_partial {
            return None;
        }
        let number = |(name, value): (&String, &String)| Some((name.clone(), value.parse().ok()?));
        Some(Copied {
            column: self.column.clone()?,
            method: self.method,
            distance: self.distance?,
            parameters: self.parameters.iter().filter_map(number).collect(),
        })
    }
}

impl Copied {
    pub(super) fn plan(&self, table: &TableName) -> IndexPlan {
        // A column may have several, of different distances.
        let over = format!("{}_{}", self.column, self.distance.word());
        IndexPlan {
            name: IndexPlan::name_for(table, &over, self.method),
            method: self.method,
            column: self.column.clone(),
            distance: self.distance,
            parameters: self.parameters.clone(),
            is_concurrent: false,
            memory: None,
            workers: None,
        }
    }
}

/// An index to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexPlan {
    pub name: String,
    pub method: Method,
    pub column: String,
    pub distance: Distance,
    pub parameters: BTreeMap<String, u32>,
    /// Whether the table may be written while it is made, which takes about twice as long.
    pub is_concurrent: bool,
    /// Bytes of memory for it; the server's own setting if absent.
    pub memory: Option<u64>,
    /// Workers that help to make it; the server's own setting if absent.
    pub workers: Option<u32>,
}

/// How far the making of an index is.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// There is no such index and nobody makes it.
    Absent,
    /// Its phase in the server's words, and the share that is done of this phase, 0 to 1, where the server knows it.
    UnderWay { phase: String, share: Option<f64> },
    /// It is used for queries.
    Ready,
    /// Its making failed; what is left of it must be dropped.
    Invalid,
}

impl IndexPlan {
    /// Returns a name for an index over `column` of `table`. One that is too long ends with a digest, so that those of two
    /// columns are two.
    pub fn name_for(table: &TableName, column: &str, method: Method) -> String {
        let name = format!("{}_{column}_{}", table.name, method.name());
        match name.len() <= LONGEST_NAME {
            true => name,
            false => ended(&name, &mark(&name)),
        }
    }
}

/// Makes an index, and returns when it can be used. One that is there and valid is left as it is; the rest of one
/// whose making failed is dropped first. If the connection ends meanwhile, the server may go on with it:
/// [`progress`] tells from any session.
///
/// # Errors
/// `Invalid` if the type has no such distance; `Refused` if the table has another owner or memory is short.
pub async fn build(
    session: &Session,
    table: &TableName,
    kind: Kind,
    extension: &str,
    plan: &IndexPlan,
) -> Result<()> {
    let class = plan.distance.class(kind).ok_or_else(|| {
        let word = plan.distance.word();
        Error::invalid(format!("`{}` has no index for the distance {word}", plan.column))
    })?;
    match progress(session, table, &plan.name).await? {
        Progress::Ready => return Ok(()),
        Progress::UnderWay { .. } => {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the index {} is being made already", plan.name),
            ));
        }
        Progress::Invalid => drop_index(session, &table.schema, &plan.name).await?,
        Progress::Absent => {}
    }
    session.batch("index", &settings(plan)).await?;
    let made = session.define("index", &statement(table, &class, extension, plan)).await;
    let after = "reset maintenance_work_mem; reset max_parallel_maintenance_workers";
    let reset = session.batch("index", after).await;
    let limited = session.limit("index").await;
    made.and(reset).and(limited)
}

fn settings(plan: &IndexPlan) -> String {
    let mut settings = "set statement_timeout = 0".to_owned();
    if let Some(bytes) = plan.memory {
        settings
            .push_str(&format!("; set maintenance_work_mem = '{}kB'", (bytes / 1024).max(1024)));
    }
    if let Some(workers) = plan.workers {
        settings.push_str(&format!("; set max_parallel_maintenance_workers = {workers}"));
    }
    settings
}

fn statement(table: &TableName, class: &str, extension: &str, plan: &IndexPlan) -> String {
    let concurrently = if plan.is_concurrent { "concurrently " } else { "" };
    let parameters: Vec<_> =
        plan.parameters.iter().map(|(name, value)| format!("{} = {value}", quote(name))).collect();
    let with = if parameters.is_empty() {
        String::new()
    } else {
        format!(" with ({})", parameters.join(", "))
    };
    format!(
        "create index {concurrently}{} on {} using {} ({} {}.{}){with}",
        quote(&plan.name),
        table.quoted(),
        plan.method.name(),
        quote(&plan.column),
        quote(extension),
        quote(class),
    )
}

/// Drops an index; one that is not there is fine.
///
/// # Errors
/// Those of the connection, and of the role's rights.
pub async fn drop_index(session: &Session, schema: &str, name: &str) -> Result<()> {
    session
        .define("index", &format!("drop index if exists {}.{}", quote(schema), quote(name)))
        .await
}

/// Looks how far the making of an index is, from whatever session.
///
/// # Errors
/// Those of the connection.
pub async fn progress(session: &Session, table: &TableName, name: &str) -> Result<Progress> {
    let row = session.row("index", PROGRESS, &[&table.schema, &table.name, &name]).await?;
    let phase: Option<String> = row.get("phase");
    let is_valid: Option<bool> = row.get("valid");
    Ok(match (phase, is_valid) {
        (_, Some(true)) => Progress::Ready,
        (Some(phase), _) => Progress::UnderWay { phase, share: row.get("share") },
        (None, Some(false)) => Progress::Invalid,
        (None, None) => Progress::Absent,
    })
}

/// Returns the indexes of a schema that are used for queries, each with its table.
///
/// # Errors
/// Those of the connection.
pub(super) async fn ready(session: &Session, schema: &str) -> Result<Vec<(String, String)>> {
    let rows = session.rows("index", READY, &[&schema]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Returns the statement that makes one session's work on indexes end, for tests and for a run that gives up.
pub fn cancel_statement(table: &TableName) -> String {
    format!(
        "select pg_cancel_backend(pid) from pg_stat_progress_create_index where relid = {}::regclass",
        literal(&table.quoted())
    )
}

pub(super) fn read_index(row: &Row) -> Index {
    let options: Option<Vec<String>> = row.get("options");
    let pairs = options.unwrap_or_default();
    let pair = |text: &String| {
        text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let class: Option<String> = row.get("class");
    Index {
        name: row.get("name"),
        method: if row.get::<_, &str>("method") == "hnsw" { Method::Hnsw } else { Method::Ivfflat },
        column: row.get("column"),
        distance: class.and_then(|class| Distance::of_class(&class)),
        parameters: pairs.iter().filter_map(pair).collect(),
        is_valid: row.get("valid"),
        is_partial: row.get("partial"),
        definition: row.get("definition"),
    }
}

pub(super) const INDEXES: &str = "
select c.relname::text as name, m.amname::text as method, a.attname::text as column, o.opcname::text as class,
       c.reloptions::text[] as options, i.indisvalid and i.indisready as valid,
       i.indpred is not null as partial, pg_catalog.pg_get_indexdef(i.indexrelid) as definition
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_am m on m.oid = c.relam
left join pg_catalog.pg_opclass o on o.oid = i.indclass[0]
left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] and i.indkey[0] > 0
where i.indrelid = $1 and m.amname in ('hnsw', 'ivfflat')
order by c.relname";

const PROGRESS: &str = "
select (select i.indisvalid and i.indisready
        from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
        join pg_catalog.pg_class t on t.oid = i.indrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
        where n.nspname = $1::text and t.relname = $2::text and c.relname = $3::text) as valid,
       p.phase,
       case when p.tuples_total > 0 then p.tuples_done::float8 / p.tuples_total
            when p.blocks_total > 0 then p.blocks_done::float8 / p.blocks_total end as share
from (values (1)) one
left join (
    select p.phase, p.tuples_total, p.tuples_done, p.blocks_total, p.blocks_done
    from pg_catalog.pg_stat_progress_create_index p
    join pg_catalog.pg_class t on t.oid = p.relid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    where n.nspname = $1::text and t.relname = $2::text and p.datname = current_database()
    limit 1
) p on true";

const READY: &str = "
select t.relname::text, c.relname::text
from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_class t on t.oid = i.indrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
where n.nspname = $1::text and i.indisvalid and i.indisready";
