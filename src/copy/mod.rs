//! Moving records: a reader gives pages of whole records, they are changed, a writer takes them, and they are settled.
//!
//! ```text
//! listing, sweep, manifest      ids, and the cursor behind them          enumerate.rs, listing*.rs
//!   reader                      pages of whole records                   reader.rs, page_size.rs, room.rs
//!     transform                 as the plan wants them                   transform.rs
//!       writer                  batches that fill requests; refusals     writer.rs, packing.rs
//!         checkpoint            in order, once all before it is settled  pipeline.rs
//! ```
//!
//! How ids are found is known up to the reader and no further. Pages are read, changed and written as tasks of their own,
//! several at once, and settle in the order of the ids, so that a [`Checkpoint`](crate::model::Checkpoint) always means
//! that everything before it is settled: acknowledged by the target, written to the dead-letter file, or found missing.
//! Memory is bounded by the room that the reader takes for its pages, whatever the size of the index.

mod acked;
mod adopt;
mod cast;
mod compare;
mod dead_letter;
mod disjoint;
mod enumerate;
mod existing;
mod export;
mod idle;
mod json_lines;
mod listing;
mod listing_part;
mod listing_walk;
mod meeting;
mod packing;
mod page_size;
mod partition;
mod pipeline;
mod reader;
mod room;
mod select;
mod task;
mod transform;
mod writer;

pub use acked::Acked;
pub use adopt::adopt;
pub use compare::{
    Comparison, Difference, DifferenceKind, Drift, Schemas, compare_shard, count_extra,
};
pub use dead_letter::{DeadLetters, refusals};
pub use disjoint::prove_disjoint;
pub use enumerate::{Ids, Lists, Manifest, SWEEP_LIMIT};
pub use existing::{Kept, Met, Skipped, meet};
pub use export::{Export, FILE_BYTES, FILE_RECORDS};
pub use idle::{idle_fields, idle_names};
pub use listing::IdChunk;
pub use page_size::record_guess;
pub use partition::{Cell, Conditions, Partition, Partitioner, Stuck};
pub use pipeline::{Copier, Pipeline, ShardEnd};
pub use reader::{Page, Picks, Reader, fetch_all};
pub use room::Room;
pub use select::{Mapping, choose, expected_by_target, map_namespaces, merged};
pub use transform::{Changed, Transform};
