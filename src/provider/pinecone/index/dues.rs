//! What a request uses up of the rates of a serverless index.

use crate::pinecone_wire::rates;
use crate::provider::pinecone::rates::Rates;
use crate::store::calls::{Due, Request};

/// A rate of the whole index, of which an attempt uses up one token.
fn of_index(what: &'static str, rate: f64) -> Due {
    Due { what, rate, is_per_namespace: false, tokens: 1.0 }
}

/// A rate of each namespace, of which an attempt uses up one token.
fn of_namespace(what: &'static str, rate: f64) -> Due {
    Due { is_per_namespace: true, ..of_index(what, rate) }
}

/// Returns what an attempt at `request` uses up; an upsert has so many `bytes`.
pub(super) fn dues(request: Request, bytes: impl FnOnce() -> usize, allowed: &Rates) -> Vec<Due> {
    let of_bytes = |rate| Due { tokens: bytes() as f64, ..of_namespace("bytes", rate) };
    let own = match request {
        Request::List => [allowed.lists.map(|rate| of_index("list", rate)), None],
        Request::Fetch => [allowed.fetches.map(|rate| of_index("fetch", rate)), None],
        Request::Upsert => [
            allowed.upserts.map(|rate| of_namespace("upsert", rate)),
            allowed.upserted.map(of_bytes),
        ],
        _ => [documented(request).filter(|_| allowed.are_others_documented), None],
    };
    own.into_iter().flatten().collect()
}

fn documented(request: Request) -> Option<Due> {
    Some(match request {
        Request::Query => of_namespace("query", rates::QUERIES.into()),
        Request::Delete | Request::DeleteNamespace => of_namespace("delete", rates::DELETES.into()),
        Request::DeleteMatching => {
            of_namespace("delete by metadata", rates::DELETES_BY_METADATA.into())
        }
        Request::Stats | Request::FilteredStats => of_index("stats", rates::STATS.into()),
        _ => return None,
    })
}
