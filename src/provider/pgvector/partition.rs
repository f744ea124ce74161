//! Partitions of a table that is partitioned by the list of its tenants.

use super::look::Form;
use super::mapping::Mapping;
use super::name::{TableName, ended, literal, mark, quote};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Namespace;

/// Returns whether a partition of the table is what a partition is to a plan.
pub(super) fn is_by_tenant(mapping: &Mapping) -> bool {
    let tenant = mapping.tenant.as_ref().map(|column| column.name.as_str());
    mapping.table.form == Form::Partitioned
        && matches!(&mapping.table.partitioned_by[..], [only] if Some(only.as_str()) == tenant)
}

/// Makes a tenant's partition; one that is there is fine.
///
/// # Errors
/// Those of the connection, and of the role's rights.
pub(super) async fn make(session: &Session, mapping: &Mapping, tenant: &Namespace) -> Result<()> {
    // Who does not own the table writes to the partitions that are there.
    if tenant.as_str().contains('\0') || !mapping.table.may.own {
        return Ok(());
    }
    let table = &mapping.table.name;
    let partition = name(table, tenant);
    let unnamed = mapping.tenant.as_ref().filter(|_| tenant.is_default());
    let value = match unnamed.and_then(|column| mapping.unnamed(column)) {
        Some(unnamed) => unnamed.literal(),
        None => literal(tenant.as_str()),
    };
    let sql = "select exists (select 1 from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = $1::text and c.relname = $2::text)";
    if session.row("write", sql, &[&partition.schema, &partition.name]).await?.get(0) {
        return Ok(());
    }
    let sql = format!(
        "create table {} partition of {} for values in ({})",
        partition.quoted(),
        table.quoted(),
        value,
    );
    match session.batch("write", &sql).await {
        // Another session was quicker, or a partition of another name has the tenant, or the default one rows of it.
        Err(error) if is_there(&error) => Ok(()),
        other => other,
    }
}

/// Removes a tenant with its partition; one that is not there is fine.
///
/// # Errors
/// Those of the connection, and of the role's rights.
pub(super) async fn remove(session: &Session, mapping: &Mapping, tenant: &Namespace) -> Result<()> {
    session
        .batch(
            "delete",
            &format!("drop table if exists {}", name(&mapping.table.name, tenant).quoted()),
        )
        .await
}

fn is_there(error: &Error) -> bool {
    error.kind() == ErrorKind::AlreadyExists
        || matches!(error.context_of("sqlstate"), Some("42P17" | "23505" | "23514"))
}

/// A name for a tenant's partition: readable, and its own whatever the tenant is called.
fn name(table: &TableName, tenant: &Namespace) -> TableName {
    let digest = mark(&format!("{}\0{}", table.name, tenant.as_str()));
    let plain =
        |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '_' };
    let readable: String = tenant.explicit().chars().map(plain).take(20).collect();
    TableName::new(&table.schema, ended(&table.name, &format!("{readable}_{digest}")))
}

/// Returns the clause that makes a table partitioned by its tenants.
pub(super) fn clause(tenant: &str) -> String {
    format!(" partition by list ({})", quote(tenant))
}
