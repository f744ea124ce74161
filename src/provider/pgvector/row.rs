//! A row as a record.

use std::error::Error as StdError;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::fit::id_kind;
use super::kind::Kind;
use super::look::Column;
use super::mapping::Mapping;
use super::name::quote;
use super::{cell, clash, vector_codec};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FieldName, Fields, Metadata, Record, RecordId, Value, Vectors};

/// Which parts of a record are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    pub vectors: bool,
    pub metadata: bool,
}

impl Parts {
    pub const ALL: Self = Self { vectors: true, metadata: true };
    pub const IDS: Self = Self { vectors: false, metadata: false };
}

/// The bytes of a value as they came.
pub(super) struct Raw<'a>(pub(super) Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Reads rows that were selected with [`RowReader::columns`].
pub(super) struct RowReader<'a> {
    mapping: &'a Mapping,
    parts: Parts,
    /// The names of the fields with a column, which the records share.
    fields: Vec<FieldName>,
    /// The expression of a field that a row has with two values.
    clash: Option<String>,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(mapping: &'a Mapping, parts: Parts) -> Self {
        let fields = mapping.fields.iter().map(|column| column.name.as_str().into()).collect();
        let clash = clash::first(mapping).filter(|_| parts.metadata);
        Self { mapping, parts, fields, clash }
    }

    /// Returns what to select: the id as text, then the vectors, the fields, the JSON, and the name of a field that both have
    /// with two values.
    pub(super) fn columns(&self) -> String {
        let mapping = self.mapping;
        let mut columns = vec![as_text(&mapping.id)];
        if self.parts.vectors {
            columns.extend(mapping.vectors.iter().map(|(_, column)| quote(&column.name)));
        }
        if self.parts.metadata {
            columns.extend(mapping.fields.iter().chain(&mapping.json).map(value));
            columns.extend(self.clash.clone());
        }
        columns.join(", ")
    }

    /// Reads the record whose columns begin at `first`.
    ///
    /// # Errors
    /// `Invalid`, naming the id and the column of what is no record.
    pub(super) fn read(&self, row: &Row, first: usize) -> Result<Record> {
        let mapping = self.mapping;
        let mut at = first;
        let mut next = || {
            let raw: Raw<'_> = row.get(at);
            at += 1;
            raw.0
        };
        let id_text = cell::text(next().ok_or_else(|| without_id(mapping))?);
        let id_text = id_text.map_err(|why| unreadable(mapping, "?", &mapping.id, why))?;
        let wrong = |column: &Column, why| unreadable(mapping, id_text, column, why);
        let mut vectors = Vectors::default();
        if self.parts.vectors {
            for (name, column) in &mapping.vectors {
                if let Some(bytes) = next() {
                    let vector = vector_codec::decode(column.kind, bytes, mapping.is_rounding);
                    vectors.put(name.clone(), vector.map_err(|why| wrong(column, why))?);
                }
            }
        }
        let mut metadata = Fields::default();
        if self.parts.metadata {
            let mut fields = Vec::new();
            for (column, name) in mapping.fields.iter().zip(&self.fields) {
                // A column without a value is a field that is missing.
                if let Some(bytes) = next() {
                    let value =
                        cell::decode(column.kind, bytes).map_err(|why| wrong(column, why))?;
                    fields.push((column, name.clone(), value));
                }
            }
            if let (Some(column), Some(bytes)) =
                (&mapping.json, next_json(&mapping.json, &mut next))
            {
                match cell::json(bytes).map_err(|why| wrong(column, why))? {
                    Value::Map(map) => metadata = map,
                    Value::Null => {}
                    _ => return Err(wrong(column, "it is no JSON object")),
                }
            }
            if self.clash.is_some()
                && let Some(field) = next()
            {
                let field = String::from_utf8_lossy(field);
                return Err(clashing(mapping, id_text, &field));
            }
            // What the server makes of other columns is not asked where the JSON has the field.
            let is_new =
                |column: &Column| !column.is_generated || !metadata.contains_key(&column.name);
            fields.retain(|(column, ..)| is_new(column));
            metadata.extend(fields.into_iter().map(|(_, name, value)| (name, value)));
        }
        let id = id(mapping.id.kind, id_text);
        Ok(Record { id, vectors, metadata: Metadata(metadata) })
    }
}

fn next_json<'a>(
    column: &Option<Column>,
    next: &mut impl FnMut() -> Option<&'a [u8]>,
) -> Option<&'a [u8]> {
    column.as_ref().and_then(|_| next())
}

/// Reads an id from its text. A negative number is no id of ours, so it stays a text, which no other number can be.
pub(super) fn id(kind: Kind, text: &str) -> RecordId {
    let id = RecordId::from(text);
    id.to(id_kind(kind)).unwrap_or(id)
}

pub(super) fn as_text(column: &Column) -> String {
    format!("{}::text", quote(&column.name))
}

fn value(column: &Column) -> String {
    let is_text = column.kind.is_as_text() || matches!(column.kind, Kind::Json | Kind::Jsonb);
    // Bits have no place in the metadata but as their text.
    if is_text || column.kind == Kind::Bit { as_text(column) } else { quote(&column.name) }
}

fn without_id(mapping: &Mapping) -> Error {
    Error::invalid(format!("a row of {} has no id", mapping.table.name))
        .with_context("column", &mapping.id.name)
}

fn clashing(mapping: &Mapping, id: &str, field: &str) -> Error {
    let why = format!("the field `{field}` has one value in its column and another in the jsonb");
    unreadable(mapping, id, &mapping.id, &why)
        .with_context("column", field)
        .with_hint(clash::ONE_VALUE)
}

fn unreadable(mapping: &Mapping, id: &str, column: &Column, why: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("a row of {} cannot be read: {why}", mapping.table.name))
        .with_context("id", id)
        .with_context("column", &column.name)
}
