//! What the rows of a table stand in, whatever name and address lead to it.

use super::name::TableName;
use super::session::Session;
use crate::error::Result;

/// Tables whose rows a name shows: its own, those of tables that inherit from it or are its partitions, and what a view
/// reads ("pg_rewrite", "pg_depend", "pg_inherits"). A materialised view has rows of its own.
const TABLES: &str = "with recursive shown (oid) as ( \
       select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
       where n.nspname = $1 and c.relname = any($2::text[]) \
     union \
       select next.oid from shown join pg_catalog.pg_class s on s.oid = shown.oid cross join lateral ( \
         select i.inhrelid as oid from pg_catalog.pg_inherits i where i.inhparent = s.oid \
         union all \
         select d.refobjid from pg_catalog.pg_rewrite r join pg_catalog.pg_depend d \
           on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid \
          and d.refclassid = 'pg_catalog.pg_class'::regclass \
         where s.relkind = 'v' and r.ev_class = s.oid) next) \
     select d.oid::text || '/' || c.oid::text, pg_catalog.pg_postmaster_start_time()::text, \
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') \
     from shown join pg_catalog.pg_class c on c.oid = shown.oid \
     join pg_catalog.pg_database d on d.datname = current_database() \
     where c.relkind in ('r', 'p', 'm', 'f')";

/// The cluster, which its replicas share.
const CLUSTER: &str = "select system_identifier::text from pg_catalog.pg_control_system()";

/// A database among all that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Database {
    /// `None` if the role may not ask for it.
    pub cluster: Option<String>,
    pub oid: u32,
}

/// Asks for the database of a session.
///
/// # Errors
/// Those of the connection.
pub(super) async fn database(session: &Session) -> Result<Database> {
    let row = session.row("storage", DATABASE, &[]).await?;
    let cluster = match row.get(1) {
        true => session.row_if_any("storage", CLUSTER, &[]).await?.map(|row| row.get(0)),
        false => None,
    };
    Ok(Database { cluster, oid: row.get(0) })
}

const DATABASE: &str = "select oid, pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') \
     from pg_catalog.pg_database where datname = current_database()";

/// Returns a name for each of those of some tables of a schema. A role may not be allowed to ask for the cluster, so that the time at which the server
/// was started is in another name of each.
///
/// # Errors
/// Those of the connection.
pub(super) async fn tables(
    session: &Session,
    schema: &str,
    tables: &[TableName],
) -> Result<Vec<String>> {
    let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
    let rows = session.rows("storage", TABLES, &[&schema, &names]).await?;
    let mut servers = Vec::new();
    if let Some(row) = rows.first() {
        servers.push(format!("server of {}", row.get::<_, String>(1)));
        if row.get(2) {
            let cluster = session.rows("storage", CLUSTER, &[]).await?;
            servers
                .extend(cluster.iter().map(|row| format!("cluster {}", row.get::<_, String>(0))));
        }
    }
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let named =
        servers.iter().flat_map(|server| tables.iter().map(move |it| format!("{server}/{it}")));
    Ok(named.collect())
}
