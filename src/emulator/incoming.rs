use axum::body::Bytes;
use serde::de::DeserializeOwned;

use crate::model::Namespace;
use crate::pinecone_wire::{Version, parameter};

use super::error::{Answer, Refusal};

/// A REST request whose body has been read.
pub(crate) struct Incoming {
    /// The name in the path.
    pub name: String,
    pub version: Version,
    /// Decoded query parameters, in their order.
    pub parameters: Vec<(String, String)>,
    pub body: Bytes,
}

impl Incoming {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the requested size of a page.
    pub fn limit(&self) -> Answer<Option<u32>> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| Refusal::invalid(format!("limit must be a number, got {text}")))
        };
        self.parameter(parameter::LIMIT).map(parse).transpose()
    }

    /// Returns the token of the requested page.
    pub fn page(&self) -> Option<&str> {
        self.parameter(parameter::PAGINATION_TOKEN).filter(|token| !token.is_empty())
    }

    pub fn namespace(&self) -> Namespace {
        Namespace::new(self.parameter(parameter::NAMESPACE).unwrap_or_default())
    }

    /// Reads the body; an absent one is an empty object.
    pub fn read<T: DeserializeOwned>(&self) -> Answer<T> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))
    }
}
