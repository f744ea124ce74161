//! Splits a namespace that can neither list its ids nor be swept with one query into cells that can be swept.
//!
//! A cell is a metadata filter that matches at most as many records as one query can reach. The cells of a namespace
//! are disjoint, and their counts add up to the namespace's. Counts are the index's own (`describe_index_stats` with a
//! filter, which pods support), so that the records found in a cell are proven to be all there are. Fields and values
//! to split by come from records sampled within what is to be split; no schema has to be known.
//!
//! Everything here only reads.

mod fields;
mod numbers;
mod values;

use std::collections::{BTreeSet, VecDeque};

use fields::{Field, fields_of};

use super::sweep::{SWEEP_LIMIT, direction};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Record, Vectors};
use crate::provider::pinecone::cells::{Cell, Partition, Stuck};
use crate::provider::pinecone::conditions::Conditions;
use crate::provider::pinecone::index::Index;
use crate::store::{Describe, Fetch, Filtering, Query, Search};

/// The number of records sampled before a split.
const SAMPLE: u32 = 300;
/// The ids that are fetched at once of them.
const SAMPLE_FETCH: usize = 100;
/// The size of a query's answer in bytes (Pinecone, database limits, 2026: 4 MB), less a little for what surrounds the
/// matches.
const ANSWER_BYTES: usize = 3_900_000;
/// The bytes of one match in JSON besides its id.
const MATCH_BYTES: usize = 40;

/// Splits a namespace.
pub struct Partitioner {
    pub source: Index,
    pub namespace: Namespace,
    /// The dimension of vectors.
    pub dimension: usize,
    /// The only fields that can be filtered by; `None` for all.
    pub indexed: Option<Vec<String>>,
    /// The most counts to request; `None` for as many as needed.
    pub most_counts: Option<u64>,
}

/// A cell that has yet to be split, and the fields tried so far.
struct Task {
    cell: Cell,
    tried: BTreeSet<String>,
    why: Vec<String>,
}

impl Task {
    fn new(cell: Cell) -> Self {
        Self { cell, tried: BTreeSet::new(), why: Vec::new() }
    }
}

/// The result of splitting by one field.
enum Split {
    /// Disjoint parts that add up to the whole; large ones have to be split by other fields.
    Parts(Vec<Cell>),
    /// A split that does not help, and the reason.
    Useless(String),
}

impl Partitioner {
    /// Splits the namespace, which holds `records`.
    ///
    /// # Errors
    /// `Conflict` if counts do not add up even when requested again, because something writes to the namespace.
    pub async fn split(&self, records: u64) -> Result<Partition> {
        let mut found = Partition { limit: SWEEP_LIMIT, ..Partition::default() };
        let whole = Cell { conditions: Conditions::default(), records };
        let mut tasks = VecDeque::from([Task::new(whole)]);
        loop {
            let Some(task) = tasks.pop_front() else {
                // Longer ids than before may have turned up after some cells were found small enough.
                let limit = found.limit;
                let big: Vec<_> = found.cells.extract_if(.., |cell| cell.records > limit).collect();
                if big.is_empty() {
                    break;
                }
                tasks.extend(big.into_iter().map(Task::new));
                continue;
            };
            if task.cell.records <= found.limit {
                found.cells.push(task.cell);
                continue;
            }
            if self.most_counts.is_some_and(|most| found.counts >= most) {
                found.is_cut_off = true;
                continue;
            }
            self.work(task, &mut tasks, &mut found).await?;
        }
        if !found.is_cut_off && found.records() != records {
            return Err(self.moved(records, found.records()));
        }
        Ok(found)
    }

