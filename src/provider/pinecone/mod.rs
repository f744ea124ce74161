//! Pinecone: control plane over REST, data plane over gRPC with REST as the fallback.
//!
//! [`Index`] is one index of one project. Its control plane (`control`) makes, describes and deletes it; the
//! description says whether it is a pod or serverless, hence its capabilities, and gives the address of its data plane.
//! The data plane is one trait (`plane`) with two wires: `grpc`, where a vector crosses as the bytes it came in, and
//! `rest`. `connection` holds both and decides which one is used.
//!
//! The messages, paths and words are those of `pinecone_wire`. Comments say what is known of the service and what is
//! not. Nothing unconfirmed is assumed: it is found out at run time.

mod cells;
mod channel;
mod collections;
mod conditions;
mod connection;
mod connector;
mod control;
mod error;
mod filter;
mod grpc;
mod http;
mod imports;
mod index;
mod limits;
mod plane;
mod rates;
mod records;
mod rest;
mod scan;
mod size;
mod turns;
mod unary;
mod version;

pub use super::environment::Transport;
pub(super) use connector::Pinecone;
pub use index::{Index, Settings};
pub use limits::{LIMITS, refusal};
pub use plane::IdPage;
pub use rates::Rates;
