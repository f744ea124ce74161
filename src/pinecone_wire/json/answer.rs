use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Int, MatchBody, Pagination, RecordBody, lenient};

/// An answer whose members may all be left out.
pub(crate) trait Answer: DeserializeOwned {
    /// Members of which an answer of the service has at least one, unless it is `{}`.
    const MEMBERS: &'static [&'static str];

    fn is_empty(&self) -> bool;
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    pub read_units: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpsertAnswer {
    #[serde(default)]
    pub upserted_count: Int,
}

/// The answer to an update; it has a count if a filter was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateAnswer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_records: Option<Int>,
}

/// The answer to a fetch, and to a fetch by metadata, which has pages. An id that does not exist is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FetchAnswer<'a> {
    #[serde(default)]
    pub vectors: BTreeMap<Cow<'a, str>, RecordBody<'a>>,
    #[serde(default)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// The answer to a query: matches, best first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueryAnswer<'a> {
    #[serde(default)]
    pub matches: Vec<MatchBody<'a>>,
    #[serde(default)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListItem<'a> {
    pub id: Cow<'a, str>,
}

/// The answer to a list: ids in bytewise order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListAnswer<'a> {
    #[serde(default)]
    pub vectors: Vec<ListItem<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    #[serde(default)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    #[serde(default)]
    pub vector_count: Int,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatsAnswer<'a> {
    #[serde(default)]
    pub namespaces: Option<BTreeMap<Cow<'a, str>, Summary>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<Int>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub index_fullness: Option<f64>,
    #[serde(default)]
    pub total_vector_count: Int,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub metric: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub vector_type: Option<Cow<'a, str>>,
}

impl Answer for FetchAnswer<'_> {
    const MEMBERS: &'static [&'static str] = &["vectors", "namespace", "usage", "pagination"];

    fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }
}

impl Answer for QueryAnswer<'_> {
    /// Includes the `results` of old versions.
    const MEMBERS: &'static [&'static str] = &["matches", "namespace", "usage", "results"];

    fn is_empty(&self) -> bool {
        self.matches.is_empty()
    }
}

impl Answer for ListAnswer<'_> {
    const MEMBERS: &'static [&'static str] = &["vectors", "namespace", "usage", "pagination"];

    fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }
}

impl Answer for StatsAnswer<'_> {
    const MEMBERS: &'static [&'static str] =
        &["namespaces", "dimension", "indexFullness", "totalVectorCount", "index_fullness"];

    /// Returns whether the counts were left out, which would otherwise be read as an empty index.
    fn is_empty(&self) -> bool {
        self.namespaces.is_none() && self.total_vector_count == Int(0)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde_json::{Value, json};

    use super::*;
    use crate::pinecone_wire::json::Floats;

    fn is<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: T, expected: Value) {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), message);
    }

    #[test]
    fn what_is_written_is_read() {
        let usage = Some(Usage { read_units: 1 });
        let ns = || Some("ns".into());
        is(UpsertAnswer { upserted_count: Int(2) }, json!({"upsertedCount": 2}));
        is(UpdateAnswer { matched_records: None }, json!({}));
        is(UpdateAnswer { matched_records: Some(Int(3)) }, json!({"matchedRecords": 3}));
        let record =
            RecordBody { id: "a".into(), values: Some(Floats::default()), ..Default::default() };
        is(
            FetchAnswer {
                vectors: [("a".into(), record)].into(),
                namespace: ns(),
                usage,
                pagination: None,
            },
            json!({"vectors": {"a": {"id": "a", "values": []}}, "namespace": "ns", "usage": {"readUnits": 1}}),
        );
        let matched = MatchBody { id: "a".into(), score: 0.5, ..MatchBody::default() };
        is(
            QueryAnswer { matches: vec![matched], namespace: ns(), usage },
            json!({"matches": [{"id": "a", "score": 0.5, "values": []}], "namespace": "ns",
                "usage": {"readUnits": 1}}),
        );
        is(
            ListAnswer {
                vectors: vec![ListItem { id: "a".into() }],
                pagination: Pagination::to(Some("t".to_owned())),
                namespace: ns(),
                usage: None,
            },
            json!({"vectors": [{"id": "a"}], "pagination": {"next": "t"}, "namespace": "ns"}),
        );
        is(
            StatsAnswer {
                namespaces: Some([("ns".into(), Summary { vector_count: Int(5) })].into()),
                dimension: Some(Int(3)),
                index_fullness: Some(0.0),
                total_vector_count: Int(5),
                metric: Some("cosine".into()),
                vector_type: Some("dense".into()),
            },
            json!({"namespaces": {"ns": {"vectorCount": 5}}, "dimension": 3, "indexFullness": 0.0,
                "totalVectorCount": 5, "metric": "cosine", "vectorType": "dense"}),
        );
    }

    #[test]
    fn what_nobody_depends_on_spoils_no_answer() {
        let text = r#"{"vectors":{},"namespace":null,"usage":{"readUnits":0.25},"new":[]}"#;
        let answer: FetchAnswer = serde_json::from_str(text).unwrap();
        assert!(answer.is_empty() && answer.usage.is_none());
        let text =
            r#"{"namespaces":null,"totalVectorCount":"7","indexFullness":"0","metric":null}"#;
        let answer: StatsAnswer = serde_json::from_str(text).unwrap();
        assert_eq!(answer.total_vector_count, Int(7));
    }
}
