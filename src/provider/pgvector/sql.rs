//! A statement under construction, with its parameters.

use std::error::Error as StdError;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::look::Column;
use super::mapping::Mapping;
use super::name::quote;
use crate::model::Namespace;

/// Parameters in the order of their places.
#[derive(Default)]
pub(super) struct Bound(Vec<Box<dyn ToSql + Send + Sync>>);

impl Bound {
    /// Adds a parameter and returns its place as a statement writes it.
    pub(super) fn add(&mut self, value: impl ToSql + Send + Sync + 'static) -> String {
        self.0.push(Box::new(value));
        format!("${}", self.0.len())
    }

    /// Adds a text that the server reads as a value of `plain_type`.
    pub(super) fn add_as(&mut self, text: impl Into<String>, plain_type: &str) -> String {
        format!("{}::text::{plain_type}", self.add(text.into()))
    }

    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.0.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

/// A value in the server's own binary form.
pub(super) struct Binary(pub(super) Vec<u8>);

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({})", self.0.len())
    }
}

impl ToSql for Binary {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Returns the condition that a row is of this partition; `None` if the table has but one.
pub(super) fn is_of_partition(
    mapping: &Mapping,
    partition: &Namespace,
    bound: &mut Bound,
) -> Option<String> {
    let Some(column) = &mapping.tenant else {
        // All of a table without tenants is the default partition.
        return (!partition.is_default()).then(|| "false".to_owned());
    };
    Some(is_tenant(column, partition, bound))
}

fn is_tenant(column: &Column, partition: &Namespace, bound: &mut Bound) -> String {
    let name = quote(&column.name);
    if !partition.is_default() {
        return format!("{name} = {}", bound.add_as(partition.as_str(), &column.plain_type));
    }
    match column.is_nullable {
        true => format!("({name} is null or {name}::text = '')"),
        false => format!("{name}::text = ''"),
    }
}

/// Joins conditions; an empty list holds of every row.
pub(super) fn all_of(conditions: &[String]) -> String {
    if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    }
}
