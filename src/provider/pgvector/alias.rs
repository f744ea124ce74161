//! Views as aliases: one that is nothing but some columns of one table stands for that table.
//!
//! A view is made to stand for another table by replacing its query, which keeps its columns, its owner, its grants and
//! whatever is built on it (PostgreSQL, "CREATE VIEW"). Its options have to be given again.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::keys::table_name;
use super::name::{TableName, quote};
use super::peer::Peer;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Pointed;

/// A relation with the alias's name.
struct Found {
    is_view: bool,
    /// Its query, as the server writes it.
    definition: String,
    /// The tables and views that its query reads.
    reads: Vec<TableName>,
    /// Its options, each as `name=value`.
    options: Vec<String>,
    /// Its columns, in order, and their types.
    columns: Vec<(String, String)>,
}

const LOOK: &str = "select c.relkind = 'v', case when c.relkind = 'v' then pg_catalog.pg_get_viewdef(c.oid) else '' end, \
     coalesce(c.reloptions, '{}') from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = $1 and c.relname = $2";

/// What a view's query reads (PostgreSQL, "pg_depend": its rule depends on each).
const READS: &str = "select distinct rn.nspname::text, rc.relname::text from pg_catalog.pg_class c \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_rewrite r on r.ev_class = c.oid \
     join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid \
       and d.refclassid = 'pg_catalog.pg_class'::regclass \
     join pg_catalog.pg_class rc on rc.oid = d.refobjid join pg_catalog.pg_namespace rn on rn.oid = rc.relnamespace \
     where n.nspname = $1 and c.relname = $2 and rc.oid <> c.oid";

const COLUMNS: &str = "select a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a \
     join pg_catalog.pg_class c on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped order by a.attnum";

/// Roles that could ask the view and not the table: its owner, whose rights a view has, or whoever may ask one that has the
/// rights of those who ask it.
const CUT_OFF: &str = "select r.name from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace, \
     lateral (select pg_catalog.pg_get_userbyid(c.relowner)::text as name union \
       select case when a.grantee = 0 then 'public' else pg_catalog.pg_get_userbyid(a.grantee)::text end \
       from pg_catalog.aclexplode(c.relacl) a where a.privilege_type = 'SELECT' \
         and c.reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1']) r, \
     pg_catalog.pg_class t join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace \
     where n.nspname = $1 and c.relname = $2 and tn.nspname = $3 and t.relname = $4 \
       and not pg_catalog.has_table_privilege(r.name, t.oid, 'SELECT') order by 1";

const MAY: &str = "select pg_catalog.pg_has_role(c.relowner, 'USAGE') from pg_catalog.pg_class c \
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
        definition: row.get(1),
        options: row.get(2),
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
        match &self.reads[..] {
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
    let mut of_table = spaced(from.strip_prefix("ONLY ").unwrap_or(from)).into_iter();
    let is_one_table = of_table.by_ref().take(2).all(is_name) && of_table.next().is_none();
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

fn named(name: &str, what: &str) -> Result<TableName> {
    table_name(name).map_err(|why| Error::invalid(format!("`{name}` cannot be {what}: {why}")))
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
    let name = named(name, "the name of a view")?;
    let Some(found) = look(session, &name).await? else { return Ok(Pointed::Nowhere) };
    let table = match found.table() {
        Ok(table) => table,
        Err(what) => return Ok(Pointed::Elsewhere(what)),
    };
    let is_it = |index: &&str| table_name(index).is_ok_and(|own| own == *table);
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
    let (name, table) = (named(name, "the name of a view")?, named(index, "the name of a table")?);
    let found = look(session, &name).await?.ok_or_else(|| absent(&name))?;
    let now = found.table().map_err(|what| refused(&name, what))?;
    if *now == table {
        return Ok(());
    }
    if let Some(error) = unfit(session, &found, (&name, &table)).await? {
        return Err(error);
    }
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
    session.batch("alias", &sql).await
}

/// Returns why a view cannot stand for a table.
async fn unfit(
    session: &Session,
    found: &Found,
    (name, table): (&TableName, &TableName),
) -> Result<Option<Error>> {
    let lacks = found.lacks(&columns(session, table).await?);
    if !lacks.is_empty() {
        let message = format!("{table} has not the columns of {name}: {}", lacks.join(", "));
        return Ok(Some(Error::new(ErrorKind::Refused, message)));
    }
    let whom = [&name.schema, &name.name, &table.schema, &table.name];
    let rows = session.rows("alias", CUT_OFF, &whom.map(|text| text as _)).await?;
    let roles: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok((!roles.is_empty()).then(|| {
        let roles = roles.join(", ");
        let message = format!("{name} could not be asked any more: {roles} may not read {table}");
        Error::new(ErrorKind::Unauthorized, message)
            .with_hint(format!("grant select on {table} to {roles}"))
    }))
}

/// Finds what would keep a view from standing for each of the tables that are there.
///
/// # Errors
/// Those of the connection.
async fn obstacles(session: &Session, name: &str, indexes: &[&str]) -> Result<Vec<Error>> {
    let name = named(name, "the name of a view")?;
    let Some(found) = look(session, &name).await? else { return Ok(vec![absent(&name)]) };
    let mut problems = Vec::new();
    // What else it is, whoever resolves it says.
    if found.table().is_err() {
        return Ok(problems);
    }
    let may: bool = session.row("alias", MAY, &[&name.schema, &name.name]).await?.get(0);
    if !may {
        let message = format!("the role does not own {name}, and only its owner can replace it");
        problems.push(Error::new(ErrorKind::Unauthorized, message));
    }
    for index in indexes {
        let table = named(index, "the name of a table")?;
        // A target that is not made yet is not looked at.
        if look(session, &table).await?.is_some() {
            problems.extend(unfit(session, &found, (&name, &table)).await?);
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
            " SELECT \"a b\".\"select (\"\n   FROM ONLY \"a b\".\"c \"\"d\";",
        ] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in [
            " SELECT id\n   FROM products\n  WHERE (shop = 'a'::text);",
            " SELECT lower(title) AS title\n   FROM products;",
            " SELECT id AS sku\n   FROM products;",
            " SELECT id\n   FROM products\n LIMIT 5;",
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
