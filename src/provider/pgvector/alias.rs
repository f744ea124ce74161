//! Views as aliases: one that is nothing but some columns of one table stands for that table.
//!
//! A view is made to stand for another table by replacing its query, which keeps its columns, its owner, its grants and
//! whatever is built on it (PostgreSQL, "CREATE VIEW"). Its options have to be given again.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::name::{TableName, quote};
use super::peer::Peer;
use super::place::Place;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Pointed;

/// What a name cannot be, where it is none.
pub(super) const VIEW: &str = "the name of a view";
const TABLE: &str = "the name of a table";

/// A relation with the alias's name.
struct Found {
    is_view: bool,
    /// Whether the server decides by policies which of its rows a role sees.
    has_policies: bool,
    /// Whether it does more when it is written to than write to its table.
    has_rules: bool,
    /// Its query, as the server writes it.
    definition: String,
    /// The tables and views that its query reads.
    reads: Vec<TableName>,
    /// Its options, each as `name=value`.
    options: Vec<String>,
    /// Its columns, in order, and their types.
    columns: Vec<(String, String)>,
}

const LOOK: &str = "select c.relkind = 'v', c.relrowsecurity or c.relforcerowsecurity, \
     exists (select from pg_catalog.pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN') or c.relhastriggers, case when c.relkind = 'v' then pg_catalog.pg_get_viewdef(c.oid) else '' end, \
     coalesce(c.reloptions, '{}') from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = $1 and c.relname = $2";

/// What a view's query reads (PostgreSQL, "pg_depend": its rule depends on each).
const READS: &str = "select distinct rn.nspname::text, rc.relname::text from pg_catalog.pg_class c \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_rewrite r on r.ev_class = c.oid \
     join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid \
       and d.refclassid = 'pg_catalog.pg_class'::regclass \
     join pg_catalog.pg_class rc on rc.oid = d.refobjid join pg_catalog.pg_namespace rn on rn.oid = rc.relnamespace \
     where n.nspname = $1 and c.relname = $2 and rc.oid <> c.oid";

const COLUMNS: &str = "select a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod) || case when a.attcollation = t.typcollation \
       then '' else ' collate ' || coalesce((select l.collname from pg_catalog.pg_collation l where l.oid = a.attcollation), '?') end \
     from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid join pg_catalog.pg_class c on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped order by a.attnum";

