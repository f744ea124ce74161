//! The documented limits, each with its source. Unless another is given it is docs.pinecone.io, "Database limits"
//! (operation limits, object limits), seen October 2026.

use crate::model::{Metadata, Rare, Value};

/// Records of an upsert.
pub(crate) const UPSERT_RECORDS: usize = 1_000;

/// Bytes of an upsert on its own wire. `2 MB` is read as the smaller 2,000,000, because a request over it fails as a
/// whole.
pub(crate) const UPSERT_BYTES: usize = 2_000_000;

/// Bytes of a record's metadata as JSON. `40 KB` is read as the larger 40,960, because a record over it is not copied
/// at all.
pub(crate) const METADATA_BYTES: usize = 40 * 1024;

/// Whether a metadata field is called like an operator of filters, which no record may have (guide to metadata).
pub(crate) fn is_operator(key: &str) -> bool {
    key.starts_with('$')
}

/// Returns the fields with a value that is not kept, and its kind, in order: kept are texts, numbers that a 64-bit float
/// keeps, booleans and lists of texts (guide to metadata).
pub(crate) fn unkept(metadata: &Metadata) -> impl Iterator<Item = (&str, &Value, Rare)> {
    let fields = metadata.0.iter();
    fields.filter_map(|(name, value)| Some((name.as_str(), value, value.rare()?)))
}

/// Characters of an id; ASCII without NUL (Pinecone's Python SDK 10.2.0).
pub(crate) const ID_CHARS: usize = 512;

/// Characters of a namespace's name; ASCII without NUL (Pinecone's Python SDK 10.2.0).
pub(crate) const NAMESPACE_CHARS: usize = 512;

/// Components of a dense vector.
pub(crate) const DIMENSION: u32 = 20_000;

/// Values of a sparse vector; the OpenAPI files still say 1,000.
pub(crate) const SPARSE_VALUES: usize = 2_048;

/// Ids of a fetch.
pub(crate) const FETCH_IDS: usize = 1_000;

/// Records on a page of a fetch by metadata, and their number on a page by default.
pub(crate) const FETCH_BY_METADATA: usize = 10_000;
pub(crate) const FETCH_BY_METADATA_DEFAULT: usize = 100;

/// Ids on a page of a list (Pinecone's Python SDK 10.2.0 refuses more).
pub(crate) const LIST_IDS: usize = 100;

/// Namespaces on a page of a list.
pub(crate) const LIST_NAMESPACES: usize = 100;

/// Matches of a query.
pub(crate) const TOP_K: u32 = 10_000;

/// Bytes of the result of a query, and of a page of a fetch by metadata.
pub(crate) const RESULT_BYTES: usize = 4_000_000;

/// Ids of a delete.
pub(crate) const DELETE_IDS: usize = 1_000;

/// Values of `$in` and `$nin`.
pub(crate) const SET_VALUES: usize = 10_000;

/// Serverless indexes of a project, namespaces of such an index and backups of a project, on the largest plan.
pub(crate) const INDEXES: usize = 200;
pub(crate) const NAMESPACES: usize = 100_000;
pub(crate) const BACKUPS: usize = 1_000;

/// Backups and restore jobs on a page of a list (OpenAPI files).
pub(crate) const LIST_BACKUPS: usize = 100;

/// Namespaces of a collection that a serverless index is made from (Pinecone's guide to migrate pods, 2026).
pub(crate) const COLLECTION_NAMESPACES: usize = 20_000;

/// Characters of the address of an import (OpenAPI files), and imports on a page of a list.
pub(crate) const IMPORT_URI_CHARS: usize = 1_500;
pub(crate) const LIST_IMPORTS: usize = 100;

/// Limits of one import; a gigabyte is taken as 10^9 bytes.
pub(crate) const IMPORT_FILES: usize = 100_000;
pub(crate) const IMPORT_NAMESPACES: usize = 10_000;
pub(crate) const IMPORT_FILE_BYTES: u64 = 10_000_000_000;
pub(crate) const IMPORT_BYTES: u64 = 1_000_000_000_000;

/// Characters of the name of an index or a collection (OpenAPI files).
pub(crate) const RESOURCE_NAME_CHARS: usize = 45;

/// Tags of an index, and characters of their keys and values (OpenAPI files).
pub(crate) const TAGS: usize = 20;
pub(crate) const TAG_KEY_CHARS: usize = 80;
pub(crate) const TAG_VALUE_CHARS: usize = 120;
