//! Moving records: the source gives pages of whole records, they are changed, a writer takes them, and they are settled.
//!
//! ```text
//! scan, or ids and a fetch      pages of whole records                   origin.rs, and the source's own
//!     transform                 as the plan wants them                   transform.rs
//!       writer                  batches that fill requests; refusals     writer.rs, packing.rs
//!         checkpoint            in order, once all before it is settled  pipeline.rs
//! ```
//!
//! How records are found is known to the source. Pages are read, changed and written as tasks of their own,
//! several at once, and settle in the order of the ids, so that a [`Checkpoint`](crate::model::Checkpoint) always means
//! that everything before it is settled: acknowledged by the target, written to the dead-letter file, or found missing.
//! Memory is bounded by the room that the reader takes for its pages, whatever the size of the index.

mod acked;
mod adopt;
mod cast;
mod compare;
mod dead_letter;
mod difference;
mod disjoint;
mod existing;
mod export;
mod idle;
mod json_lines;
mod loss;
mod meeting;
mod origin;
mod packing;
mod pipeline;
mod places;
mod select;
mod transform;
mod writer;

pub use crate::model::Mapping;
pub use acked::{Acked, Keep};
pub use adopt::adopt;
pub use compare::{Comparison, compare_shard, count_extra};
pub use dead_letter::{DeadLetters, refusals};
pub use difference::{Difference, DifferenceKind, Drift, Schemas, Tallies};
pub use disjoint::prove_disjoint;
pub use existing::{Kept, Met, Skipped, meet};
pub use export::{Export, FILE_BYTES, FILE_RECORDS};
pub use idle::{idle_fields, idle_names};
pub use origin::{Lists, Manifest, all_ids, ids_of, pages_of};
pub use pipeline::{Copier, Pipeline, ShardEnd};
pub use places::Places;
pub use select::{choose, expected_by_target, map_namespaces, merged};
pub use transform::{Changed, Transform};
