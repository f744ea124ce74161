//! What is there: the server, a table with its columns, keys and indexes, and what the role may do with it.

use tokio_postgres::Row;

use super::index::{Index, read_index};
use super::kind::{Item, Kind};
use super::name::TableName;
use super::session::Session;
use crate::error::Result;

/// The server as the session's role sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// 180004 is 18.4.
    pub version: u32,
    pub extension: Option<Extension>,
    /// The extension's version that could be made where none is.
    pub available: Option<String>,
    pub role: String,
    pub is_standby: bool,
    /// Whether the role may make schemas in this database.
    pub may_create: bool,
    /// Whether the role may make temporary tables, which a write needs.
    pub may_use_temporary: bool,
}

/// pgvector in this database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    pub schema: String,
    pub version: String,
}

impl Extension {
    /// Whether a search by an index goes on until enough records pass the filter (pgvector 0.8 and newer).
    pub(super) fn is_iterative(&self) -> bool {
        let mut parts = self.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next(), parts.next()) >= (Some(0), Some(8))
    }
}

/// The kind of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Table,
    Partitioned,
    View,
    Materialized,
    Foreign,
}

/// A relation that records are read from or written to.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub name: TableName,
    /// What tells it from another of its name within its database.
    pub oid: u32,
    pub form: Form,
    pub columns: Vec<Column>,
    /// Unique keys that hold at once and for every row, the primary key first.
    pub keys: Vec<Key>,
    pub indexes: Vec<Index>,
    /// The columns that decide the partition, for [`Form::Partitioned`] by list, hash or range.
    pub partitioned_by: Vec<String>,
    /// The planner's estimate; `None` if the table was never analysed.
    pub estimated_rows: Option<u64>,
    /// Bytes on disk, with indexes and what stands outside the rows.
    pub bytes: u64,
    /// Whether a crash of the server empties it, or a partition of it.
    pub is_unlogged: bool,
    /// Whether a policy decides which rows this role sees.
    pub hides_rows: bool,
    /// What the server runs for each row that is written, by name.
    pub triggers: Vec<String>,
    pub comment: Option<String>,
    pub may: Privileges,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    /// The type as a statement writes it, with its limits: `vector(3)`.
    pub type_text: String,
    /// The same without limits.
    pub plain_type: String,
    /// Components of a vector or bits; `None` if the column does not say.
    pub dimension: Option<u32>,
    /// The most characters of a text, or of each in a list.
    pub length: Option<u32>,
    /// Digits behind the point of a numeric.
    pub scale: Option<u32>,
    pub is_nullable: bool,
    pub has_default: bool,
    /// Whether the server alone gives its values.
    pub is_generated: bool,
    /// Whether values are equal to the server only if their texts are: `1` is `1.0`, and to some collations `a` is `A`.
    pub is_bytewise: bool,
}

/// Columns whose values together occur once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub columns: Vec<String>,
    pub is_primary: bool,
}

/// What the role may do with a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    pub read: bool,
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
    /// To alter and drop it, and to make indexes.
    pub own: bool,
    /// To make tables beside it.
    pub create: bool,
}

impl Privileges {
    /// Whether records may be put, which reads and updates those that are there.
    pub fn may_put(self) -> bool {
        self.read && self.insert && self.update
    }
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the first key whose columns are all `NOT NULL`, the primary one before others.
    pub fn row_key(&self) -> Option<&Key> {
        self.keys.iter().find(|key| self.is_complete(key))
    }

    pub(super) fn is_view(&self) -> bool {
        self.form == Form::View
    }

    /// Whether it is a table, which holds its rows.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.form, Form::Table | Form::Partitioned)
    }

    pub(super) fn is_complete(&self, key: &Key) -> bool {
        key.columns.iter().all(|name| self.column(name).is_some_and(|column| !column.is_nullable))
    }
}

/// Looks at the server.
///
/// # Errors
/// Those of the connection.
pub async fn server(session: &Session) -> Result<Server> {
    let row = session.row("look", SERVER, &[]).await?;
    let schema: Option<String> = row.get("schema");
    let version: Option<String> = row.get("extversion");
    Ok(Server {
        version: session.version(),
        extension: schema.zip(version).map(|(schema, version)| Extension { schema, version }),
        available: row.get("available"),
        role: row.get("role"),
        is_standby: row.get("standby"),
        may_create: row.get("may_create"),
        may_use_temporary: row.get("may_temp"),
    })
}

