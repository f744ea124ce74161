//! The line between the two sides of a copy: what its records pass on their way, what lists their ids where the source
//! does not, and the files that it keeps. A copy writes along it; whoever looks at the copied records again reads along it.

pub(super) mod artifacts;
mod lines;
pub(super) mod manifest;
mod pipeline;
mod printed;
mod staging;

pub(super) use lines::{Line, Lines, kept_by};
pub(super) use pipeline::{PARALLEL, is_open, lists_of, pipeline};
pub(super) use staging::staging_index;
