//! Tables that a run makes, marks as its own and drops.

use super::index::Distance;
use super::kind::Kind;
use super::look::{self, Extension};
use super::name::{TableName, literal, misfit, quote};
use super::partition;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};

/// The type of a column of ids that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdType {
    Text,
    Bigint,
    Uuid,
}

/// How a table keeps its partitions apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    None,
    /// By a column, the first of the key.
    Column(String),
    /// By a column whose every value has a partition of its own.
    Partitions(String),
}

/// A column of vectors that is made.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorColumn {
    pub name: String,
    pub kind: Kind,
    pub dimension: u32,
    pub is_required: bool,
    /// The distance that an index over it will be of, for the note beside it.
    pub distance: Option<Distance>,
}

/// A table that is made.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSpec {
    pub name: TableName,
    pub id: (String, IdType),
    pub tenants: Tenants,
    pub vectors: Vec<VectorColumn>,
    /// Fields with a column of their own, and its type.
    pub fields: Vec<(String, Kind)>,
    /// The column for all other fields.
    pub json: Option<String>,
}

/// What making a table found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    Made,
    /// It was there, made under the same mark.
    WasThere,
}

/// Makes the extension where it is missing.
///
/// # Errors
/// `NotFound` if the server has no pgvector; `Unauthorized` if the role may not make it.
pub async fn make_extension(session: &Session) -> Result<Extension> {
    let server = look::server(session).await?;
    if let Some(extension) = server.extension {
        return Ok(extension);
    }
    if server.available.is_none() {
        return Err(Error::new(ErrorKind::NotFound, "the server has no pgvector")
            .with_hint("install pgvector where the server runs"));
    }
    // It goes where the role's own path says, as it would by hand.
    session.define("prepare", "create extension if not exists vector").await?;
    let made = look::server(session).await?.extension;
    made.ok_or_else(|| Error::unexpected("the extension was made and is not there"))
}

/// Makes a schema where it is missing, and a table with a key; indexes over vectors come after the load. The table
/// bears `mark`, by which it is known later.
///
/// # Errors
/// `Invalid` for a name that the server would change; `AlreadyExists` for a table without this mark.
pub async fn prepare(
    session: &Session,
    extension: &Extension,
    spec: &TableSpec,
    mark: &str,
) -> Result<Prepared> {
    refuse_names(spec)?;
    match marked(session, &spec.name).await? {
        Some(found) if found.as_deref() == Some(mark) => return Ok(Prepared::WasThere),
        Some(_) => {
            let message = format!("{} is there already, and is not of this run", spec.name);
            return Err(Error::new(ErrorKind::AlreadyExists, message)
                .with_hint("name another table, or drop it"));
        }
        None => {}
    }
    let has_schema =
        session.row_if_any("prepare", HAS_SCHEMA, &[&spec.name.schema]).await?.is_some();
    let schema = if has_schema {
        String::new()
    } else {
        format!("create schema if not exists {}; ", quote(&spec.name.schema))
    };
    let sql = format!(
        "begin; {schema}{}; {}; commit",
        statement(extension, spec)?,
        comment(&spec.name, mark)
    );
    match session.define("prepare", &sql).await {
        Ok(()) => Ok(Prepared::Made),
        Err(error) => {
            // The first error is the one to report.
            drop(session.batch("prepare", "rollback").await);
            Err(error)
        }
    }
}

/// Returns the mark of a table: `None` if there is no such table, and an inner `None` if it has no mark.
///
/// # Errors
/// Those of the connection.
pub async fn marked(session: &Session, table: &TableName) -> Result<Option<Option<String>>> {
    let row = session.row_if_any("look", MARK, &[&table.schema, &table.name]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Marks a table.
///
/// # Errors
/// Those of the connection, and of the role's rights.
pub async fn put_mark(session: &Session, table: &TableName, mark: &str) -> Result<()> {
    session.define("configure", &comment(table, mark)).await
}

/// Drops a table that bears `mark`, with its indexes; one that is not there is fine.
///
/// # Errors
/// `Conflict` if it bears another mark or none.
pub async fn drop_table(session: &Session, table: &TableName, mark: &str) -> Result<()> {
    match marked(session, table).await? {
        None => Ok(()),
        Some(found) if found.as_deref() == Some(mark) => {
            session.define("drop", &format!("drop table if exists {}", table.quoted())).await
        }
        Some(_) => {
            let message = format!("{table} does not bear this run's mark and is not dropped");
            Err(Error::new(ErrorKind::Conflict, message))
        }
    }
}

/// Brings the planner's figures up to date, after a load, however long that takes.
///
/// # Errors
/// Those of the connection.
pub async fn analyse(session: &Session, table: &TableName) -> Result<()> {
    let sql = format!("set statement_timeout = 0; analyze {}", table.quoted());
    let analysed = session.batch("finish", &sql).await;
    analysed.and(session.limit("finish").await)
}

/// Returns whether the planner has figures of a table, or could have none because it is empty.
///
/// # Errors
/// Those of the connection.
pub async fn has_figures(session: &Session, table: &TableName) -> Result<bool> {
    let sql = format!(
        "select exists (select 1 from pg_catalog.pg_stats where schemaname = $1::text and tablename = $2::text) \
         or not exists (select 1 from {} limit 1)",
        table.quoted()
    );
    Ok(session.row("finish", &sql, &[&table.schema, &table.name]).await?.get(0))
}

fn refuse_names(spec: &TableSpec) -> Result<()> {
    let tenant = match &spec.tenants {
        Tenants::None => None,
        Tenants::Column(name) | Tenants::Partitions(name) => Some(name),
    };
    let columns: Vec<&String> = [&spec.id.0]
        .into_iter()
        .chain(tenant)
        .chain(spec.vectors.iter().map(|vector| &vector.name))
        .chain(spec.fields.iter().map(|(name, _)| name))
        .chain(&spec.json)
        .collect();
    for name in columns.iter().copied().chain([&spec.name.schema, &spec.name.name]) {
        if let Some(why) = misfit(name) {
            return Err(Error::invalid(format!("the name `{}` {why}", name.escape_debug())));
        }
    }
    let twice = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name));
    match twice {
        Some((_, name)) => Err(Error::invalid(format!("two columns would be called `{name}`"))),
        None => Ok(()),
    }
}

