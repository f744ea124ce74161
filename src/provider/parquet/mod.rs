//! Records as Parquet: the snapshot of an index before it is deleted, an audit's sample, a rehearsal's data.
//!
//! | column | type | may be absent |
//! |---|---|---|
//! | `namespace` | string | yes: everything is of the default namespace |
//! | `id` | string | no |
//! | `values` | list of f32 | yes: sparse only |
//! | `sparse_values` | struct of `indices` (list of u32) and `values` (list of f32) | yes |
//! | `metadata` | string with a JSON object | yes |
//!
//! Without `namespace` this is what Pinecone's bulk import takes. Files are read and written in bounded parts;
//! floats are shared with the file's buffers on the way in. All calls here block: use `spawn_blocking`.

mod columns;
mod contents;
mod read;
mod rows;
mod write;

#[cfg(test)]
mod tests;

pub use columns::{Texts, text_column};
pub use contents::Contents;
pub(crate) use read::builder;
pub use read::{RecordReader, Rows, contents, count_rows, read};
pub use rows::RowReader;
pub(crate) use rows::text_pairs;
pub use write::{RecordWriter, encode};

use crate::error::{Error, ErrorKind};

/// Rows that are decoded at once.
pub const BATCH_ROWS: usize = 1_000;

/// An error of the Parquet or Arrow crates about `path`.
pub(crate) fn unreadable(
    path: &std::path::Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(ErrorKind::Io, format!("{} is not a Parquet file that can be used", path.display()))
        .with_source(source)
}