/// Roles that may read or write by the view what it stands for now, and could not any more: its owner, whose rights a view
/// has, or whoever may ask one that has the rights of those who ask it.
const CUT_OFF: &str = "select distinct r.name || ' (' || lower(r.privilege) || ')' from pg_catalog.pg_class c \
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
       cross join lateral (select exists (select from pg_catalog.pg_options_to_table(c.reloptions) o \
         where o.option_name = 'security_invoker' and o.option_value::boolean) as by_caller) i \
       cross join lateral (select pg_catalog.pg_get_userbyid(c.relowner)::text as name, 'SELECT' as privilege union \
         select case when not i.by_caller then pg_catalog.pg_get_userbyid(c.relowner)::text \
           when a.grantee = 0 then 'public' else pg_catalog.pg_get_userbyid(a.grantee)::text end, a.privilege_type \
         from pg_catalog.aclexplode(c.relacl) a where a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')) r, \
       pg_catalog.pg_class t join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace \
     where n.nspname = $1 and c.relname = $2 and tn.nspname = $3 and t.relname = $4 \
       and pg_catalog.has_table_privilege(r.name, $5::text::regclass, r.privilege) \
       and not pg_catalog.has_table_privilege(r.name, t.oid, r.privilege) order by 1";

/// Replacing a view takes what its owner may do, and the right to create in its schema.
const MAY: &str = "select pg_catalog.pg_has_role(c.relowner, 'USAGE') and pg_catalog.has_schema_privilege(n.oid, 'CREATE') from pg_catalog.pg_class c \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2";

async fn columns(session: &Session, name: &TableName) -> Result<Vec<(String, String)>> {
    let rows = session.rows("alias", COLUMNS, &[&name.schema, &name.name]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn look(session: &Session, name: &TableName) -> Result<Option<Found>> {
    let row = session.row_if_any("alias", LOOK, &[&name.schema, &name.name]).await?;
    let Some(row) = row else { return Ok(None) };
    let reads = session.rows("alias", READS, &[&name.schema, &name.name]).await?;
    let table = |row: &Row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
    Ok(Some(Found {
        is_view: row.get(0),
        has_policies: row.get(1),
        has_rules: row.get(2),
        definition: row.get(3),
        options: row.get(4),
        reads: reads.iter().map(table).collect(),
        columns: columns(session, name).await?,
    }))
}

impl Found {
    /// Returns the table that it stands for, or in words what it is instead.
    fn table(&self) -> Result<&TableName, String> {
        if !self.is_view {
            return Err("no view".to_owned());
        }
        if self.has_rules {
            return Err("a view with rules or triggers of its own".to_owned());
        }
        match &self.reads[..] {
            [] => Err("a view of no table".to_owned()),
            [table] if is_plain(&self.definition) => Ok(table),
            [table] => Err(format!("a view that is more than columns of {table}")),
            _ => Err("a view of several tables".to_owned()),
        }
    }

    /// Lists the columns that a table lacks, or has of another type.
    fn lacks(&self, of_table: &[(String, String)]) -> Vec<String> {
        let of_table: BTreeMap<_, _> = of_table.iter().map(|(name, kind)| (name, kind)).collect();
        let missing = self.columns.iter().filter_map(|(name, kind)| match of_table.get(name) {
            Some(own) if *own == kind => None,
            Some(own) => Some(format!("`{name}` is of type {own} and not {kind}")),
            None => Some(format!("`{name}` is not there")),
        });
        missing.collect()
    }
}

/// Returns whether a query is nothing but columns of one table, as the server writes such a one.
fn is_plain(definition: &str) -> bool {
    let text = definition.trim().trim_end_matches(';');
    let Some((columns, from)) = text.split_once("\n   FROM ") else { return false };
    let Some(columns) = columns.strip_prefix("SELECT ") else { return false };
    let is_name = |name: &str| {
        let mut parts = unquoted(name.trim()).into_iter();
        parts.all(|part| part.chars().all(|one| one.is_alphanumeric() || "_$.".contains(one)))
    };
    // A second name behind the table's is what the query calls it.
    let is_one_table = match spaced(from)[..] {
        // Without the rows of tables that inherit from it.
        ["ONLY", ..] => false,
        [table] => is_name(table),
        [table, called] => is_name(table) && is_name(called),
        _ => false,
    };
    is_one_table && columns.split(",\n").all(is_name)
}

/// Returns what of a name stands outside quotes.
fn unquoted(name: &str) -> Vec<&str> {
    name.split('"').step_by(2).collect()
}

/// Splits at spaces outside quotes.
fn spaced(text: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let at = |one: char| {
        is_quoted ^= one == '"';
        one.is_whitespace() && !is_quoted
    };
    text.split(at).collect()
}

fn refused(name: &TableName, what: String) -> Error {
    Error::new(ErrorKind::Refused, format!("{name} is {what}"))
        .with_hint("an alias is a view that is nothing but columns of one table")
}

fn absent(name: &TableName) -> Error {
    let message = format!("there is no view {name}");
    Error::new(ErrorKind::Refused, message).with_hint(
        "make one that is nothing but columns of the source, and let the application ask by it first",
    )
}

impl Peer {
    pub(super) async fn resolve(&self, name: &str, indexes: &[&str]) -> Result<Pointed> {
        let session = self.session().await?;
        let found = resolve(&session, name, indexes).await?;
        session.give_back();
        Ok(found)
    }

    pub(super) async fn point(&self, name: &str, index: &str) -> Result<()> {
        let session = self.session().await?;
        point(&session, name, index).await?;
        session.give_back();
        Ok(())
    }

    pub(super) async fn obstacles(&self, name: &str, indexes: &[&str]) -> Result<Vec<Error>> {
        let session = self.session().await?;
        let found = obstacles(&session, name, indexes).await?;
        session.give_back();
        Ok(found)
    }
}

/// Returns what a view stands for.
///
/// # Errors
/// Those of the connection.
async fn resolve(session: &Session, name: &str, indexes: &[&str]) -> Result<Pointed> {
    let name = Place::one_table(name, VIEW)?;
    let Some(found) = look(session, &name).await? else { return Ok(Pointed::Nowhere) };
    let table = match found.table() {
        Ok(table) => table,
        Err(what) => return Ok(Pointed::Elsewhere(what)),
    };
    let is_it = |index: &&str| Place::one_table(index, TABLE).is_ok_and(|own| own == *table);
    Ok(match indexes.iter().position(is_it) {
        Some(at) => Pointed::At(at),
        None => Pointed::Elsewhere(format!("a view of {table}")),
    })
}

/// Makes a view stand for a table.
///
/// # Errors
/// `Refused` if it is no such view, or the table has not the view's columns; those of the connection and of the role's
/// rights.
async fn point(session: &Session, name: &str, index: &str) -> Result<()> {
    let (name, table) = (Place::one_table(name, VIEW)?, Place::one_table(index, TABLE)?);
    let found = look(session, &name).await?.ok_or_else(|| absent(&name))?;
    let now = found.table().map_err(|what| refused(&name, what))?;
    if *now == table {
        return Ok(());
    }
    let target = look(session, &table).await?;
    if let Some(error) = unfit(session, &found, (&name, now, &table), target.as_ref()).await? {
        return Err(error);
    }
    // Whoever waits for the view waits behind this: better to try again.
    session.batch("alias", "set lock_timeout = '1s'").await?;
    let columns: Vec<_> = found.columns.iter().map(|(name, _)| quote(name)).collect();
    let options = match found.options.is_empty() {
        true => String::new(),
        false => format!(" with ({})", found.options.join(", ")),
    };
    let sql = format!(
        "create or replace view {}{options} as select {} from {}",
        name.quoted(),
        columns.join(", "),
        table.quoted()
    );
    session.define("alias", &sql).await?;
    session.limit("alias").await
}

/// Returns why a view cannot stand for a table.
async fn unfit(
    session: &Session,
    found: &Found,
    (name, now, table): (&TableName, &TableName, &TableName),
    target: Option<&Found>,
) -> Result<Option<Error>> {
    let lacks = found.lacks(target.map(|target| &*target.columns).unwrap_or_default());
    if !lacks.is_empty() {
        let message = format!("{table} has not the columns of {name}: {}", lacks.join(", "));
        return Ok(Some(Error::new(ErrorKind::Refused, message)));
    }
    let policies = |found: Option<&Found>| found.is_some_and(|found| found.has_policies);
    if policies(look(session, now).await?.as_ref()) != policies(target) {
        let message =
            format!("of {now} and {table}, policies decide for one alone which rows a role sees");
        return Ok(Some(
            Error::new(ErrorKind::Refused, message)
                .with_hint("give both the same policies, or nobody would see what he should"),
        ));
    }
    let now = now.quoted();
    let whom = [&name.schema, &name.name, &table.schema, &table.name, &now];
    let rows = session.rows("alias", CUT_OFF, &whom.map(|text| text as _)).await?;
    let roles: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok((!roles.is_empty()).then(|| {
        let roles = roles.join(", ");
        let message =
            format!("{name} could not be asked as it is now: rights to {table} lack {roles}");
        Error::new(ErrorKind::Unauthorized, message)
            .with_hint(format!("grant on {table} what is granted on the other table"))
    }))
}

/// Finds what would keep a view from standing for each of the tables that are there.
///
/// # Errors
/// Those of the connection.
async fn obstacles(session: &Session, name: &str, indexes: &[&str]) -> Result<Vec<Error>> {
    let name = Place::one_table(name, VIEW)?;
    let Some(found) = look(session, &name).await? else { return Ok(vec![absent(&name)]) };
    let mut problems = Vec::new();
    // What else it is, whoever resolves it says.
    let Ok(now) = found.table() else { return Ok(problems) };
    let may: bool = session.row("alias", MAY, &[&name.schema, &name.name]).await?.get(0);
    if !may {
        let message = format!(
            "the role may not replace {name}: it is its owner's, who may create in the schema"
        );
        problems.push(Error::new(ErrorKind::Unauthorized, message));
    }
    for index in indexes {
        let table = Place::one_table(index, TABLE)?;
        // A target that is not made yet is not looked at.
        if let Some(target) = look(session, &table).await? {
            problems.extend(unfit(session, &found, (&name, now, &table), Some(&target)).await?);
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_of_one_table_are_an_alias() {
        for plain in [
            " SELECT id,\n    embedding\n   FROM shop.products;",
            " SELECT products.id\n   FROM shop.products;",
            " SELECT id\n   FROM products p;",
            " SELECT \"a b\".\"select (\"\n   FROM \"a b\".\"c \"\"d\";",
        ] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in [
            " SELECT id\n   FROM products\n  WHERE (shop = 'a'::text);",
            " SELECT lower(title) AS title\n   FROM products;",
            " SELECT id AS sku\n   FROM products;",
            " SELECT id\n   FROM products\n LIMIT 5;",
            " SELECT id\n   FROM ONLY products;",
            " SELECT a.id\n   FROM (a\n     JOIN b ON ((a.id = b.id)));",
            " SELECT id\n   FROM a\nUNION\n SELECT id\n   FROM a;",
            " SELECT DISTINCT id\n   FROM a;",
            " WITH x AS (\n         SELECT id FROM a\n        )\n SELECT id\n   FROM x;",
            "",
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }
}
