//! Names of the parameters of a REST request's address.

pub(crate) const NAMESPACE: &str = "namespace";
pub(crate) const PREFIX: &str = "prefix";
pub(crate) const LIMIT: &str = "limit";
pub(crate) const PAGINATION_TOKEN: &str = "paginationToken";

/// An id of a fetch; repeated for each id.
pub(crate) const IDS: &str = "ids";

/// Asks for backups of deleted indexes too (2026-07).
pub(crate) const INCLUDE_DELETED: &str = "include_deleted";
