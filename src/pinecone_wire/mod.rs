//! Pinecone's wire format, for all who use it: the provider, which asks; the emulator, which answers; a
//! gateway, which does both.
//!
//! Each message is one type that is written and read: `proto` for gRPC, `json` for the data plane over REST, `control`
//! for the control plane in both of its dialects. Beside them stand the words: operations and their paths, versions,
//! headers, codes and bodies of errors, states, and the documented limits with the source of each. Nothing here
//! decides anything: what the emulator refuses and what kind of error a client makes of an answer stays at its end.
//!
//! Answers are read tolerantly: unknown members are ignored, and `null` counts as absent. The reasons why both ends may
//! share all this are in `docs/decisions/0025-one-wire.md`.

mod code;
pub(crate) mod control;
mod deployment;
mod error_body;
mod header;
pub(crate) mod json;
pub(crate) mod limits;
mod malformed;
mod operation;
pub(crate) mod parameter;
pub mod proto;
pub(crate) mod rates;
mod segment;
pub(crate) mod state;
mod version;
pub(crate) mod words;

pub(crate) use code::Code;
pub use deployment::Deployment;
pub(crate) use error_body::ErrorBody;
pub(crate) use header::{
    API_KEY, API_VERSION, GRPC_PUSHBACK, Lsn, OWN_PREFIX, REQUEST_IDS, RETRY_AFTER,
};
pub(crate) use malformed::{Fault, Malformed};
pub(crate) use operation::Operation;
pub(crate) use segment::escape;
pub(crate) use version::Version;

/// The control plane's address (Pinecone's OpenAPI files).
pub const CONTROL_PLANE: &str = "https://api.pinecone.io";
