//! Filters of records by their metadata: one tree, which plans and requests are read into (`read`), which records are
//! held against (`tree`), and which every store says in its own language.

mod read;
mod tree;
mod words;

pub use read::FilterProblem;
pub use tree::{Filter, Order, Scalar, Test};
