use async_trait::async_trait;

use crate::error::{Error, Result};

/// What an alias stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// There is nothing of that name.
    Nowhere,
    /// One of the indexes that were asked for, by its place among them.
    At(usize),
    /// Something else, in words: `the table public.other`.
    Elsewhere(String),
}

/// Names by which an application asks, each of which stands for one index at a time.
#[async_trait]
pub trait Alias: Send + Sync {
    /// Returns what `name` stands for, told apart only among `indexes`, which are named as plans name them.
    async fn resolve(&self, name: &str, indexes: &[&str]) -> Result<Pointed>;

    /// Makes `name` stand for `index`, at once and for everybody.
    ///
    /// # Behavior
    /// - Idempotent, and all or nothing.
    /// - Nothing else about the name changes: whoever may ask it still may.
    /// - `Refused` if it is not there, or is something else than a name for an index.
    async fn point(&self, name: &str, index: &str) -> Result<()>;

    /// Finds what would keep `name` from standing for each of `indexes`. Changes nothing.
    async fn obstacles(&self, name: &str, indexes: &[&str]) -> Result<Vec<Error>>;
}
