//! The columns that a put writes, and the types that their values travel in.

use super::kind::{Item, Kind};
use super::look::Column;
use super::mapping::Mapping;

/// The columns that a put writes, in the order in which they travel.
pub(super) fn written(mapping: &Mapping) -> Vec<&Column> {
    let fields = mapping.fields.iter().filter(|column| !column.is_generated);
    let vectors =
        mapping.vectors.iter().map(|(_, column)| column).filter(|column| !column.is_generated);
    [&mapping.id]
        .into_iter()
        .chain(&mapping.tenant)
        .chain(vectors)
        .chain(fields)
        .chain(&mapping.json)
        .collect()
}

/// The type of a column's values on their way: the server turns them into the column's own, and refuses what does not
/// fit.
pub(super) fn travel_type(mapping: &Mapping, column: &Column) -> String {
    let is_text = column.name == mapping.id.name
        || mapping.tenant.as_ref().is_some_and(|tenant| tenant.name == column.name);
    if is_text || column.kind.is_as_text() {
        return "text".to_owned();
    }
    match column.kind {
        Kind::Vector => mapping.extension_type("vector"),
        Kind::Halfvec => mapping.extension_type("halfvec"),
        Kind::Sparsevec => mapping.extension_type("sparsevec"),
        Kind::Bit if mapping.vectors.iter().any(|(_, vector)| vector.name == column.name) => {
            "bit varying".to_owned()
        }
        Kind::List(item) => format!("{}[]", item_type(item)),
        Kind::Text | Kind::Bit => "text".to_owned(),
        _ => column.plain_type.clone(),
    }
}

fn item_type(item: Item) -> &'static str {
    match item {
        Item::Text => "text",
        Item::Int2 => "int2",
        Item::Int4 => "int4",
        Item::Int8 => "int8",
        Item::Float4 => "float4",
        Item::Float8 => "float8",
        Item::Bool => "bool",
    }
}

/// Whether a column's values must be cast from the type they travel in; others are assigned, which never cuts a text.
pub(super) fn needs_cast(mapping: &Mapping, column: &Column) -> bool {
    travel_type(mapping, column) == "text" && column.kind != Kind::Text
}
