//! What an audit finds at a table.

use super::index::Distance;
use super::kind::{Item, Kind};
use super::look::{Column, Form, Server, Table};
use super::mapping::{Identity, Mapping};
use super::name::quote;
use super::session::Session;
use crate::error::Result;

/// Something that a plan must know before records are moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A word for it.
    pub rule: &'static str,
    /// The column or index that it is about.
    pub about: Option<String>,
    /// The records concerned, where they were counted.
    pub records: Option<u64>,
    pub message: String,
}

impl Finding {
    fn of(
        rule: &'static str,
        about: impl Into<Option<String>>,
        message: impl Into<String>,
    ) -> Self {
        Self { rule, about: about.into(), records: None, message: message.into() }
    }

    fn counted(
        rule: &'static str,
        column: &Column,
        records: i64,
        message: impl Into<String>,
    ) -> Option<Self> {
        (records > 0).then(|| Self {
            rule,
            about: Some(column.name.clone()),
            records: Some(records.unsigned_abs()),
            message: message.into(),
        })
    }
}

impl Finding {
    /// Returns whether it says the same of the same column, of other records.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.rule, &self.about, &self.message) == (other.rule, &other.about, &other.message)
    }

    /// Adds the records of one that says the same.
    pub(super) fn add(&mut self, other: &Self) {
        self.records =
            self.records.zip(other.records).map(|(own, more)| own + more).or(self.records);
    }

    /// Returns it with what it is about, and its count: `` `embedding`: vectors that are all zero (3)``.
    pub(super) fn sentence(&self) -> String {
        let about = self.about.as_ref().map(|about| format!("`{about}`: ")).unwrap_or_default();
        let count = self.records.map(|records| format!(" ({records})")).unwrap_or_default();
        format!("{about}{}{count}", self.message)
    }
}

/// The side of a migration that a table is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Read,
    Write,
}

/// Returns what can be said without reading a record.
pub fn of_server(server: &Server, side: Use) -> Vec<Finding> {
    let mut found = Vec::new();
    if server.extension.is_none() {
        let message = match &server.available {
            Some(version) => {
                format!("the extension is not in this database; version {version} can be made")
            }
            None => "the server has no pgvector".to_owned(),
        };
        found.push(Finding::of("extension_missing", None, message));
    }
    if side == Use::Write && server.is_standby {
        found.push(Finding::of("standby", None, "the server is a replica and takes no writes"));
    }
    if side == Use::Write && !server.may_use_temporary {
        let message =
            format!("the role {} may not use temporary tables, which a write needs", server.role);
        found.push(Finding::of("no_temporary_tables", None, message));
    }
    found
}

/// Returns what a table's definition says, without reading a record.
pub fn of_table(mapping: &Mapping, side: Use) -> Vec<Finding> {
    let table = &mapping.table;
    let mut found = Vec::new();
    rights(table, side, &mut found);
    if mapping.order.is_none() {
        let message = "no key whose columns are all NOT NULL: its rows cannot be read in parts, nor gone on with";
        found.push(Finding::of("no_key", None, message));
    }
    if mapping.identity == Identity::NotEnforced {
        let message = "no key over the ids: one may occur more than once, and none can be replaced";
        found.push(Finding::of("ids_not_unique", mapping.id.name.clone(), message));
    }
    if table.is_unlogged {
        found.push(Finding::of(
            "unlogged",
            None,
            "the table is unlogged: a crash of the server empties it",
        ));
    }
    if table.hides_rows {
        let message =
            "row-level security decides which rows this role sees: a copy would miss the others";
        found.push(Finding::of("rows_hidden", None, message));
    }
    mapping.vectors.iter().for_each(|(_, column)| vector(table, column, &mut found));
    for index in table.indexes.iter().filter(|index| !index.is_valid) {
        let message = "the index is not valid: its making failed, and no query uses it";
        found.push(Finding::of("index_invalid", index.name.clone(), message));
    }
    found
}

