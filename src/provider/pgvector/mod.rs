//! Tables of PostgreSQL with vectors of pgvector, as a source and as a target.
//!
//! A table (or a view) is fitted to records once ([`Mapping`]) and then read by key ranges within an exported snapshot
//! ([`Snapshot`], [`Reader`]), fetched from, searched, and written by `COPY` into a table of the session and one
//! `INSERT ... ON CONFLICT` ([`Writer`]). All of that is one or a few statements on a [`Session`]: nothing there tries again,
//! waits or keeps state between calls but in the session itself. Names are always quoted, values always bound.
//!
//! An index is a table, or a table for each namespace (`place`, `family`). `peer` lends its sessions and knows what was last
//! seen of it, and [`Table`] makes each request through its `Calls`. `connector`, `keys` and `design` are what plans and runs ask of the system.

mod address;
pub mod admin;
mod alias;
mod ask;
pub mod audit;
mod cell;
mod change;
mod changed;
mod check;
mod clash;
mod classify;
mod connector;
mod count;
pub mod delete;
mod depend;
mod design;
mod family;
mod fetch;
mod fields;
mod filter;
mod finish;
mod fit;
mod fit_vectors;
mod index;
mod kept;
mod keys;
mod kind;
pub mod look;
mod made;
mod mapping;
mod misfit;
mod name;
mod partition;
mod peer;
mod place;
mod pool;
mod put;
mod range;
mod refuse;
mod remove;
mod row;
mod scan;
mod search;
mod seen;
mod session;
mod snapshot;
mod spec;
mod sql;
mod storage;
mod store;
mod tls;
mod travel;
mod trust;
mod unnamed;
mod vector_codec;
mod walk;
mod within;
mod write;

pub use address::Address;
pub(super) use connector::Pgvector;
pub use count::counts;
pub use design::{Design, Element};
pub use fetch::fetch;
pub use fit::fits;
pub use index::{
    Distance, Index, IndexPlan, Method, Progress, build, cancel_statement, drop_index, progress,
};
pub use keys::Row;
pub use kind::{Item, Kind};
pub use mapping::{Fields, Identity, Layout, Mapping};
pub use misfit::{Misfit, Strictness};
pub use name::{LONGEST_NAME, TableName};
pub use pool::{Connected, Lent, Pool};
pub use range::{Cursor, Range};
pub use row::Parts;
pub use scan::{Budget, Page, Reader, Scope};
pub use search::{Accuracy, Effort, Match, Query, Score, canonical, search};
pub use session::{Session, Settings};
pub use snapshot::{Snapshot, View};
pub use store::Table;
pub use trust::{Roots, Trust};
pub use write::{Ack, Refused, Writer};
