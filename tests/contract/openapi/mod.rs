//! Every request of the client and every answer of the emulator is what Pinecone's OpenAPI files say.
//!
//! A proxy stands between the two ([`proxy`]), reads each exchange, finds its operation in the files of the version
//! that the request names and validates both halves ([`check`]). The schemas are made stricter than they are
//! written: a member no schema names is a violation too, on either side.
//!
//! What the files do not cover: gRPC, which is protobuf (the SDKs of `sdk.rs` hold it to its definition), and the
//! dialect of 2026-07, which has no file.

mod calls;
mod check;
mod document;
mod migrations;
pub mod proxy;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use check::Specification;

use crate::skip::skip;

/// Versions that have files: the one the client asks for, and the one it falls back to.
pub const VERSIONS: [&str; 2] = ["2026-04", "2025-10"];

/// Returns the folder of the files, which are not part of this project: beside the checkout, or as given by
/// `VECSHIFT_OPENAPI`.
fn folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/openapi");
    std::env::var("VECSHIFT_OPENAPI").map_or_else(|_| beside(), PathBuf::from)
}

/// Returns the path of a file; `plane` is `control` or `data`.
pub fn file(version: &str, plane: &str) -> PathBuf {
    folder().join(version).join(format!("db_{plane}_{version}.oas.yaml"))
}

/// Reads all files; `None`, with a message, if they do not exist.
pub fn specification(what: &str) -> Option<Arc<Specification>> {
    if !folder().is_dir() {
        skip(
            what,
            "Pinecone's OpenAPI files are not in ../shared/openapi (VECSHIFT_OPENAPI can name another folder)",
        );
        return None;
    }
    Some(Arc::new(Specification::read()))
}
