//! A statement under construction, with its parameters.

use std::error::Error as StdError;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::kind::Kind;
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

/// A namespace is what the text of its column says: values that are equal to the server (`1` and `1.0`, of a `citext` `A` and
/// `a`) are several namespaces, and both names of the default one are one.
fn is_tenant(column: &Column, partition: &Namespace, bound: &mut Bound) -> String {
    if partition.is_default() {
        return is_default(column);
    }
    let (name, own) = (quote(&column.name), text_of(column));
    let text = partition.as_str();
    if !column.kind.has_text(text) {
        return "false".to_owned();
    }
    let place = bound.add(text.to_owned());
    // Equality alone can be looked up in an index.
    let is_equal = format!("{name} = {place}::text::{}", column.plain_type);
    match column.kind {
        Kind::Text if column.is_bytewise => is_equal,
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Uuid | Kind::Bool => is_equal,
        Kind::Text | Kind::Numeric | Kind::Float4 | Kind::Float8 => {
            format!("({is_equal} and {own} = {place}::text)")
        }
        _ => format!("{own} = {place}::text"),
    }
}

/// Returns the condition that a row is of the default namespace.
pub(super) fn is_default(column: &Column) -> String {
    let texts = format!("{} in ('', '{}')", text_of(column), Namespace::DEFAULT_ALIAS);
    match column.is_nullable {
        true => format!("({} is null or {texts})", quote(&column.name)),
        false => texts,
    }
}

/// Returns the name of a row's namespace as a statement makes it; the default one has the empty name.
pub(super) fn namespace_of(column: &Column) -> String {
    namespace_from(&text_of(column))
}

/// The same of the text of a tenant.
pub(super) fn namespace_from(text: &str) -> String {
    format!("coalesce(nullif({text}, '{}'), '')", Namespace::DEFAULT_ALIAS)
}

/// The text of a column's value, to be compared byte by byte.
fn text_of(column: &Column) -> String {
    let name = quote(&column.name);
    match column.kind {
        Kind::Text if !column.is_bytewise => format!("{name}::text collate \"C\""),
        _ => format!("{name}::text"),
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
