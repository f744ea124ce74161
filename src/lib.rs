//! vecshift moves a vector index to a new home, as described by a plan file reviewed in a pull request.
//!
//! The modules are stacked in floors, and each uses only those on lower ones (`tests/it/floors.rs` enforces it,
//! `docs/ARCHITECTURE.md` explains it):
//!
//! ```text
//! 7  cli
//! 6  report  emulator
//! 5  run
//! 4  copy  assertion  traffic
//! 3  provider
//! 2  store  state
//! 1  plan  journal  pinecone_wire  storage
//! 0  model  error  clock  text  fs  tls  blocking
//! ```

#![forbid(unsafe_code)]

pub mod assertion;
mod blocking;
pub mod cli;
pub mod clock;
pub mod copy;
pub mod emulator;
pub mod error;
mod fs;
pub mod journal;
pub mod model;
pub mod pinecone_wire;
pub mod plan;
pub mod provider;
pub mod report;
pub mod run;
pub mod state;
pub mod storage;
pub mod store;
pub mod text;
mod tls;
pub mod traffic;

pub use error::{Error, ErrorKind, Result};
