/// A file below a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Below the place's URI, with slashes.
    pub path: String,
    pub bytes: u64,
}
