//! Tables that hold a namespace each: which there are, and how another is made.

use std::collections::BTreeMap;

use super::look::Table;
use super::mapping::Mapping;
use super::name::{TableName, ended, literal, mark, quote};
use super::place::Pattern;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Namespace;

/// The most tables that a message names.
const NAMED: usize = 5;

/// A table that holds a namespace.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub name: TableName,
    pub comment: Option<String>,
    /// The planner's estimate of its rows; `None` if it was never analysed.
    pub estimated_rows: Option<u64>,
    /// Its columns and keys as a text: tables of one shape have the same.
    shape: String,
    /// A table whose rows are these too.
    inherits: Option<String>,
}

/// Tables of one pattern.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Family {
    pub members: BTreeMap<Namespace, Member>,
    /// What fits the pattern and is no table: a view reads the rows of others.
    pub others: Vec<TableName>,
}

impl Family {
    /// Finds the tables whose names fit.
    ///
    /// # Errors
    /// `Refused` if they are not of one shape, or one holds the rows of another; those of the connection.
    pub async fn find(session: &Session, pattern: &Pattern) -> Result<Self> {
        let names = [&pattern.schema, &pattern.before, &pattern.after];
        let rows = session.rows("look", MEMBERS, &names.map(|name| name as _)).await?;
        let mut family = Self::default();
        for row in &rows {
            let name: String = row.get("name");
            let Some(namespace) = pattern.namespace(&name) else { continue };
            let name = TableName::new(&pattern.schema, name);
            if !row.get::<_, bool>("is_table") {
                family.others.push(name);
                continue;
            }
            let estimate: f64 = row.get("estimate");
            let member = Member {
                name,
                comment: row.get("comment"),
                estimated_rows: (estimate >= 0.0).then_some(estimate as u64),
                shape: row.get("shape"),
                inherits: row.get("inherits"),
            };
            family.members.insert(namespace, member);
        }
        family.refuse_unlike()?;
        Ok(family)
    }

    /// Returns the table by which the others go: that of the default namespace, or the first.
    pub fn first(&self) -> Option<&Member> {
        self.members.values().next()
    }

    fn refuse_unlike(&self) -> Result<()> {
        let Some(first) = self.first() else { return Ok(()) };
        let heirs = self.members.values().filter_map(|one| Some((one, one.inherits.as_ref()?)));
        let heirs: Vec<_> =
            heirs.map(|(one, from)| format!("{} inherits from {from}", one.name)).collect();
        if !heirs.is_empty() {
            let message =
                format!("rows of these tables are another table's, too: {}", listed(&heirs));
            return Err(Error::new(ErrorKind::Refused, message).with_hint(
                "name the table that has them all as the index, with its tenant column",
            ));
        }
        let unlike = self.members.values().filter(|one| one.shape != first.shape);
        let unlike: Vec<_> = unlike.map(|one| one.name.to_string()).collect();
        if unlike.is_empty() {
            return Ok(());
        }
        let message = format!(
            "tables whose names fit have not the columns and keys (and their NOT NULL) of {}: {}",
            first.name,
            listed(&unlike)
        );
        Err(Error::new(ErrorKind::Refused, message)
            .with_hint("give them other names, or move each kind of table by a plan of its own"))
    }
}

/// Joins names, the first few.
pub(super) fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Makes a table like another, with its keys, and marks it; indexes over vectors come after the load. One that is there
/// is fine.
///
/// # Errors
/// `Refused` if policies decide who sees rows of the other, since nobody would have said what they are here; those of the
/// connection and of the role's rights.
pub(super) async fn make(
    session: &Session,
    (like, table): (&Mapping, &TableName),
    comment: &str,
) -> Result<()> {
    let of = &like.table;
    let names = [&of.name.schema, &of.name.name];
    let has_policies = session.row("write", HAS_POLICIES, &names.map(|name| name as _)).await?;
    if has_policies.get(0) {
        let message = format!(
            "policies decide which rows of {} a role sees, and a new table {table} would have none",
            of.name
        );
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("make the table with its policies before the run"));
    }
    let sql = format!(
        "begin; create table {0} (like {1} including all excluding indexes); {2}comment on table {0} is {3}; commit",
        table.quoted(),
        of.name.quoted(),
        keys(of, table),
        literal(comment),
    );
    match session.batch("write", &sql).await {
        Ok(()) => Ok(()),
        Err(error) => {
            // The first error is the one to report.
            drop(session.batch("write", "rollback").await);
            match is_there(&error) {
                true => Ok(()),
                false => Err(error),
            }
        }
    }
}

/// Another session was quicker.
fn is_there(error: &Error) -> bool {
    error.kind() == ErrorKind::AlreadyExists || error.context_of("sqlstate") == Some("23505")
}

/// Statements that give a table the keys of another. Their names end with a digest: an index is named among the tables, where
/// another namespace may have the plain name.
fn keys(of: &Table, table: &TableName) -> String {
    let statement = |(at, key): (usize, &super::look::Key)| {
        let columns: Vec<_> = key.columns.iter().map(|name| quote(name)).collect();
        let own = mark(&format!("{table}\0{at}"));
        let word = if key.is_primary { "primary key" } else { "unique" };
        format!(
            "alter table {} add constraint {} {word} ({}); ",
            table.quoted(),
            quote(&ended(&table.name, &format!("{own}_key"))),
            columns.join(", ")
        )
    };
    of.keys.iter().enumerate().map(statement).collect()
}

const HAS_POLICIES: &str = "
select exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
               where n.nspname = $1::text and c.relname = $2::text and c.relrowsecurity)";

const MEMBERS: &str = "
select c.relname::text as name, c.relkind in ('r', 'p') as is_table, c.reltuples::float8 as estimate,
       pg_catalog.obj_description(c.oid, 'pg_class') as comment,
       coalesce((select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' '
                        || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' order by a.attname)
                 from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '')
       || '; ' || coalesce((select pg_catalog.string_agg(k.columns, '; ' order by k.columns) from (
           -- A key of which a column may be null is none to read by: see `look`.
           select (select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname)
                     || case when a.attnotnull and not exists (select 1 from pg_catalog.pg_constraint n
                               where n.conrelid = a.attrelid and n.contype = 'n' and not n.convalidated and n.conkey = array[a.attnum])
                             then '' else ' null' end, ', ' order by a.attname)
                   from unnest(i.indkey::int2[]) with ordinality u(number, at)
                   join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.number
                   where u.at <= i.indnkeyatts) as columns
           from pg_catalog.pg_index i
           where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
             and i.indexprs is null) k), '') as shape,
       (select p.oid::regclass::text from pg_catalog.pg_inherits i join pg_catalog.pg_class p on p.oid = i.inhparent
        where i.inhrelid = c.oid limit 1) as inherits
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1::text and starts_with(c.relname::text, $2::text)
  and right(c.relname::text, length($3::text)) = $3::text and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and not c.relispartition
order by c.relname::text collate \"C\"";
