//! The dialect of 2026-07: `schema`, `deployment` and `read_capacity` beside each other, unknown keys refused.
//! `pinecone_wire/control/schema.rs` says what is known of it.

mod configure;
mod create;
mod model;

pub(crate) use configure::configure;
pub(crate) use create::read;
pub(crate) use model::{index, of, of_metadata};
