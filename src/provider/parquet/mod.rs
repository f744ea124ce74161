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
//! Records with several vectors of a kind have a column of each, under the vector's name, in place of `values` or
//! `sparse_values`; several dense ones under one name are a list of lists of f32. The footer notes which they are, and of
//! which kind the ids are whose texts `id` has ([`note`]). Bytes, and numbers that are infinite or none, which JSON has not,
//! stand in `metadata` under tags where the footer says so ([`tagged`]); the files of a bulk import have none.
//!
//! Without `namespace` this is the layout of a bulk import. A source of files may be mapped from other
//! columns (see [`layout`]). Files are read and written in bounded parts; floats are shared with the file's buffers on
//! the way in. All calls here block: use `spawn_blocking`.

mod arrays;
mod cells;
mod columns;
mod file;
mod group;
mod kind;
mod layout;
mod note;
mod origin;
mod pairs;
mod read;
mod rows;
mod tagged;
mod vectors;
mod write;

#[cfg(test)]
mod layout_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vector_tests;

pub(crate) use group::{Chosen, GroupRows, Part};
pub(crate) use layout::name_fields;
pub use layout::{Folders, PassedOver};
pub use origin::Origin;
pub(crate) use pairs::{PairReader, Pairs};
pub use read::{RecordReader, Rows, contents, count_rows, read, read_import};
pub use rows::{Names, RowReader};
pub use write::{RecordWriter, encode};

use crate::error::{Error, ErrorKind};

/// Number of rows that are decoded at once.
pub const BATCH_ROWS: usize = 1_000;

/// Returns whether a file's name says that it is Parquet.
pub fn is_named(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| {
        ["parquet", "parq", "pq"].iter().any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// Makes an error of the Parquet or Arrow crates one about the file `name`.
pub(crate) fn unreadable(
    name: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let source = source.into();
    let message = format!("{name} is not a Parquet file that can be used");
    Error::new(fault(&*source), message)
        .with_source(source)
        .with_hint("get it again from where it came from, or remove it")
}

/// The kind of an error of reading a file: `Io` if the system could not read, where another try may help, and `Invalid`
/// if what was read is no Parquet. Decompressors have errors of I/O too, but none of the system's.
fn fault(error: &(dyn std::error::Error + 'static)) -> ErrorKind {
    let of_the_system = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.raw_os_error().is_some())
    };
    match std::iter::successors(Some(error), |error| error.source()).any(of_the_system) {
        true => ErrorKind::Io,
        false => ErrorKind::Invalid,
    }
}
