//! What an index allows a second.

use crate::pinecone_wire::rates;

/// What an index allows a second; `None` where nothing is known to limit it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Lists of ids, of the index.
    pub lists: Option<f64>,
    /// Fetches, of the index.
    pub fetches: Option<f64>,
    /// Upserts, of each namespace.
    pub upserts: Option<f64>,
    /// Bytes of upserts, of each namespace.
    pub upserted: Option<f64>,
    /// Whether what is not named here has the documented rates.
    pub are_others_documented: bool,
}

impl Rates {
    /// Those that the service documents for a serverless index.
    pub const DOCUMENTED: Self = Self {
        lists: Some(rates::LISTS as f64),
        fetches: Some(rates::FETCHES as f64),
        upserts: Some(rates::UPSERTS as f64),
        upserted: Some(rates::UPSERT_BYTES as f64),
        are_others_documented: true,
    };

    pub const UNLIMITED: Self = Self {
        lists: None,
        fetches: None,
        upserts: None,
        upserted: None,
        are_others_documented: false,
    };
}

impl Default for Rates {
    fn default() -> Self {
        Self::DOCUMENTED
    }
}
