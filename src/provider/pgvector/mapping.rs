//! The columns that a record is made of.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::kind::Kind;
use super::look::{Column, Extension, Form, Table};
use super::name::{TableName, quote};
use super::unnamed::Unnamed;
use crate::error::{Error, Result};
use crate::model::{AnyVector, MetadataFields, VectorKind, VectorName};

/// What a plan says about the columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The column of ids; the key's, if absent and the key leaves no choice.
    pub id: Option<String>,
    /// Names of vectors and their columns; every column of pgvector's types under its own name, if empty.
    pub vectors: BTreeMap<String, String>,
    /// The column that names a record's partition.
    pub tenant: Option<String>,
    pub fields: Fields,
    /// The `jsonb` column that holds what no other column does.
    pub json: Option<String>,
    /// Columns that together occur once and are never null, where the plan knows it and the table does not say: those of a
    /// view, or of a table without a key. An audit counts what contradicts.
    pub key: Vec<String>,
    /// Whether numbers of vectors that no 32-bit float keeps become the nearest that one does.
    pub is_rounding: bool,
}

/// The metadata's fields that have columns of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fields {
    /// All that are left.
    #[default]
    All,
    Named(Vec<String>),
}

/// A layout that fits a table.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub table: Table,
    pub extension: Extension,
    pub id: Column,
    pub tenant: Option<Column>,
    pub vectors: Vec<(VectorName, Column)>,
    pub fields: Vec<Column>,
    pub json: Option<Column>,
    /// The key by which rows are read in order; `None` if the table has none.
    pub order: Option<Vec<Column>>,
    /// Whether the order is the plan's word and not the table's.
    pub is_vouched: bool,
    /// Whether a key holds ids apart: over the id alone, or with the tenant. A put needs one.
    pub identity: Identity,
    /// Whether numbers of vectors that no 32-bit float keeps become the nearest that one does.
    pub is_rounding: bool,
    /// What its rows call the default namespace, once that was looked at.
    pub(super) unnamed: OnceLock<Unnamed>,
}

/// What keeps two records of the same id apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nothing: an id may occur more than once.
    NotEnforced,
    /// A key over the id.
    Global,
    /// A key over tenant and id, in the order of the key.
    PerTenant(Vec<String>),
}

impl Mapping {
    /// Fits a layout to a table.
    ///
    /// # Errors
    /// `Invalid`, naming the column that is missing, of the wrong type, or that the layout has to name.
    pub fn new(table: Table, extension: Extension, layout: &Layout) -> Result<Self> {
        let id = id(&table, layout)?;
        let tenant =
            layout.tenant.as_deref().map(|name| named(&table, name, "tenant")).transpose()?;
        let json = layout.json.as_deref().map(|name| named(&table, name, "json")).transpose()?;
        if let Some(column) = json.as_ref().filter(|column| column.kind != Kind::Jsonb) {
            return Err(of_wrong_type(column, "it must be jsonb to hold the metadata"));
        }
        let vectors = vectors(&table, layout)?;
        let taken: Vec<&str> = [Some(&id), tenant.as_ref(), json.as_ref()]
            .into_iter()
            .flatten()
            .chain(vectors.iter().map(|(_, column)| column))
            .map(|column| column.name.as_str())
            .collect();
        let fields = match &layout.fields {
            Fields::All => {
                let is_left = |column: &&Column| {
                    !taken.contains(&column.name.as_str()) && !column.kind.is_of_extension()
                };
                table.columns.iter().filter(is_left).cloned().collect()
            }
            Fields::Named(names) => {
                names.iter().map(|name| field(&table, name, &taken)).collect::<Result<Vec<_>>>()?
            }
        };
        let identity = identity(&table, &id, tenant.as_ref());
        let order = match &layout.key[..] {
            [] => order(&table, &identity, &id),
            names => {
                Some(names.iter().map(|name| named(&table, name, "key")).collect::<Result<_>>()?)
            }
        };
        let is_vouched = !layout.key.is_empty();
        Ok(Self {
            extension,
            id,
            tenant,
            vectors,
            fields,
            json,
            order,
            is_vouched,
            identity,
            is_rounding: layout.is_rounding,
            unnamed: OnceLock::new(),
            table,
        })
    }

