//! The documented rates of serverless indexes as limits: token buckets that hold one second's worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::{Timestamp, until};
use crate::model::Namespace;
use crate::pinecone_wire::rates;

use super::error::{Answer, Refusal};

/// One limit: what it counts, what it applies to and how many a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Limit {
    pub what: &'static str,
    pub is_per_namespace: bool,
    pub per_second: u32,
}

const fn namespace(what: &'static str, per_second: u32) -> Limit {
    Limit { what, is_per_namespace: true, per_second }
}

const fn index(what: &'static str, per_second: u32) -> Limit {
    Limit { what, is_per_namespace: false, per_second }
}

pub(crate) const UPSERTS: Limit = namespace("upsert requests", rates::UPSERTS);
pub(crate) const UPSERT_BYTES: Limit = namespace("upserted bytes", rates::UPSERT_BYTES);
pub(crate) const QUERIES: Limit = namespace("query requests", rates::QUERIES);
/// Limit of query units, in quarters of a unit: the least a query costs.
pub(crate) const QUERY_QUARTER_UNITS: Limit =
    index("quarter read units of queries", 4 * rates::QUERY_UNITS);
pub(crate) const UPDATES: Limit = namespace("update requests", rates::UPDATES);
pub(crate) const UPDATES_BY_METADATA: Limit =
    namespace("updates by metadata", rates::UPDATES_BY_METADATA);
pub(crate) const DELETES: Limit = namespace("delete requests", rates::DELETES);
pub(crate) const DELETED_RECORDS: Limit = namespace("deleted records", rates::DELETED_RECORDS);
pub(crate) const DELETED_RECORDS_OF_INDEX: Limit =
    index("deleted records", rates::DELETED_RECORDS_OF_INDEX);
pub(crate) const DELETES_BY_METADATA: Limit =
    namespace("deletes by metadata", rates::DELETES_BY_METADATA);
pub(crate) const BY_METADATA_OF_INDEX: Limit =
    index("writes by metadata", rates::WRITES_BY_METADATA);
pub(crate) const FETCHES: Limit = index("fetch requests", rates::FETCHES);
pub(crate) const FETCHES_BY_METADATA: Limit =
    namespace("fetches by metadata", rates::FETCHES_BY_METADATA);
pub(crate) const LISTS: Limit = index("list requests", rates::LISTS);
pub(crate) const STATS: Limit = index("describe_index_stats requests", rates::STATS);

#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<HashMap<Key, Bucket>>);

type Key = (String, Option<Namespace>, &'static str);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

impl Buckets {
    /// Takes `demands` from the buckets of `index` and `namespace`, all of them or none.
    pub fn take(
        &self,
        index: &str,
        namespace: &Namespace,
        demands: &[(Limit, usize)],
        now: Timestamp,
    ) -> Answer<()> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = |limit: &Limit| {
            (index.to_owned(), limit.is_per_namespace.then(|| namespace.clone()), limit.what)
        };
        for (limit, amount) in demands {
            let full = f64::from(limit.per_second);
            let bucket = buckets.entry(key(limit)).or_insert(Bucket { tokens: full, filled: now });
            let refill = until(bucket.filled, now).as_secs_f64() * full;
            bucket.tokens = (bucket.tokens + refill).min(full);
            bucket.filled = bucket.filled.max(now);
            if bucket.tokens < (*amount as f64).min(full) {
                return Err(refusal(index, namespace, limit));
            }
        }
        for (limit, amount) in demands {
            if let Some(bucket) = buckets.get_mut(&key(limit)) {
                bucket.tokens -= *amount as f64;
            }
        }
        Ok(())
    }
}

fn refusal(index: &str, namespace: &Namespace, limit: &Limit) -> Refusal {
    let scope = match limit.is_per_namespace {
        true => format!("namespace '{namespace}' of index '{index}'"),
        false => format!("index '{index}'"),
    };
    Refusal::rate_limited(format!(
        "Too many requests: the limit of {} {} per second for {scope} is reached",
        limit.per_second, limit.what
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::after;
    use std::time::Duration;

    #[test]
    fn a_bucket_gives_its_rate_and_refills() {
        let (buckets, start) = (Buckets::default(), Timestamp::UNIX_EPOCH);
        let (a, b) = (Namespace::new("a"), Namespace::new("b"));
        let take = |ns, now| buckets.take("i", ns, &[(UPSERTS, 1)], now);
        for _ in 0..100 {
            take(&a, start).unwrap();
        }
        let refusal = take(&a, start).unwrap_err();
        assert_eq!(refusal.status, 429);
        assert!(refusal.message.contains("100 upsert requests per second for namespace 'a'"));
        take(&b, start).unwrap();
        take(&a, after(start, Duration::from_millis(10))).unwrap();
        assert!(take(&a, after(start, Duration::from_millis(10))).is_err());
    }

    #[test]
    fn a_refusal_takes_nothing() {
        let (buckets, now) = (Buckets::default(), Timestamp::UNIX_EPOCH);
        let ns = Namespace::new("a");
        let bytes = |amount| buckets.take("i", &ns, &[(UPSERTS, 1), (UPSERT_BYTES, amount)], now);
        bytes(49_000_000).unwrap();
        for _ in 0..200 {
            assert!(bytes(2_000_000).is_err());
        }
        bytes(1_000_000).unwrap();
    }
}
