//! The statements of a put.

use super::kind::Kind;
use super::look::Column;
use super::mapping::{Identity, Mapping};
use super::name::quote;
use super::sql::namespace_from;
use super::travel::{needs_cast, travel_type, written};

/// Memory of the session for a batch.
const MEMORY: &str = "32MB";

/// The table of the session that a batch waits in.
pub(super) const BATCH: &str = "pg_temp.vecshift_batch";

/// Returns the statement that makes the table of the session.
pub(super) fn batch_table(mapping: &Mapping) -> String {
    let columns: Vec<_> = written(mapping)
        .iter()
        .enumerate()
        .map(|(at, column)| format!("c{at} {}", travel_type(mapping, column)))
        .collect();
    // Rows of up to a page stay whole, where they would be cut up and put together again for nothing.
    format!(
        "set temp_buffers = '{MEMORY}'; create temporary table vecshift_batch ({}) \
         with (toast_tuple_target = 8160) on commit delete rows",
        columns.join(", ")
    )
}

/// Returns the statement that copies into the table itself; `None` if a value travels in another form than its column's, or
/// if it has to be looked at what triggers make of it.
pub(super) fn direct(mapping: &Mapping) -> Option<String> {
    if !mapping.table.triggers.is_empty() {
        return None;
    }
    let columns = written(mapping);
    let is_as_it_is = columns
        .iter()
        .all(|column| travel_type(mapping, column) != "text" || column.kind == Kind::Text);
    let names: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
    let table = mapping.table.name.quoted();
    is_as_it_is.then(|| format!("copy {table} ({}) from stdin (format binary)", names.join(", ")))
}

/// Returns the statement that merges a batch into the table.
pub(super) fn insert(mapping: &Mapping) -> String {
    let columns = written(mapping);
    let names: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
    let values: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| match needs_cast(mapping, column) {
            true => format!("c{at}::{}", column.plain_type),
            false => format!("c{at}"),
        })
        .collect();
    let key = key(mapping);
    // A record stays in its namespace, and that keeps the name which its row has for it.
    let stays_as_it_is = |column: &Column| {
        mapping.tenant.as_ref().is_some_and(|tenant| tenant.name == column.name)
            || key.contains(&column.name.as_str())
    };
    let keys: Vec<_> = key.iter().map(|name| quote(name)).collect();
    let changes: Vec<_> = columns
        .iter()
        .filter(|column| !stays_as_it_is(column))
        .map(|column| format!("{0} = excluded.{0}", quote(&column.name)))
        .collect();
    let stays = match (&mapping.identity, &mapping.tenant) {
        (Identity::Global, Some(tenant)) => {
            let of = |row: &str| namespace_from(&format!("{row}.{}::text", quote(&tenant.name)));
            format!(" where {} = {}", of("old"), of("excluded"))
        }
        _ => String::new(),
    };
    let conflict = if changes.is_empty() {
        "nothing".to_owned()
    } else {
        format!("update set {}{stays}", changes.join(", "))
    };
    format!(
        "insert into {} as old ({}) select {} from {BATCH} on conflict ({}) do {conflict}",
        mapping.table.name.quoted(),
        names.join(", "),
        values.join(", "),
        keys.join(", "),
    )
}

/// Returns the statement that finds the ids of a batch that another partition has.
pub(super) fn taken(mapping: &Mapping) -> Option<String> {
    let tenant = mapping.tenant.as_ref().filter(|_| mapping.identity == Identity::Global)?;
    let cast = |at: usize, column: &Column| match needs_cast(mapping, column) {
        true => format!("c{at}::{}", column.plain_type),
        false => format!("c{at}"),
    };
    Some(format!(
        "select c0 from {BATCH} join {} old on old.{} = {} where {} <> {}",
        mapping.table.name.quoted(),
        quote(&mapping.id.name),
        cast(0, &mapping.id),
        namespace_from(&format!("old.{}::text", quote(&tenant.name))),
        namespace_from("c1"),
    ))
}

/// Returns the statement that finds the ids of a batch that the table does not hold once it was merged, where a trigger may
/// have given a record another or taken it out; `None` where there is none.
pub(super) fn gone(mapping: &Mapping) -> Option<String> {
    if mapping.table.triggers.is_empty() {
        return None;
    }
    let cast = |at: usize, column: &Column| match needs_cast(mapping, column) {
        true => format!("c{at}::{}", column.plain_type),
        false => format!("c{at}"),
    };
    let is_it =
        |at: usize, column: &Column| format!("own.{} = {}", quote(&column.name), cast(at, column));
    let tenant = mapping.tenant.as_ref().filter(|_| mapping.identity != Identity::Global);
    let conditions: Vec<_> =
        [is_it(0, &mapping.id)].into_iter().chain(tenant.map(|tenant| is_it(1, tenant))).collect();
    Some(format!(
        "select c0 from {BATCH} where not exists (select from {} own where {})",
        mapping.table.name.quoted(),
        conditions.join(" and "),
    ))
}

fn key(mapping: &Mapping) -> Vec<&str> {
    match &mapping.identity {
        Identity::PerTenant(columns) => columns.iter().map(String::as_str).collect(),
        Identity::Global | Identity::NotEnforced => vec![&mapping.id.name],
    }
}
