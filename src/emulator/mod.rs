//! An embedded Pinecone: control plane over REST, data plane over REST and gRPC, over indexes in memory.
//!
//! [`Emulator::start`] binds one port. It serves the control plane, and the data plane for a request that says which
//! index it means: by a host name that starts with the index's name (`twins.localhost:5080`), by the header
//! `x-vecshift-index`, or by being the only index. Beside that each index has a listener of its own on a free port,
//! and that is the `host` which `describe index` gives: official SDKs and gRPC clients dial it as it stands, whatever
//! the machine's resolver thinks of `*.localhost` (`docs/decisions/0003-emulator-hosts.md`).
//!
//! The messages, paths and words are those of `pinecone_wire`.
//!
//! A request walks through [`dispatch`](self): its path names an operation, the key and the API version are
//! checked, the dice give it a fate (see `faults.rs`), and its wire's module reads it into a call of `data/`
//! or `control/`. Calls check everything and then change an index in one step, so that a refusal never leaves
//! half a change.
//!
//! Where the emulator keeps its state over a restart, such a step is also an entry of the [`ledger`], which the disk has
//! before the request is answered.
//!
//! `docs/emulator.md` lists what Pinecone's documents leave open and what the emulator does there.

mod arithmetic;
mod backup;
mod capacity;
mod checks;
mod codec;
mod collection;
mod control;
mod counters;
mod data;
mod dispatch;
mod error;
mod faults;
mod filter;
mod floats;
mod grpc;
mod handle;
mod id;
mod import;
mod importer;
mod incoming;
mod index;
mod knn;
mod ledger;
mod options;
mod progress;
mod project;
mod rate;
mod rest;
mod restore;
mod server;
mod shelf;
mod store;
mod truncate;
mod version;
mod world;

/// What serving it is called in the help of the command line.
pub const ABOUT: &str = "Serve the Pinecone emulator";

pub use counters::{Counters, IndexCounters};
pub use handle::{Beginning, Emulator, Filled, Holding};
pub use options::EmulatorOptions;
pub use world::World;
pub(crate) use world::records_of;