    /// Returns whether rows are read by the names of the role: functions of a view rely on them, and operators of a type that is
    /// not the server's own are found by them alone (of `citext`, those of `text` would be taken in their place, which order
    /// otherwise than its index does).
    pub(super) fn is_read_by_names_of_role(&self) -> bool {
        let mut columns = self.order.iter().flatten().chain(&self.tenant).chain([&self.id]);
        self.table.is_view() || columns.any(|column| column.kind == Kind::Other)
    }

    /// Returns whether the table itself keeps two rows from being one record, and a scan in the order of its key from leaving
    /// one out.
    pub(super) fn holds_apart(&self) -> bool {
        self.has_key() && self.with_two_names().is_none()
    }

    /// Returns the same of rows that have one name of their namespace.
    pub(super) fn has_key(&self) -> bool {
        self.identity != Identity::NotEnforced && !self.is_vouched && !self.id.is_nullable
    }

    /// Returns the column of namespaces, if a key over it and the id lets an id stand under two names of the default one.
    pub(super) fn with_two_names(&self) -> Option<&Column> {
        let is_apart = matches!(self.identity, Identity::PerTenant(_));
        let is_text = |column: &&Column| matches!(column.kind, Kind::Text | Kind::Other);
        self.tenant.as_ref().filter(|_| is_apart).filter(is_text)
    }

    /// Returns what a record of the default namespace is written with; `None` if the column can hold no such thing.
    pub(super) fn unnamed(&self, tenant: &Column) -> Option<Unnamed> {
        self.unnamed.get().copied().or_else(|| Unnamed::usual(tenant))
    }

    /// Returns the same for a table of the same columns.
    pub(super) fn of(&self, name: &TableName) -> Self {
        let mut other = self.clone();
        other.table.name = name.clone();
        other
    }

    /// Lists the columns that are no part of a record.
    pub(super) fn left_out(&self) -> Vec<String> {
        let left = self.table.columns.iter().filter(|column| !self.has(column));
        left.map(|column| format!("`{}`", column.name)).collect()
    }

    /// Lists those of them whose values the server could not make again.
    pub(super) fn kept_out(&self) -> Vec<String> {
        let left = self.table.columns.iter();
        let left = left.filter(|column| !self.has(column) && !column.is_generated);
        left.map(|column| format!("`{}`", column.name)).collect()
    }

    /// Returns the column of a vector's name.
    pub fn vector(&self, name: &str) -> Option<&Column> {
        self.vectors.iter().find(|(known, _)| known.as_str() == name).map(|(_, column)| column)
    }

    /// Returns the column of a vector: that of its name, or the only one of its kind for the only one of another store.
    pub(super) fn place(&self, name: &VectorName, vector: &AnyVector) -> Option<&Column> {
        let own = || {
            let kind = vector.kind();
            let mut of_kind = self.vectors.iter().filter(|(_, one)| one.kind.of_vectors() == kind);
            let first = of_kind.next().filter(|_| name.is_only() && of_kind.next().is_none());
            first.map(|(_, column)| column)
        };
        self.vector(name.as_str()).or_else(own)
    }

    /// Returns whether a column is a part of a record.
    pub(super) fn has(&self, column: &Column) -> bool {
        [Some(&self.id), self.tenant.as_ref(), self.json.as_ref()]
            .into_iter()
            .flatten()
            .chain(self.vectors.iter().map(|(_, column)| column))
            .chain(&self.fields)
            .any(|own| own.name == column.name)
    }

    /// Returns the fields of the metadata that have columns.
    pub(super) fn metadata_fields(&self) -> MetadataFields {
        let (made, given): (Vec<_>, Vec<_>) =
            self.fields.iter().partition(|column| column.is_generated);
        let names = |columns: Vec<&Column>| columns.iter().map(|one| one.name.clone()).collect();
        MetadataFields { given: names(given), made: names(made), are_all: self.json.is_none() }
    }

    /// Returns a type of the extension as a statement writes it.
    pub(super) fn extension_type(&self, name: &str) -> String {
        format!("{}.{}", quote(&self.extension.schema), quote(name))
    }
}

