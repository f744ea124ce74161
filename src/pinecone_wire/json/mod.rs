//! The messages of the data plane over REST, in camelCase; those of namespaces are in snake_case.
//!
//! Each is borrowed when it is written and owned when it is read. Floats are written in their shortest form
//! that reads back as the same f32, and read as f32 from the text (serde_json's `float_roundtrip`), never rounded
//! twice.

mod answer;
mod import;
mod namespace;
mod number;
mod record;
mod request;

pub(crate) use answer::{
    Answer, FetchAnswer, ListAnswer, ListItem, QueryAnswer, StatsAnswer, Summary, UpdateAnswer,
    UpsertAnswer, Usage,
};
pub(crate) use import::{ErrorMode, ImportModel, ImportStarted, OnError, StartImport};
pub(crate) use namespace::{
    CreateNamespace, IndexedFields, MetadataSchema, NamespaceModel, Namespaces,
};
pub(crate) use number::{Floats, Int};
pub(crate) use record::{MatchBody, RecordBody, Sparse};
pub(crate) use request::{Delete, FetchByMetadata, Query, Stats, Update, Upsert};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// One page of things of either plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page<T> {
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// The place where the next page begins. An empty token counts as none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pagination {
    #[serde(default)]
    pub next: Option<String>,
}

impl Pagination {
    /// Makes the member that names the page beginning at `next`; `None` at the end.
    pub fn to(next: Option<String>) -> Option<Self> {
        next.map(|next| Self { next: Some(next) })
    }

    /// Returns the token of the next page; `None` at the end.
    pub fn token(page: Option<Self>) -> Option<String> {
        page.and_then(|page| page.next).filter(|next| !next.is_empty())
    }
}

/// Reads a member on which nothing depends: a value that is not understood counts as absent.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_without_a_token() {
        let token = |text: &str| {
            let page: Page<u32> = serde_json::from_str(text).unwrap();
            Pagination::token(page.pagination)
        };
        assert_eq!(token(r#"{"data":[1],"pagination":{"next":"a"}}"#).as_deref(), Some("a"));
        for end in [r#"{}"#, r#"{"pagination":null}"#, r#"{"pagination":{"next":""}}"#] {
            assert_eq!(token(end), None, "{end}");
        }
    }
}
