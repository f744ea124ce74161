//! The dialect of 2026-07: `schema`, `deployment` and `read_capacity` beside each other, unknown keys refused.
//!
//! There is no published OpenAPI file of it in this project's reach; what is here was read from Pinecone's
//! Python SDK 10.2.0 and its documents. An index that was created with `dimension` and `metric` and one whose
//! schema is `_values` and `_sparse_values` are the same kind; the other kind, document indexes, is not here.

mod configure;
mod create;
mod model;

pub(crate) use configure::configure;
pub(crate) use create::read;
pub(crate) use model::{fields, index};