/// Whether tables can be made in a schema; `None` if there is none of that name.
///
/// # Errors
/// Those of the connection.
pub async fn may_create_in(session: &Session, schema: &str) -> Result<Option<bool>> {
    let row = session.row_if_any("look", SCHEMA, &[&schema]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Returns what has the name of a table that is to be made and is none; `None` if the name is free.
///
/// # Errors
/// Those of the connection.
pub(super) async fn name_taken(session: &Session, name: &TableName) -> Result<Option<String>> {
    let row = session.row_if_any("look", TAKEN, &[&name.schema, &name.name]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Looks at a table or view; `None` if there is none of that name.
///
/// # Errors
/// Those of the connection.
pub async fn table(session: &Session, name: &TableName) -> Result<Option<Table>> {
    let found = session.row_if_any("look", TABLE, &[&name.schema, &name.name]).await?;
    let Some(row) = found else { return Ok(None) };
    let oid: u32 = row.get("oid");
    let columns = session.rows("look", COLUMNS, &[&oid]).await?;
    let keys = session.rows("look", KEYS, &[&oid]).await?;
    let indexes = session.rows("look", super::index::INDEXES, &[&oid]).await?;
    let estimate: f64 = row.get("estimate");
    let bytes: i64 = row.get("bytes");
    Ok(Some(Table {
        name: name.clone(),
        oid,
        form: form(row.get("relkind")),
        columns: columns.iter().map(column).collect(),
        keys: keys.iter().map(key).collect(),
        indexes: indexes.iter().map(read_index).collect(),
        partitioned_by: row.get("partitioned_by"),
        estimated_rows: (estimate >= 0.0).then_some(estimate as u64),
        bytes: bytes.unsigned_abs(),
        is_unlogged: row.get("unlogged"),
        hides_rows: row.get("hides_rows"),
        triggers: row.get("triggers"),
        comment: row.get("comment"),
        may: Privileges {
            read: row.get("may_read"),
            insert: row.get("may_insert"),
            update: row.get("may_update"),
            delete: row.get("may_delete"),
            own: row.get("owns"),
            create: row.get("may_create"),
        },
    }))
}

fn form(relkind: &str) -> Form {
    match relkind {
        "p" => Form::Partitioned,
        "v" => Form::View,
        "m" => Form::Materialized,
        "f" => Form::Foreign,
        _ => Form::Table,
    }
}

fn column(row: &Row) -> Column {
    let (type_name, modifier): (&str, i32) = (row.get("type_name"), row.get("modifier"));
    let kind = Kind::named(type_name, row.get("of_extension"));
    let modifier = u32::try_from(modifier).ok();
    let is_sized = matches!(kind, Kind::Vector | Kind::Halfvec | Kind::Sparsevec | Kind::Bit);
    Column {
        name: row.get("name"),
        kind,
        type_text: row.get("type_text"),
        plain_type: row.get("plain_type"),
        dimension: modifier.filter(|_| is_sized),
        // Both modifiers count the four bytes of a header.
        length: modifier
            .filter(|_| matches!(kind, Kind::Text | Kind::List(Item::Text)))
            .map(|modifier| modifier.saturating_sub(4)),
        scale: modifier.filter(|_| kind == Kind::Numeric).map(|modifier| (modifier - 4) & 0x7ff),
        is_nullable: row.get("nullable"),
        has_default: row.get("has_default"),
        is_generated: row.get("generated"),
        is_bytewise: row.get("bytewise"),
    }
}

fn key(row: &Row) -> Key {
    Key { columns: row.get("columns"), is_primary: row.get("is_primary") }
}

const SERVER: &str = "
select n.nspname::text as schema, e.extversion::text as extversion,
       (select default_version::text from pg_catalog.pg_available_extensions where name = 'vector') as available,
       current_user::text as role, pg_catalog.pg_is_in_recovery() as standby,
       pg_catalog.has_database_privilege(current_database(), 'CREATE') as may_create,
       pg_catalog.has_database_privilege(current_database(), 'TEMPORARY') as may_temp
from (values (1)) one
left join pg_catalog.pg_extension e on e.extname = 'vector'
left join pg_catalog.pg_namespace n on n.oid = e.extnamespace";

const SCHEMA: &str = "select pg_catalog.has_schema_privilege(oid, 'CREATE') from pg_catalog.pg_namespace where nspname = $1::text";

/// Every table is a type of its name as well.
const TAKEN: &str = "
select case c.relkind when 'S' then 'a sequence' when 'c' then 'a type' else 'an index' end
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1::text and c.relname = $2::text and c.relkind in ('i', 'I', 'S', 'c')
union all
select 'a type' from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where n.nspname = $1::text and t.typname = $2::text and t.typrelid = 0 and t.typcategory <> 'A'
limit 1";

const TABLE: &str = "
select c.oid, c.relkind::text as relkind,
       c.relpersistence = 'u' or exists (select 1 from pg_catalog.pg_partition_tree(c.oid) t join pg_catalog.pg_class p on p.oid = t.relid
                                         where t.isleaf and p.relpersistence = 'u') as unlogged,
       coalesce((select sum(case when p.reltuples < 0 then null else p.reltuples end)
                 from pg_catalog.pg_partition_tree(c.oid) t join pg_catalog.pg_class p on p.oid = t.relid where t.isleaf),
                c.reltuples)::float8 as estimate,
       coalesce((select sum(pg_catalog.pg_total_relation_size(t.relid)) from pg_catalog.pg_partition_tree(c.oid) t where t.isleaf),
                case when c.relkind in ('r', 'm') then pg_catalog.pg_total_relation_size(c.oid) else 0 end)::int8 as bytes,
       c.relrowsecurity and pg_catalog.row_security_active(c.oid) as hides_rows,
       -- Of INSERT or UPDATE; a partition may have some of its own.
       coalesce((select array_agg(distinct t.tgname::text order by t.tgname::text) from pg_catalog.pg_trigger t
                 where (t.tgrelid = c.oid or t.tgrelid in (select p.relid from pg_catalog.pg_partition_tree(c.oid) p))
                   and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 20 <> 0), '{}') as triggers,
       pg_catalog.obj_description(c.oid, 'pg_class') as comment,
       coalesce((select array_agg(a.attname::text order by k.at)
                 from pg_catalog.pg_partitioned_table p, unnest(p.partattrs::int2[]) with ordinality k(number, at)
                 join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
                 where p.partrelid = c.oid), '{}') as partitioned_by,
       usable and pg_catalog.has_table_privilege(c.oid, 'SELECT') as may_read,
       usable and pg_catalog.has_table_privilege(c.oid, 'INSERT') as may_insert,
       usable and pg_catalog.has_table_privilege(c.oid, 'UPDATE') as may_update,
       usable and pg_catalog.has_table_privilege(c.oid, 'DELETE') as may_delete,
       usable and pg_catalog.pg_has_role(c.relowner, 'USAGE') as owns,
       pg_catalog.has_schema_privilege(n.oid, 'CREATE') as may_create
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace,
lateral (select pg_catalog.has_schema_privilege(n.oid, 'USAGE') as usable) u
where n.nspname = $1::text and c.relname = $2::text and c.relkind in ('r', 'p', 'v', 'm', 'f')";

const COLUMNS: &str = "
select a.attname::text as name, t.typname::text as type_name, a.atttypmod as modifier,
       exists (select 1 from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
               where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
                 and d.refclassid = 'pg_catalog.pg_extension'::regclass and e.extname = 'vector') as of_extension,
       pg_catalog.format_type(a.atttypid, a.atttypmod) as type_text,
       -- Of these two the name without a length means a length of one, and a cast would cut.
       case t.typname when 'bpchar' then 'bpchar' when 'bit' then 'varbit' when '_bpchar' then 'bpchar[]' when '_bit' then 'varbit[]'
                      else pg_catalog.format_type(a.atttypid, null) end as plain_type,
       -- From version 18 on such a constraint may hold only of what is written from now on.
       not a.attnotnull or exists (select 1 from pg_catalog.pg_constraint n
                                   where n.conrelid = a.attrelid and n.contype = 'n' and not n.convalidated and n.conkey = array[a.attnum])
         as nullable, a.atthasdef or a.attidentity <> '' as has_default,
       a.attgenerated <> '' or a.attidentity = 'a' as generated,
       coalesce((select c.collisdeterministic from pg_catalog.pg_collation c where c.oid = a.attcollation), true)
         and (t.typtype = 'e' or t.typnamespace = 'pg_catalog'::regnamespace
              and t.typname in ('text', 'varchar', '_text', '_varchar', 'bpchar', 'name', 'int2', 'int4', 'int8', 'uuid', 'bool',
                                'date', 'timestamp', 'timestamptz', 'bytea', 'bit', 'varbit')) as bytewise
from pg_catalog.pg_attribute a
join pg_catalog.pg_type t on t.oid = a.atttypid
where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
order by a.attnum";

const KEYS: &str = "
select (select array_agg(a.attname::text order by k.at)
        from unnest(i.indkey::int2[]) with ordinality k(number, at)
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
        where k.at <= i.indnkeyatts) as columns,
       i.indisprimary as is_primary
from pg_catalog.pg_index i
where i.indrelid = $1 and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
  -- The key of a table says nothing of the tables that inherit from it, whose rows are read with its own.
  and not exists (select 1 from pg_catalog.pg_inherits h join pg_catalog.pg_class c on c.oid = h.inhparent
                  where h.inhparent = i.indrelid and c.relkind = 'r')
order by i.indisprimary desc, i.indnkeyatts, i.indexrelid";
