/// A file below a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Below the place's URI, with slashes.
    pub path: String,
    pub bytes: u64,
    /// Its version, where the bucket gives one: another one means other bytes.
    pub tag: Option<String>,
}
