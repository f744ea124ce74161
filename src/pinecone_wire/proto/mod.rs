//! The messages of the gRPC data plane, versions 2025-10 and 2026-04. The proto file has no package.
//!
//! They are written with derives, so that building needs no protoc. Dense values are declared as `bytes`: a packed
//! `repeated float` and a `bytes` field look the same on the wire, and so a vector crosses the process without being
//! parsed number by number. A peer that does not pack its numbers fails to decode that way with a wire type error;
//! [`unpacked`] has the same messages declared as floats for that case, and [`decode_either`] takes the one that fits.
//!
//! Metadata is a message as it stands (`metadata`), and an upsert is written straight from the records (`write`): what
//! every record of a copy goes through makes no tree on the way.

mod convert;
mod either;
mod message;
mod metadata;
pub mod path;
mod piece;
mod read;
mod rope;
pub mod unpacked;
mod write;

pub(crate) use convert::{
    filter_from_fields, filter_to_fields, from_vector, sparse_of, to_fields, to_sparse, to_vector,
    vector_of,
};
pub(crate) use either::{Either, decode_either};
pub use message::*;
pub(crate) use read::{fetched, listed};
pub(crate) use rope::Rope;
pub(crate) use write::{FRAME, framed, framed_fetch, framed_upsert, record_bytes};

/// The largest message either way, in bytes: what Pinecone's own SDKs set (Python SDK 8 and 10). A fetch of 1,000
/// records of 3,072 dimensions is 12 MB.
pub(crate) const MESSAGE_BYTES: usize = 128 * 1024 * 1024;
