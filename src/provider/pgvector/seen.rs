//! A table as it was last seen: how it fits records, and what it is as an index.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::design::{Design, Element};
use super::fit::Strictness;
use super::index::Distance;
use super::keys::{Row, is_dense};
use super::kind::{Item, Kind};
use super::look::{Column, Extension, Table};
use super::mapping::Mapping;
use super::name::quote;
use super::partition::is_by_tenant;
use super::plain::Names;
use super::pool::Pool;
use super::record::Record as Whole;
use super::refuse::strictness;
use super::session::Session;
use super::write::Writer;
use crate::error::{Error, Result};
use crate::model::{IndexDescription, IndexSpec, Metric, Record, VectorType};

/// What a table that was made bears as its comment: what a plan says of it and a table has no place for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    vecshift: Noted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    pub metric: Metric,
    pub design: Design,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_protected: bool,
}

impl Noted {
    pub fn of(spec: &IndexSpec) -> Self {
        Self {
            metric: spec.metric,
            design: Design::of(&spec.deployment).unwrap_or_default(),
            tags: spec.tags.clone(),
            is_protected: spec.deletion_protection,
        }
    }

    pub fn comment(self) -> String {
        serde_json::json!(Mark { vecshift: self }).to_string()
    }

    pub fn read(comment: Option<&str>) -> Option<Self> {
        Some(serde_json::from_str::<Mark>(comment?).ok()?.vecshift)
    }
}

/// A table, fitted to records.
pub(super) struct Seen {
    pub mapping: Arc<Mapping>,
    pub names: Names,
    pub strictness: Strictness,
    pub noted: Option<Noted>,
    pub description: IndexDescription,
    pub writers: Pool<Writer>,
}

impl Seen {
    /// Fits `table`, and looks at a record where the table does not say how long its vectors are.
    ///
    /// # Errors
    /// `Invalid` if the plan's columns do not fit it; those of the connection.
    pub async fn fit(
        session: &Session,
        (table, extension): (Table, Extension),
        row: &Row,
        (index, host): (&str, String),
    ) -> Result<Self> {
        let (layout, names) = row.layout(&table)?;
        let mapping = Mapping::new(table, extension, &layout)?;
        let noted = Noted::read(mapping.table.comment.as_deref());
        let dense = dense(&mapping, &names);
        let dimension = match dense {
            None => None,
            Some(column) if column.dimension.is_some() => column.dimension,
            Some(column) => dimension(session, &mapping, column).await?,
        };
        let column = dense.or_else(|| mapping.vectors.first().map(|(_, column)| column));
        let distances: Vec<Metric> = mapping
            .table
            .indexes
            .iter()
            .filter(|one| one.column.as_ref() == column.map(|column| &column.name))
            .filter_map(|one| one.distance.and_then(Distance::metric))
            .collect();
        let of_index = distances.first().filter(|one| distances.iter().all(|other| other == *one));
        let metric = noted.as_ref().map(|noted| noted.metric).or(of_index.copied());
        let design = noted.as_ref().map_or_else(
            || Design {
                element: if column.is_some_and(|column| column.kind == Kind::Halfvec) {
                    Element::F16
                } else {
                    Element::F32
                },
                is_partitioned: is_by_tenant(&mapping),
                method: mapping.table.indexes.first().map(|one| one.method),
                ..Design::default()
            },
            |noted| noted.design.clone(),
        );
        let spec = IndexSpec {
            name: index.to_owned(),
            dimension,
            metric: metric.unwrap_or(Metric::Cosine),
            vector_type: if dense.is_some() { VectorType::Dense } else { VectorType::Sparse },
            deployment: design.deployment(metric.is_some()),
            deletion_protection: noted.as_ref().is_some_and(|noted| noted.is_protected),
            tags: noted.as_ref().map(|noted| noted.tags.clone()).unwrap_or_default(),
        };
        let description = IndexDescription {
            spec,
            host,
            collection: None,
            ready: true,
            state: "Ready".to_owned(),
        };
        let (mapping, writers) = (Arc::new(mapping), Pool::default());
        let strictness = strictness(&design);
        Ok(Self { mapping, names, strictness, noted, description, writers })
    }

    /// Makes a record as everybody reads it.
    ///
    /// # Errors
    /// `Invalid` if it holds what such a record has no place for.
    pub fn plain(&self, record: Whole) -> Result<Record> {
        let id = record.id.clone();
        self.names.plain(record).map_err(|misfit| {
            let message = format!("a row of {} cannot be moved", self.mapping.table.name);
            Error::invalid(format!("{message}: {}", misfit.message)).with_context("id", id)
        })
    }

    /// Returns the column of the dense vector.
    pub fn dense(&self) -> Option<&Column> {
        dense(&self.mapping, &self.names)
    }
}

fn dense<'a>(mapping: &'a Mapping, names: &Names) -> Option<&'a Column> {
    let column = mapping.vector(names.dense.as_deref()?)?;
    is_dense(column.kind).then_some(column)
}

/// Returns the length of the first vector that is there.
async fn dimension(session: &Session, mapping: &Mapping, column: &Column) -> Result<Option<u32>> {
    let name = quote(&column.name);
    let length = match column.kind {
        Kind::List(Item::Float4 | Item::Float8) => format!("cardinality({name})"),
        Kind::Bit => format!("length({name})"),
        _ => format!("{}.vector_dims({name})", quote(&mapping.extension.schema)),
    };
    let table = mapping.table.name.quoted();
    let sql = format!("select {length}::int8 from {table} where {name} is not null limit 1");
    let row = session.row_if_any("look", &sql, &[]).await?;
    Ok(row.and_then(|row| u32::try_from(row.get::<_, i64>(0)).ok()))
}
