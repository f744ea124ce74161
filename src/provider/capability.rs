//! Abilities and limits of an index: plain data, so that stages and the conformance suite can ask.

/// Abilities of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Lists its ids.
    pub list: bool,
    /// Counts records by a metadata filter.
    pub filtered_count: bool,
    /// Gives log sequence numbers, so that a reader can wait for a write.
    pub lsn: bool,
    /// Keeps sparse values.
    pub sparse: bool,
    /// Answers nearest-neighbour queries.
    pub query: bool,
    pub limits: Limits,
}

/// Most that one request may hold; `usize::MAX` if there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub upsert_records: usize,
    pub upsert_bytes: usize,
    pub fetch_ids: usize,
    pub delete_ids: usize,
    pub top_k: u32,
    pub metadata_bytes: usize,
    pub id_chars: usize,
    pub dimension: u32,
    pub sparse_values: usize,
}
