//! The table that is made for an index as planned.

use super::admin::{IdType, TableSpec, Tenants};
use super::design::Design;
use super::fields::{fields, leave_to_index};
use super::keys::{ID, METADATA, MetadataIn, Row, TENANT, VECTOR};
use super::kind::Kind;
use super::look::{Column, Extension, Form, Key, Privileges, Table};
use super::mapping::Mapping;
use super::place::Place;
use super::spec;
use crate::error::{Error, Result};
use crate::model::IndexSpec;
use crate::plan::file::CreateSpec;

/// Returns the table to make: an id of text, the namespace, the vectors, and the metadata in one `jsonb`.
///
/// # Errors
/// `Invalid` for an index that no such table can be.
pub(super) fn table_spec(place: &Place, row: &Row, spec: &IndexSpec) -> Result<TableSpec> {
    let or = |name: &Option<String>, usual: &str| name.clone().unwrap_or_else(|| usual.to_owned());
    let json = match &row.metadata {
        None => METADATA.to_owned(),
        Some(MetadataIn::One(name)) => name.clone(),
        Some(MetadataIn::Fields(_)) => {
            return Err(Error::invalid(
                "a table that is made has its metadata in one column, and `row.metadata` is a list",
            )
            .with_hint("name one column, or make the table yourself"));
        }
    };
    let design = Design::of(&spec.deployment).unwrap_or_default();
    let vectors = design.columns(spec, row.vector.as_deref().unwrap_or(VECTOR))?;
    Ok(TableSpec {
        name: place.first(),
        id: (or(&row.id, ID), IdType::Text),
        tenants: match (place, design.is_partitioned) {
            (Place::Tables(_), _) => Tenants::None,
            (_, true) => Tenants::Partitions(or(&row.tenant, TENANT)),
            (_, false) => Tenants::Column(or(&row.tenant, TENANT)),
        },
        vectors,
        fields: Vec::new(),
        json: Some(json),
    })
}

/// Returns the index that a create stage asks for, with the fields of the table that would be made.
pub(super) fn asked_for(index: &str, row: &Row, asked: &CreateSpec) -> IndexSpec {
    let mut asked = spec::asked_for(index, asked);
    let mapping = Place::read(index).ok().and_then(|place| planned(&place, row, &asked).ok());
    if let Some(mapping) = mapping {
        let mut own = fields(&mapping, Design::of(&asked.deployment).as_ref());
        leave_to_index(&mut own);
        asked.deployment.vectors = own;
    }
    asked
}

/// Returns how records would fit the table once it is made.
///
/// # Errors
/// `Invalid` if none can be made, or if it would not have a column that `row` names.
pub(super) fn planned(place: &Place, row: &Row, spec: &IndexSpec) -> Result<Mapping> {
    let asked = table_spec(place, row, spec)?;
    let column = |name: &str, kind: Kind, type_text: &str, is_nullable: bool| Column {
        name: name.to_owned(),
        kind,
        type_text: type_text.to_owned(),
        plain_type: type_text.to_owned(),
        dimension: None,
        length: None,
        scale: None,
        is_nullable,
        has_default: false,
        is_generated: false,
        is_bytewise: true,
    };
    let (form, tenant, partitioned_by) = match &asked.tenants {
        Tenants::None => (Form::Table, None, Vec::new()),
        Tenants::Column(tenant) => (Form::Table, Some(tenant), Vec::new()),
        Tenants::Partitions(tenant) => (Form::Partitioned, Some(tenant), vec![tenant.clone()]),
    };
    let mut columns = vec![column(&asked.id.0, Kind::Text, "text", false)];
    columns.extend(tenant.map(|tenant| column(tenant, Kind::Text, "text", false)));
    columns.extend(asked.vectors.iter().map(|vector| Column {
        dimension: Some(vector.dimension),
        ..column(&vector.name, vector.kind, "vector", !vector.is_required)
    }));
    columns.extend(asked.json.iter().map(|name| column(name, Kind::Jsonb, "jsonb", true)));
    let columns_of_key = tenant.into_iter().chain([&asked.id.0]).cloned().collect();
    let table = Table {
        name: asked.name.clone(),
        oid: 0,
        form,
        columns,
        keys: vec![Key { columns: columns_of_key, is_primary: true }],
        indexes: Vec::new(),
        partitioned_by,
        estimated_rows: None,
        bytes: 0,
        is_unlogged: false,
        hides_rows: false,
        triggers: Vec::new(),
        comment: None,
        may: Privileges::default(),
    };
    let row = Row { id: Some(asked.id.0), tenant: tenant.cloned(), ..row.clone() };
    let layout = row.layout(&table);
    let extension = Extension { schema: "public".to_owned(), version: String::new() };
    Mapping::new(table, extension, &layout)
}
