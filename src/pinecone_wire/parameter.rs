//! Names of the parameters of a REST request's address.

pub(crate) const NAMESPACE: &str = "namespace";
pub(crate) const PREFIX: &str = "prefix";
pub(crate) const LIMIT: &str = "limit";
pub(crate) const PAGINATION_TOKEN: &str = "paginationToken";

/// An id of a fetch; as many as there are ids.
pub(crate) const IDS: &str = "ids";

/// Whether backups of indexes that are gone are listed (2026-07).
pub(crate) const INCLUDE_DELETED: &str = "include_deleted";
