//! What depends on tables, and what else speaks against dropping them.

use tokio_postgres::Row;

use super::alias::VIEW;
use super::classify::TOO_FEW_LOCKS;
use super::family::listed;
use super::look::Form;
use super::mapping::Mapping;
use super::name::TableName;
use super::place::Place;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};

/// Finds what keeps the tables from being dropped, although their records are elsewhere. The view `moved` stands for another
/// table by then.
///
/// # Errors
/// `Invalid` if `moved` cannot be the name of a view; those of the connection.
pub(super) async fn obstacles(
    session: &Session,
    like: &Mapping,
    tables: &[TableName],
    moved: Option<&str>,
) -> Result<Vec<Error>> {
    let refused = |message: String| Error::new(ErrorKind::Refused, message);
    let mut found = Vec::new();
    let name = &like.table.name;
    let what = match like.table.form {
        Form::Table | Form::Partitioned => None,
        Form::View => Some("a view"),
        Form::Materialized => Some("a materialized view"),
        Form::Foreign => Some("a foreign table"),
    };
    if let Some(what) = what {
        found.push(refused(format!(
            "{name} is {what}, and what it reads is not the run's to take away"
        )));
        return Ok(found);
    }
    let names: Vec<String> = tables.iter().map(TableName::quoted).collect();
    let moved = moved.map(|name| Place::one_table(name, VIEW)).transpose()?;
    let moved = moved.as_ref().map(TableName::quoted);
    let texts = |rows: Vec<Row>| rows.iter().map(|row| row.get(0)).collect::<Vec<String>>();
    let foreign = texts(session.rows("look", OTHERS_OWN, &[&names]).await?);
    if !foreign.is_empty() {
        let message = format!("only their owner may drop them: {}", listed(&foreign));
        found.push(Error::new(ErrorKind::Unauthorized, message));
    }
    let depending = texts(session.rows("look", DEPENDING, &[&names, &moved]).await?);
    if !depending.is_empty() {
        let message = format!("something else depends on {name}: {}", listed(&depending));
        found.push(refused(message).with_hint(
            "see that it is not needed any more, or points to the target, and take it away yourself",
        ));
    }
    let locks = session.row("look", LOCKS, &[&names]).await?;
    let (needed, most): (i64, i64) = (locks.get(0), locks.get(1));
    if needed > most {
        let message = format!(
            "to drop {} tables at once takes {needed} locks, and the server holds about {most}",
            tables.len()
        );
        found.push(refused(message).with_hint(TOO_FEW_LOCKS));
    }
    let lost = like.kept_out();
    if !lost.is_empty() {
        let message =
            format!("columns of {name} would be lost that no record has: {}", lost.join(", "));
        found.push(refused(message).with_hint(
            "name them in `row.metadata` of the source, so that they are copied, or drop them first",
        ));
    }
    Ok(found)
}

/// What goes with the tables, each of which is locked, and the locks that the server holds for all of its sessions
/// (PostgreSQL, \"Lock Management\").
const LOCKS: &str = "
with recursive given as (select unnest($1::text[]::regclass[])::oid as oid),
doomed (classid, objid) as (
    select 'pg_catalog.pg_class'::regclass::oid, oid from given
  union
    select d.classid, d.objid from doomed o join pg_catalog.pg_depend d
      on d.refclassid = o.classid and d.refobjid = o.objid and d.deptype in ('a', 'i', 'P', 'S'))
select count(*), current_setting('max_locks_per_transaction')::int8
         * (current_setting('max_connections')::int8 + current_setting('max_prepared_transactions')::int8) from doomed";

const OTHERS_OWN: &str = "
select c.oid::regclass::text from pg_catalog.pg_class c
where c.oid = any($1::text[]::regclass[]::oid[]) and not pg_catalog.pg_has_role(c.relowner, 'USAGE') order by 1";

/// What a drop would break, or take away beside the tables and their own parts: the server itself refuses the first
/// (PostgreSQL, \"Dependency Tracking\"), and says nothing of triggers, publications and parents.
const DEPENDING: &str = "
with given as (select unnest($1::text[]::regclass[])::oid as oid),
own as (select oid from given union select t.relid::oid from given, lateral pg_catalog.pg_partition_tree(given.oid::regclass) t),
broken as (
    select d.classid, d.objid, d.objsubid from pg_catalog.pg_depend d
    where d.deptype = 'n'
      and (d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid in (select oid from own)
           or d.refclassid = 'pg_catalog.pg_type'::regclass
              and d.refobjid in (select unnest(array[t.oid, t.typarray]) from pg_catalog.pg_type t where t.typrelid in (select oid from own)))
      and not case d.classid
          when 'pg_catalog.pg_class'::regclass then d.objid in (select oid from own)
              or d.objid in (select i.indexrelid from pg_catalog.pg_index i where i.indrelid in (select oid from own))
          when 'pg_catalog.pg_constraint'::regclass then d.objid in (select c.oid from pg_catalog.pg_constraint c where c.conrelid in (select oid from own))
          when 'pg_catalog.pg_rewrite'::regclass then d.objid in (select r.oid from pg_catalog.pg_rewrite r where r.ev_class in (select oid from own))
          when 'pg_catalog.pg_policy'::regclass then d.objid in (select p.oid from pg_catalog.pg_policy p where p.polrelid in (select oid from own))
          when 'pg_catalog.pg_attrdef'::regclass then d.objid in (select a.oid from pg_catalog.pg_attrdef a where a.adrelid in (select oid from own))
          when 'pg_catalog.pg_trigger'::regclass then d.objid in (select t.oid from pg_catalog.pg_trigger t where t.tgrelid in (select oid from own))
          else false end
      -- The query of an alias that is to be moved.
      and not exists (select from pg_catalog.pg_rewrite r where d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
                        and r.rulename = '_RETURN' and r.ev_class = pg_catalog.to_regclass($2::text)))
select coalesce((select case c.relkind when 'v' then 'view ' when 'm' then 'materialized view ' else 'a rule on ' end || c.oid::regclass
                 from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
                 where b.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = b.objid),
                pg_catalog.pg_describe_object(b.classid, b.objid, b.objsubid)) as what from broken b
union
select 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass from pg_catalog.pg_trigger t
where t.tgrelid in (select oid from own) and not t.tgisinternal
union
select 'publication ' || p.pubname from pg_catalog.pg_publication_rel r join pg_catalog.pg_publication p on p.oid = r.prpubid
where r.prrelid in (select oid from own)
union
select 'a subscription that writes to ' || s.srrelid::regclass from pg_catalog.pg_subscription_rel s where s.srrelid in (select oid from own)
union
select 'table ' || i.inhparent::regclass || ', which has its rows' from pg_catalog.pg_inherits i
where i.inhrelid in (select oid from own) and i.inhparent not in (select oid from own)
order by 1";
