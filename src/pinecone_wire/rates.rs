//! The documented rates of a serverless index, per second (docs.pinecone.io, "Database limits", seen October 2026).
//! Pods document none.

/// Rates in one namespace.
pub(crate) const UPSERTS: u32 = 100;
pub(crate) const UPSERT_BYTES: u32 = 50_000_000;
pub(crate) const QUERIES: u32 = 100;
pub(crate) const UPDATES: u32 = 100;
pub(crate) const UPDATES_BY_METADATA: u32 = 5;
pub(crate) const DELETES: u32 = 100;
pub(crate) const DELETED_RECORDS: u32 = 5_000;
pub(crate) const DELETES_BY_METADATA: u32 = 5;
pub(crate) const FETCHES_BY_METADATA: u32 = 5;

/// Rates in the whole index.
pub(crate) const QUERY_UNITS: u32 = 2_000;
pub(crate) const DELETED_RECORDS_OF_INDEX: u32 = 5_000;
pub(crate) const WRITES_BY_METADATA: u32 = 500;
pub(crate) const FETCHES: u32 = 100;
pub(crate) const LISTS: u32 = 200;
pub(crate) const STATS: u32 = 100;