    /// Splits by the most promising field that has not been tried yet.
    async fn work(
        &self,
        task: Task,
        tasks: &mut VecDeque<Task>,
        found: &mut Partition,
    ) -> Result<()> {
        let sampled = self.sample(&task.cell.conditions, found.counts).await?;
        found.limit = found.limit.min(reach(&sampled));
        let fields = fields_of(&sampled, self.indexed.as_deref());
        let Task { cell, mut tried, mut why } = task;
        for field in fields.iter().filter(|field| !tried.contains(&field.name)).collect::<Vec<_>>()
        {
            match self.split_by(field, &cell, found).await? {
                Split::Parts(parts) => {
                    tried.insert(field.name.clone());
                    found.fields.insert(field.name.clone());
                    for part in parts.into_iter().filter(|part| part.records > 0) {
                        tasks.push_back(Task {
                            cell: part,
                            tried: tried.clone(),
                            why: why.clone(),
                        });
                    }
                    return Ok(());
                }
                Split::Useless(reason) => {
                    tried.insert(field.name.clone());
                    why.push(format!("{}: {reason}", field.name));
                }
            }
        }
        found.stuck.push(Stuck { cell, why });
        Ok(())
    }

    async fn split_by(&self, field: &Field, cell: &Cell, found: &mut Partition) -> Result<Split> {
        let split = match field.is_numeric() {
            true => self.split_numbers(field, cell, found).await,
            false => self.split_values(field, cell, found).await,
        };
        match split {
            // The index does not support the operator.
            Err(error) if error.kind() == ErrorKind::Invalid => {
                Ok(Split::Useless(format!("the index refuses the filter: {}", error.message())))
            }
            Ok(Split::Parts(parts)) if parts.iter().any(|part| part.records == cell.records) => {
                Ok(Split::Useless("every record has the same value".to_owned()))
            }
            split => split,
        }
    }

    /// Describes the `gap` records of `cell` that match none of the conditions meant to split it.
    ///
    /// # Errors
    /// `Conflict` if the cell's own count has changed.
    async fn unshared(&self, cell: &Cell, gap: u64, found: &mut Partition) -> Result<Split> {
        let now = self.count(&cell.conditions, found).await?;
        if now != cell.records {
            return Err(self.moved(cell.records, now));
        }
        Ok(Split::Useless(format!("{gap} records hold values of another kind")))
    }

    /// Counts the records that match `conditions`, as the index does.
    async fn count(&self, conditions: &Conditions, found: &mut Partition) -> Result<u64> {
        found.counts += 1;
        let stats = match conditions.filter() {
            Some(filter) => self.source.count(&filter).await?,
            None => self.source.stats().await?,
        };
        Ok(stats.count(&self.namespace))
    }

    /// Fetches some records that match `conditions`.
    async fn sample(&self, conditions: &Conditions, turn: u64) -> Result<Vec<Record>> {
        let query = Query {
            vectors: Vectors::plain(direction(self.dimension, turn % 8), None),
            limit: SAMPLE,
            filter: conditions.filter(),
        };
        let matches = self.source.query(&self.namespace, &query).await?;
        let ids: Vec<_> = matches.into_iter().map(|found| found.id).collect();
        let mut records = Vec::with_capacity(ids.len());
        for part in ids.chunks(SAMPLE_FETCH) {
            records.extend(self.source.fetch(&self.namespace, part).await?);
        }
        // Fetches return records in any order, which must not affect how a namespace is split.
        records.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(records)
    }

    fn moved(&self, expected: u64, counted: u64) -> Error {
        let message = format!(
            "namespace `{}` has {expected} records and its parts {counted}: something writes to it, or its counts \
             cannot be relied on",
            self.namespace
        );
        Error::new(ErrorKind::Conflict, message)
            .with_hint("pause writes to the source and run the same command again")
    }
}

/// Returns the most matches that surely fit in an answer, judging by the longest id of a sample, with room for longer
/// ones.
fn reach(sampled: &[Record]) -> u64 {
    let longest = sampled.iter().map(|record| record.id.text().len()).max().unwrap_or(0);
    let fitting = ANSWER_BYTES / (longest + longest / 4 + MATCH_BYTES);
    SWEEP_LIMIT.min(fitting as u64)
}
