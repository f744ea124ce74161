use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Int, Pagination, lenient};
use crate::pinecone_wire::proto;

/// The metadata fields that can be filtered on, of an index or a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetadataSchema {
    pub fields: BTreeMap<String, MetadataField>,
}

/// Filterability of a field; only `true` is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetadataField {
    #[serde(default)]
    pub filterable: Option<bool>,
}

impl MetadataSchema {
    /// Makes the schema that allows filtering on these fields.
    pub fn of(fields: &[String]) -> Self {
        let field = MetadataField { filterable: Some(true) };
        Self { fields: fields.iter().map(|name| (name.clone(), field)).collect() }
    }
}

impl From<proto::MetadataSchema> for MetadataSchema {
    fn from(schema: proto::MetadataSchema) -> Self {
        let read =
            |field: proto::MetadataField| MetadataField { filterable: Some(field.filterable) };
        Self {
            fields: schema.fields.into_iter().map(|(name, field)| (name, read(field))).collect(),
        }
    }
}

impl From<MetadataSchema> for proto::MetadataSchema {
    fn from(schema: MetadataSchema) -> Self {
        let write = |field: MetadataField| proto::MetadataField {
            filterable: field.filterable.unwrap_or_default(),
        };
        Self {
            fields: schema.fields.into_iter().map(|(name, field)| (name, write(field))).collect(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreateNamespace<'a> {
    pub name: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<MetadataSchema>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexedFields {
    #[serde(default)]
    pub fields: Vec<String>,
}

/// The description of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamespaceModel {
    pub name: String,
    #[serde(default)]
    pub record_count: Int,
    /// Present since 2026-07.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<Int>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub schema: Option<MetadataSchema>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub indexed_fields: Option<IndexedFields>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Namespaces {
    #[serde(default)]
    pub namespaces: Vec<NamespaceModel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    #[serde(default)]
    pub total_count: Int,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_namespace_is_written_as_it_is_read() {
        let fields = ["a".to_owned()];
        let model = NamespaceModel {
            name: "ns".to_owned(),
            record_count: Int(3),
            size_bytes: Some(Int(40)),
            schema: Some(MetadataSchema::of(&fields)),
            indexed_fields: Some(IndexedFields { fields: fields.to_vec() }),
        };
        let all = Namespaces { namespaces: vec![model], pagination: None, total_count: Int(1) };
        let text = serde_json::to_string(&all).unwrap();
        let expected = json!({"namespaces": [{"name": "ns", "record_count": 3, "size_bytes": 40,
            "schema": {"fields": {"a": {"filterable": true}}}, "indexed_fields": {"fields": ["a"]}}],
            "total_count": 1});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Namespaces>(&text).unwrap(), all);
    }

    #[test]
    fn a_schema_is_the_same_on_both_wires() {
        let schema = MetadataSchema::of(&["a".to_owned(), "b".to_owned()]);
        let message = proto::MetadataSchema::from(schema.clone());
        assert_eq!(MetadataSchema::from(message), schema);
    }
}
