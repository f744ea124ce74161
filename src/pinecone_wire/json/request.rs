use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Floats, RecordBody, Sparse};
use crate::model::Metadata;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Upsert<'a> {
    #[serde(default)]
    pub vectors: Vec<RecordBody<'a>>,
    #[serde(default)]
    pub namespace: Option<Cow<'a, str>>,
}

/// A query by a vector or by the id of a record whose vector is taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Query<'a> {
    #[serde(default)]
    pub namespace: Option<Cow<'a, str>>,
    pub top_k: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Floats>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_vector: Option<Sparse<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Cow<'a, Value>>,
    #[serde(default)]
    pub include_values: bool,
    #[serde(default)]
    pub include_metadata: bool,
}

/// A change of one record by its id, or of all that match a filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Update<'a> {
    #[serde(default)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Floats>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_values: Option<Sparse<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_metadata: Option<Cow<'a, Metadata>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Cow<'a, Value>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A delete by exactly one of the three selections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delete<'a> {
    #[serde(default)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<Cow<'a, str>>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete_all: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Cow<'a, Value>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FetchByMetadata<'a> {
    #[serde(default)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Cow<'a, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination_token: Option<String>,
}

/// A request for counts; only pods accept a filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stats<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Cow<'a, Value>>,
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::model::Vector;

    fn is<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: T, expected: Value) {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), message);
    }

    #[test]
    fn what_is_written_is_read() {
        let filter = || Some(Cow::Owned(json!({"a": {"$eq": 1}})));
        let ns = || Some("ns".into());
        let floats = || Some(Floats(Vector::from_values([0.5])));
        is(
            Upsert {
                vectors: vec![RecordBody {
                    id: "a".into(),
                    values: floats(),
                    ..Default::default()
                }],
                namespace: ns(),
            },
            json!({"vectors": [{"id": "a", "values": [0.5]}], "namespace": "ns"}),
        );
        is(
            Query {
                namespace: ns(),
                top_k: 3,
                vector: floats(),
                filter: filter(),
                ..Query::default()
            },
            json!({"namespace": "ns", "topK": 3, "vector": [0.5], "filter": {"a": {"$eq": 1}},
                "includeValues": false, "includeMetadata": false}),
        );
        is(
            Update { namespace: ns(), id: Some("a".into()), values: floats(), ..Update::default() },
            json!({"namespace": "ns", "id": "a", "values": [0.5]}),
        );
        is(
            Delete { namespace: ns(), ids: Some(vec!["a".into()]), ..Delete::default() },
            json!({"namespace": "ns", "ids": ["a"]}),
        );
        is(
            Delete { namespace: ns(), delete_all: true, ..Delete::default() },
            json!({"namespace": "ns", "deleteAll": true}),
        );
        is(
            FetchByMetadata {
                namespace: ns(),
                filter: filter(),
                limit: Some(5),
                pagination_token: Some("t".to_owned()),
            },
            json!({"namespace": "ns", "filter": {"a": {"$eq": 1}}, "limit": 5, "paginationToken": "t"}),
        );
        is(Stats { filter: None }, json!({}));
    }
}