fn rights(table: &Table, side: Use, found: &mut Vec<Finding>) {
    if !table.may.read {
        found.push(Finding::of("may_not_read", None, "the role may not read the table"));
    }
    if side == Use::Write && !table.may.may_put() {
        found.push(Finding::of(
            "may_not_write",
            None,
            "the role may not write the table: it needs SELECT, INSERT and UPDATE",
        ));
    }
    if side == Use::Write && !matches!(table.form, Form::Table | Form::Partitioned) {
        found.push(Finding::of("no_table", None, "it is no table and takes no records"));
    }
}

fn vector(table: &Table, column: &Column, found: &mut Vec<Finding>) {
    let about = || Some(column.name.clone());
    match (column.dimension, column.kind.index_limit()) {
        (Some(dimension), Some(most)) if dimension > most && column.kind != Kind::Sparsevec => {
            let message = format!(
                "{dimension} components, and an index takes at most {most}: every query would look at every record"
            );
            found.push(Finding::of("over_index_limit", about(), message));
        }
        (None, Some(_)) => {
            found.push(Finding::of(
                "dimension_unknown",
                about(),
                "the column does not say how many components it holds, so no index takes it",
            ));
        }
        _ => {}
    }
    let metrics: Vec<Distance> = table
        .indexes
        .iter()
        .filter(|index| index.column.as_deref() == Some(&column.name))
        .filter_map(|index| index.distance)
        .collect();
    if metrics.iter().any(|one| *one != metrics[0]) {
        found.push(Finding::of(
            "metrics_differ",
            about(),
            "its indexes are of different distances: the plan must say which one counts",
        ));
    }
}

/// Reads all records once and returns what is wrong with them.
///
/// # Errors
/// Those of the connection.
pub async fn of_records(session: &Session, mapping: &Mapping) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    ids(session, mapping, &mut found).await?;
    for (_, column) in &mapping.vectors {
        vectors(session, mapping, column, &mut found).await?;
    }
    Ok(found)
}

async fn ids(session: &Session, mapping: &Mapping, found: &mut Vec<Finding>) -> Result<()> {
    let (table, id) = (mapping.table.name.quoted(), quote(&mapping.id.name));
    let negative = if mapping.id.kind.is_whole() {
        format!("count(*) filter (where {id} < 0)")
    } else {
        "0::int8".to_owned()
    };
    let sql = format!(
        "select count(*) filter (where {id} is null), count(*) filter (where {id}::text = ''), {negative} from {table}"
    );
    let row = session.row("audit", &sql, &[]).await?;
    found.extend(Finding::counted("null_ids", &mapping.id, row.get(0), "rows without an id"));
    found.extend(Finding::counted("empty_ids", &mapping.id, row.get(1), "ids that are empty"));
    found.extend(Finding::counted(
        "negative_ids",
        &mapping.id,
        row.get(2),
        "ids below zero, which are moved as texts",
    ));
    if mapping.identity == Identity::NotEnforced {
        let tenant = mapping
            .tenant
            .as_ref()
            .map(|column| format!(", {}", quote(&column.name)))
            .unwrap_or_default();
        let sql = format!(
            "select coalesce(sum(times - 1), 0)::int8 from (select count(*) as times from {table} where {id} is not null group by {id}{tenant} having count(*) > 1) more"
        );
        let row = session.row("audit", &sql, &[]).await?;
        found.extend(Finding::counted(
            "duplicate_ids",
            &mapping.id,
            row.get(0),
            "rows whose id another row has",
        ));
    }
    vouched(session, mapping, found).await?;
    if let Some(tenant) = mapping.tenant.as_ref().filter(|column| column.is_nullable) {
        let name = quote(&tenant.name);
        let sql = format!(
            "select count(*) filter (where {name} is null), count(*) filter (where {name}::text = '') from {table}"
        );
        let row = session.row("audit", &sql, &[]).await?;
        let (null, empty): (i64, i64) = (row.get(0), row.get(1));
        let both = if null > 0 && empty > 0 { null + empty } else { 0 };
        found.extend(Finding::counted(
            "default_twice",
            tenant,
            both,
            "rows of no tenant, and rows of an empty one: both are the default partition",
        ));
    }
    Ok(())
}