fn id(table: &Table, layout: &Layout) -> Result<Column> {
    let column = match &layout.id {
        Some(name) => named(table, name, "id")?,
        None => {
            let is_id = |name: &&String| layout.tenant.as_ref() != Some(*name);
            let candidates: Vec<_> =
                table.row_key().into_iter().flat_map(|key| &key.columns).filter(is_id).collect();
            match candidates[..] {
                [only] => named(table, only, "id")?,
                _ => {
                    let message = format!(
                        "{} has no key of one column, so the column of ids must be named",
                        table.name
                    );
                    return Err(Error::invalid(message));
                }
            }
        }
    };
    let is_usable =
        matches!(column.kind, Kind::Text | Kind::Uuid | Kind::Other) || column.kind.is_whole();
    match is_usable {
        true => Ok(column),
        false => Err(of_wrong_type(&column, "an id is a text, a whole number or a uuid")),
    }
}

fn vectors(table: &Table, layout: &Layout) -> Result<Vec<(VectorName, Column)>> {
    let found = vector_columns(table, layout)?;
    let count =
        |kind: VectorKind| found.iter().filter(|(_, one)| one.kind.of_vectors() == kind).count();
    let named = |(name, column): &(&str, Column)| {
        let name = match count(column.kind.of_vectors()) {
            1 => VectorName::only(name),
            _ => VectorName::of_several(name),
        };
        (name, column.clone())
    };
    Ok(found.iter().map(named).collect())
}

fn vector_columns<'a>(table: &'a Table, layout: &'a Layout) -> Result<Vec<(&'a str, Column)>> {
    if layout.vectors.is_empty() {
        let own = table.columns.iter().filter(|column| column.kind.is_of_extension());
        let found: Vec<_> = own.map(|column| (column.name.as_str(), column.clone())).collect();
        return match found.is_empty() {
            true => {
                Err(Error::invalid(format!("{} has no column of pgvector's types", table.name))
                    .with_hint(
                        "name the columns of vectors: arrays and bits can be read as vectors too",
                    ))
            }
            false => Ok(found),
        };
    }
    let fit = |(name, column): (&'a String, &'a String)| {
        let column = named(table, column, "vector")?;
        match column.kind.is_vector() {
            true => Ok((name.as_str(), column)),
            false => Err(of_wrong_type(
                &column,
                "a vector is a vector, halfvec, sparsevec, bit, real[] or double precision[]",
            )),
        }
    };
    layout.vectors.iter().map(fit).collect()
}

fn field(table: &Table, name: &str, taken: &[&str]) -> Result<Column> {
    match taken.contains(&name) {
        true => Err(Error::invalid(format!(
            "the column `{name}` of {} cannot be a field and something else",
            table.name
        ))),
        false => named(table, name, "field"),
    }
}

fn named(table: &Table, name: &str, role: &str) -> Result<Column> {
    table.column(name).cloned().ok_or_else(|| {
        let known: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
        Error::invalid(format!("{} has no column `{name}`, named as its {role}", table.name))
            .with_hint(format!("it has {}", known.join(", ")))
    })
}

fn of_wrong_type(column: &Column, why: &str) -> Error {
    Error::invalid(format!("the column `{}` is of type {}: {why}", column.name, column.type_text))
}

fn identity(table: &Table, id: &Column, tenant: Option<&Column>) -> Identity {
    let is_over = |wanted: &[&str]| {
        table.keys.iter().find(|key| {
            key.columns.len() == wanted.len()
                && wanted.iter().all(|name| key.columns.iter().any(|own| own == name))
        })
    };
    if is_over(&[&id.name]).is_some() {
        return Identity::Global;
    }
    // No key tells one row of no tenant from another.
    let tenant = tenant.filter(|tenant| !tenant.is_nullable);
    match tenant.and_then(|tenant| is_over(&[&tenant.name, &id.name])) {
        Some(key) => Identity::PerTenant(key.columns.clone()),
        None => Identity::NotEnforced,
    }
}

/// Rows that a key's column leaves null would never be met in its order, so such a key is none.
fn order(table: &Table, identity: &Identity, id: &Column) -> Option<Vec<Column>> {
    if table.form == Form::View || table.form == Form::Foreign {
        return None;
    }
    let own = match identity {
        Identity::Global => Some(vec![id.name.clone()]),
        Identity::PerTenant(columns) => Some(columns.clone()),
        Identity::NotEnforced => None,
    };
    let columns = |names: &[String]| -> Option<Vec<Column>> {
        names
            .iter()
            .map(|name| table.column(name).filter(|column| !column.is_nullable).cloned())
            .collect()
    };
    own.and_then(|names| columns(&names))
        .or_else(|| table.row_key().and_then(|key| columns(&key.columns)))
}
