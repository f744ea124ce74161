//! The systems of the outside world, each a [`Store`](crate::store::Store) with the parts it has.
//!
//! A provider is one folder and one line in [`registry`].

pub(crate) mod advice;
mod connector;
mod environment;
pub mod files;
pub mod manifest;
pub mod parquet;
pub mod pgvector;
pub mod pinecone;
pub mod registry;
mod secret;
pub mod snapshot;

pub(crate) use connector::{Connector, Double, Records};
pub use environment::{Environment, StandIn, Transport};
pub use registry::language;
pub use secret::Secret;