/// Counts the rows that a scan in the order of a vouched key would leave out.
async fn vouched(session: &Session, mapping: &Mapping, found: &mut Vec<Finding>) -> Result<()> {
    let Some(order) = mapping.order.as_ref().filter(|_| mapping.is_vouched) else { return Ok(()) };
    let names: Vec<_> = order.iter().map(|column| quote(&column.name)).collect();
    let is_null: Vec<_> = names.iter().map(|name| format!("{name} is null")).collect();
    let (names, is_null, table) =
        (names.join(", "), is_null.join(" or "), mapping.table.name.quoted());
    let sql = format!(
        "select (select count(*) from {table} where {is_null}), \
         (select coalesce(sum(times - 1), 0)::int8 from (select count(*) as times from {table} \
          where not ({is_null}) group by {names} having count(*) > 1) more)"
    );
    let row = session.row("audit", &sql, &[]).await?;
    let about = &order[0];
    found.extend(Finding::counted(
        "null_keys",
        about,
        row.get(0),
        "rows whose key holds a null, which a scan would not meet",
    ));
    found.extend(Finding::counted(
        "duplicate_keys",
        about,
        row.get(1),
        "rows whose key another row has, of which a scan could leave some out",
    ));
    Ok(())
}

async fn vectors(
    session: &Session,
    mapping: &Mapping,
    column: &Column,
    found: &mut Vec<Finding>,
) -> Result<()> {
    let name = quote(&column.name);
    let Measures { zero, not_finite, components } = measures(mapping, column);
    let (smallest, largest) = match &components {
        Some(components) => {
            (format!("min({components})::int8"), format!("max({components})::int8"))
        }
        None => ("null::int8".to_owned(), "null::int8".to_owned()),
    };
    let sql = format!(
        "select count(*) filter (where {name} is null), count(*) filter (where {zero}), count(*) filter (where {not_finite}), \
         {smallest}, {largest} from {}",
        mapping.table.name.quoted()
    );
    let row = session.row("audit", &sql, &[]).await?;
    found.extend(Finding::counted("null_vectors", column, row.get(0), "rows without this vector"));
    found.extend(Finding::counted(
        "zero_vectors",
        column,
        row.get(1),
        "vectors that are all zero: under cosine no query finds them",
    ));
    found.extend(Finding::counted(
        "not_finite",
        column,
        row.get(2),
        "vectors with a number that is infinite or none, or with a null",
    ));
    let (smallest, largest): (Option<i64>, Option<i64>) = (row.get(3), row.get(4));
    if smallest != largest {
        let message = format!(
            "vectors of {} to {} components",
            smallest.unwrap_or_default(),
            largest.unwrap_or_default()
        );
        found.push(Finding::of("dimensions_differ", column.name.clone(), message));
    }
    Ok(())
}

/// Conditions and an expression over one vector.
struct Measures {
    zero: String,
    not_finite: String,
    components: Option<String>,
}

fn measures(mapping: &Mapping, column: &Column) -> Measures {
    let (name, schema) = (quote(&column.name), quote(&mapping.extension.schema));
    let never = || "false".to_owned();
    match column.kind {
        Kind::Vector | Kind::Halfvec => {
            let norm = if column.kind == Kind::Vector { "vector_norm" } else { "l2_norm" };
            Measures {
                zero: format!("{schema}.{norm}({name}) = 0"),
                not_finite: never(),
                components: column
                    .dimension
                    .is_none()
                    .then(|| format!("{schema}.vector_dims({name})")),
            }
        }
        Kind::Sparsevec => Measures {
            zero: format!("{schema}.l2_norm({name}) = 0"),
            not_finite: never(),
            components: None,
        },
        Kind::List(Item::Float4 | Item::Float8) => {
            let any = |condition: &str| {
                format!("exists (select 1 from unnest({name}) as one(item) where {condition})")
            };
            let odd = any("item is null or item in ('NaN', 'Infinity', '-Infinity')");
            Measures {
                zero: format!("{name} is not null and not {}", any("item is null or item <> 0")),
                not_finite: format!("({odd} or array_ndims({name}) > 1)"),
                components: Some(format!("cardinality({name})")),
            }
        }
        _ => Measures {
            zero: format!("position('1' in {name}::text) = 0"),
            not_finite: never(),
            components: None,
        },
    }
}
