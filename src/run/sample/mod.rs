//! What is looked at of an index: records of each namespace, chosen so that the same plan chooses the same ones, and
//! what follows from them: queries with filters, the fields of the metadata, the size of a copy.

mod fields;
mod filters;
mod queries;
mod records;
mod weight;

pub(crate) use fields::{FieldSummary, Fields};
pub(crate) use queries::{Asked, Wanted, ask, overlap_ks, unsaid_filters};
pub(crate) use records::{Sampled, picks, sample, seeded};
pub(crate) use weight::{Weight, sample_of, sample_size, usual_size};
