//! The nouns: records, indexes, ids, units. No I/O.
//!
//! A record crosses the process as shared bytes: a [`Vector`] is the little-endian f32 bytes that came off
//! the wire, and stays that until something needs the numbers.

mod checkpoint;
mod contents;
mod counts;
mod decimal;
mod duration;
mod fidelity;
pub mod filter;
mod id;
mod identity;
mod index;
mod judgement;
mod mapping;
mod metadata;
mod number;
mod observed;
mod rare;
mod record;
mod record_id;
mod resource;
mod sample;
mod samples;
mod shard;
mod token;
mod traffic;
mod unit;
mod value;
mod value_json;
mod vector;
mod vectors;
mod verdict;
mod view;

pub use checkpoint::{Checkpoint, Tally};
pub use contents::{Contents, Recorded};
pub use counts::{Counted, IndexStats, Quality};
pub use duration::duration;
pub use fidelity::{Fidelity, Likeness};
pub use filter::{Filter, FilterProblem};
pub use id::{Namespace, RESERVED_NAMES, StageId};
pub use identity::{Identity, Made, RUN_TAG};
pub use index::{Deployment, IndexDescription, IndexSpec, Metric, VectorType};
pub use judgement::{Judgement, Meanwhile, Place, Severity};
pub use mapping::Mapping;
pub use metadata::Metadata;
pub use observed::{MeasuredValue, Observed};
pub use rare::Rare;
pub use record::Record;
pub use record_id::{IdKind, RecordId};
pub use resource::{Resource, ResourceKind, ResourceSeen};
pub use sample::{Operation, Outcome, Overlap, Sample, Side};
pub use samples::Samples;
pub use shard::{Cursor, Enumeration, Range, Shard, ShardId};
pub use token::Token;
pub use traffic::TrafficChange;
pub use unit::{ByteSize, Money, Rate, Share, Span, UnitError};
pub use value::Value;
pub use value_json::Numbers;
pub use vector::{SparseVector, Vector};
pub use vectors::{AnyVector, MultiVector, VectorKind, VectorName, Vectors};
pub use verdict::Verdict;
pub use view::View;
