//! A table as it was last seen: how it fits records, and what it is as an index.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::count::AT_ONCE;
use super::design::{Design, Element};
use super::fields::{fields, leave_to_index};
use super::index::{Copied, Distance, Index, IndexPlan};
use super::kind::{Item, Kind};
use super::look::{Column, Extension, Table};
use super::mapping::{Layout, Mapping};
use super::misfit::Strictness;
use super::name::{TableName, quote};
use super::partition::is_by_tenant;
use super::pool::Pool;
use super::refuse::strictness;
use super::session::Session;
use super::write::Writer;
use crate::error::Result;
use crate::model::{Deployment, IndexDescription, IndexSpec, Metric, VectorKind, VectorType};

/// What a table that was made bears as its comment: what a plan says of it and a table has no place for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    vecshift: Noted,
}

/// A table that was made like an application's own has neither a metric nor a design by a plan: what it is says its definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub design: Option<Design>,
    /// The indexes over vectors of the table that it was made like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Copied>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_protected: bool,
}

impl Noted {
    pub fn of(spec: &IndexSpec) -> Self {
        Self {
            metric: Some(spec.metric),
            design: Some(Design::of(&spec.deployment).unwrap_or_default()),
            indexes: Vec::new(),
            tags: spec.tags.clone(),
            is_protected: spec.deletion_protection,
        }
    }

    /// What a table bears that is made like another. Its protection is the first table's alone, which says it of all.
    pub fn like(first: &Seen) -> Self {
        match &first.noted {
            Some(noted) => Self { is_protected: false, ..noted.clone() },
            None => {
                let indexes = first.mapping.table.indexes.iter();
                Self { indexes: indexes.filter_map(Index::to_copy).collect(), ..Self::default() }
            }
        }
    }

    /// Returns every index that is to be over the vectors of a table, in order; the only vector is in `usual`.
    pub fn indexes(&self, table: &TableName, usual: Option<&str>) -> Vec<IndexPlan> {
        let metric = self.metric.unwrap_or(Metric::Cosine);
        let of_design = self.design.as_ref().map(|design| design.indexes(table, usual, metric));
        let copied = self.indexes.iter().map(|one| one.plan(table));
        of_design.unwrap_or_default().into_iter().chain(copied).collect()
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
    pub strictness: Strictness,
    pub noted: Option<Noted>,
    pub description: IndexDescription,
    pub writers: Pool<Writer>,
}

impl Seen {
    /// Fits `table`, and looks at a record of `tables` where it does not say how long its vectors are.
    ///
    /// # Errors
    /// `Invalid` if the plan's columns do not fit it; those of the connection.
    pub async fn fit(
        session: &Session,
        (table, extension): (Table, Extension),
        (layout, tables): (&Layout, &[TableName]),
        (index, host): (&str, String),
    ) -> Result<Self> {
        let mapping = Mapping::new(table, extension, layout)?;
        let noted = Noted::read(mapping.table.comment.as_deref());
        let design = noted.as_ref().and_then(|noted| noted.design.clone());
        let mut fields = fields(&mapping, design.as_ref());
        for (field, (_, column)) in fields.iter_mut().zip(&mapping.vectors) {
            if field.dimension.is_none() && field.kind == VectorKind::Dense {
                field.dimension = dimension(session, (&mapping, column), tables).await?;
            }
        }
        let first = fields.iter().find(|field| field.kind == VectorKind::Dense);
        let dense = first.and_then(|field| mapping.vector(field.name.as_str()));
        let main = first.or(fields.first());
        let metric = noted.as_ref().and_then(|noted| noted.metric);
        let metric = metric.or(main.and_then(|field| field.metric));
        let dimension = first.and_then(|field| field.dimension);
        leave_to_index(&mut fields);
        let design = design.unwrap_or_else(|| Design {
            element: match dense.map(|column| column.kind) {
                Some(Kind::Halfvec) => Element::F16,
                _ => Element::F32,
            },
            is_partitioned: is_by_tenant(&mapping),
            method: mapping.table.indexes.first().map(|one| one.method),
            ..Design::default()
        });
        let spec = IndexSpec {
            name: index.to_owned(),
            dimension,
            metric: metric.unwrap_or(Metric::Cosine),
            vector_type: if dense.is_some() { VectorType::Dense } else { VectorType::Sparse },
            deployment: Deployment {
                fields: mapping.metadata_fields(),
                ..design.deployment(metric.is_some(), fields)
            },
            deletion_protection: noted.as_ref().is_some_and(|noted| noted.is_protected),
            tags: noted.as_ref().map(|noted| noted.tags.clone()).unwrap_or_default(),
        };
        let description = IndexDescription {
            spec,
            host,
            collection: None,
            marks: BTreeMap::new(),
            ready: true,
            state: "Ready".to_owned(),
        };
        let (mapping, writers) = (Arc::new(mapping), Pool::default());
        let strictness = strictness(&design);
        Ok(Self { mapping, strictness, noted, description, writers })
    }

    /// Returns the first column of dense vectors.
    pub fn dense(&self) -> Option<&Column> {
        let mut columns = self.mapping.vectors.iter().map(|(_, column)| column);
        columns.find(|column| column.kind.of_vectors() == VectorKind::Dense)
    }

    /// Returns the distance by which the vectors of a column are compared: its own, or that of the table if it is the first
    /// one; cosine where nothing says it.
    pub fn distance(&self, column: &Column) -> Distance {
        let spec = &self.description.spec;
        let field = spec.deployment.vectors.iter().find(|one| one.name.as_str() == column.name);
        let is_first = self.dense().is_none_or(|first| first.name == column.name);
        let rest = if is_first { spec.metric } else { Metric::Cosine };
        Distance::of(field.and_then(|field| field.metric).unwrap_or(rest))
    }
}

/// Returns the length of the first vector of a column that is there, in whichever of the tables.
async fn dimension(
    session: &Session,
    (mapping, column): (&Mapping, &Column),
    tables: &[TableName],
) -> Result<Option<u32>> {
    let name = quote(&column.name);
    let length = match column.kind {
        Kind::List(Item::Float4 | Item::Float8) => format!("pg_catalog.cardinality({name})"),
        Kind::Bit => format!("length({name})"),
        _ => format!("{}.vector_dims({name})", quote(&mapping.extension.schema)),
    };
    let of = |table: &TableName| {
        let table = table.quoted();
        format!("(select {length}::int8 from {table} where {name} is not null limit 1)")
    };
    for part in tables.chunks(AT_ONCE) {
        let all: Vec<_> = part.iter().map(of).collect();
        let sql = format!("select * from ({}) one limit 1", all.join(" union all "));
        if let Some(row) = session.row_if_any("look", &sql, &[]).await? {
            return Ok(u32::try_from(row.get::<_, i64>(0)).ok());
        }
    }
    Ok(None)
}
