//! Moves records: enumerate, fetch, transform, upsert, acknowledge.
//!
//! A shard is walked in chunks of ids. Several chunks are in flight at once and are settled in order, so that a
//! [`Checkpoint`](crate::model::Checkpoint) always means that everything before it is settled: acknowledged by the
//! target, written to the dead-letter file, or found missing. Memory is bounded by the chunks in flight times the bytes
//! of a chunk, whatever the size of the index.

mod acked;
mod adopt;
mod cast;
mod compare;
mod concurrency;
mod dead_letter;
mod disjoint;
mod enumerate;
mod existing;
mod export;
mod idle;
mod json_lines;
mod partition;
mod pipeline;
mod read;
mod select;
mod transform;
mod upsert;

pub use acked::Acked;
pub use adopt::adopt;
pub use compare::{
    Comparison, Difference, DifferenceKind, Drift, Schemas, compare_shard, count_extra,
};
pub use concurrency::Adaptive;
pub use dead_letter::{DeadLetters, refusals};
pub use disjoint::prove_disjoint;
pub use enumerate::{IdChunk, Ids, Lists, Manifest, SWEEP_LIMIT};
pub use existing::{Kept, Met, Skipped, meet};
pub use export::{Export, FILE_BYTES, FILE_RECORDS};
pub use idle::{idle_fields, idle_names};
pub use partition::{Cell, Conditions, Partition, Partitioner, Stuck};
pub use pipeline::{Pipeline, ShardEnd, fetch_all, record_guess};
pub use read::read_records;
pub use select::{Mapping, choose, expected_by_target, map_namespaces, merged};
pub use transform::{Changed, Transform};