fn statement(extension: &Extension, spec: &TableSpec) -> Result<String> {
    let (id, id_type) = &spec.id;
    let id_type = match id_type {
        IdType::Text => "text",
        IdType::Bigint => "bigint",
        IdType::Uuid => "uuid",
    };
    let mut columns = vec![format!("{} {id_type} not null", quote(id))];
    let mut key = vec![quote(id)];
    let mut partitioned = String::new();
    if let Tenants::Column(name) | Tenants::Partitions(name) = &spec.tenants {
        columns.push(format!("{} text not null", quote(name)));
        key.insert(0, quote(name));
    }
    if let Tenants::Partitions(name) = &spec.tenants {
        partitioned = partition::clause(name);
    }
    for vector in &spec.vectors {
        columns.push(vector_column(extension, vector)?);
    }
    for (name, kind) in &spec.fields {
        columns.push(format!(
            "{} {}",
            quote(name),
            field_type(*kind).ok_or_else(|| Error::invalid(format!(
                "the field `{name}` has no type that can be made"
            )))?
        ));
    }
    columns.extend(spec.json.iter().map(|name| format!("{} jsonb", quote(name))));
    columns.push(format!("primary key ({})", key.join(", ")));
    Ok(format!("create table {} ({}){partitioned}", spec.name.quoted(), columns.join(", ")))
}

fn vector_column(extension: &Extension, vector: &VectorColumn) -> Result<String> {
    let VectorColumn { name, kind, dimension, .. } = vector;
    let word = match kind {
        Kind::Vector => "vector",
        Kind::Halfvec => "halfvec",
        Kind::Sparsevec => "sparsevec",
        Kind::Bit => "bit",
        _ => {
            return Err(Error::invalid(format!(
                "the vector `{name}` has no type that can be made"
            )));
        }
    };
    if let Some(most) = kind.limit().filter(|most| dimension > most && *kind != Kind::Sparsevec) {
        return Err(Error::invalid(format!(
            "the vector `{name}` has {dimension} components, and {word} holds at most {most}"
        )));
    }
    let schema =
        if *kind == Kind::Bit { String::new() } else { format!("{}.", quote(&extension.schema)) };
    let required = if vector.is_required { " not null" } else { "" };
    Ok(format!("{} {schema}{word}({dimension}){required}", quote(name)))
}

fn field_type(kind: Kind) -> Option<&'static str> {
    use super::kind::Item;
    Some(match kind {
        Kind::Text => "text",
        Kind::Int2 => "int2",
        Kind::Int4 => "int4",
        Kind::Int8 => "int8",
        Kind::Float4 => "float4",
        Kind::Float8 => "float8",
        Kind::Numeric => "numeric",
        Kind::Bool => "bool",
        Kind::Uuid => "uuid",
        Kind::Timestamptz => "timestamptz",
        Kind::Timestamp => "timestamp",
        Kind::Bytea => "bytea",
        Kind::Json => "json",
        Kind::Jsonb => "jsonb",
        Kind::List(Item::Text) => "text[]",
        Kind::List(Item::Int2) => "int2[]",
        Kind::List(Item::Int4) => "int4[]",
        Kind::List(Item::Int8) => "int8[]",
        Kind::List(Item::Float4) => "float4[]",
        Kind::List(Item::Float8) => "float8[]",
        Kind::List(Item::Bool) => "bool[]",
        Kind::Vector | Kind::Halfvec | Kind::Sparsevec | Kind::Bit | Kind::Other => return None,
    })
}

fn comment(table: &TableName, mark: &str) -> String {
    format!("comment on table {} is {}", table.quoted(), literal(mark))
}

const HAS_SCHEMA: &str = "select 1 from pg_catalog.pg_namespace where nspname = $1::text";

const MARK: &str = "
select pg_catalog.obj_description(c.oid, 'pg_class')
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1::text and c.relname = $2::text and c.relkind in ('r', 'p', 'v', 'm', 'f')";
