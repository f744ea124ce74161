//! What a request uses up of the documented rates of a serverless index.

use crate::pinecone_wire::rates;
use crate::store::calls::{Due, Request};

/// A rate of the whole index, of which an attempt uses up one token.
fn of_index(what: &'static str, rate: u32) -> Due {
    Due { what, rate: f64::from(rate), is_per_namespace: false, tokens: 1.0 }
}

/// A rate of each namespace, of which an attempt uses up one token.
fn of_namespace(what: &'static str, rate: u32) -> Due {
    Due { is_per_namespace: true, ..of_index(what, rate) }
}

/// Returns what an attempt at `request` uses up; an upsert has so many `bytes`.
pub(super) fn dues(request: Request, bytes: impl FnOnce() -> usize) -> Vec<Due> {
    match request {
        Request::Upsert => vec![
            of_namespace("upsert", rates::UPSERTS),
            Due { tokens: bytes() as f64, ..of_namespace("bytes", rates::UPSERT_BYTES) },
        ],
        Request::Query => vec![of_namespace("query", rates::QUERIES)],
        Request::Delete | Request::DeleteNamespace => vec![of_namespace("delete", rates::DELETES)],
        Request::DeleteMatching => {
            vec![of_namespace("delete by metadata", rates::DELETES_BY_METADATA)]
        }
        Request::Fetch => vec![of_index("fetch", rates::FETCHES)],
        Request::List => vec![of_index("list", rates::LISTS)],
        Request::Stats | Request::FilteredStats => vec![of_index("stats", rates::STATS)],
        _ => Vec::new(),
    }
}
