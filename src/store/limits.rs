/// Most that one request may hold; `usize::MAX` if there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub upsert_records: usize,
    pub upsert_bytes: usize,
    pub fetch_ids: usize,
    pub delete_ids: usize,
    /// Answers of a query.
    pub matches: u32,
    pub metadata_bytes: usize,
    pub id_chars: usize,
    pub dimension: u32,
    pub sparse_values: usize,
    /// Whether a query may be made of a dense and a sparse vector.
    pub hybrid_queries: bool,
}
