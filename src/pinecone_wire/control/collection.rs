use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::pinecone_wire::json::Int;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreateCollection<'a> {
    pub name: Cow<'a, str>,
    /// The pod index it is a copy of.
    pub source: Cow<'a, str>,
}

/// The description of a collection; it has counts once it is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CollectionModel {
    pub name: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Int>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<Int>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_count: Option<Int>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Collections {
    #[serde(default)]
    pub collections: Vec<CollectionModel>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::is;
    use super::*;

    #[test]
    fn a_collection_is_written_as_it_is_read() {
        is(
            &CreateCollection { name: "c".into(), source: "pod".into() },
            json!({"name": "c", "source": "pod"}),
        );
        let model = CollectionModel {
            name: "c".to_owned(),
            status: Some("Ready".to_owned()),
            environment: Some("us-east-1-aws".to_owned()),
            size: Some(Int(12_345)),
            dimension: Some(Int(3)),
            vector_count: Some(Int(7)),
        };
        is(
            &Collections { collections: vec![model] },
            json!({"collections": [{"name": "c", "status": "Ready", "environment": "us-east-1-aws",
                "size": 12345, "dimension": 3, "vector_count": 7}]}),
        );
    }
}
