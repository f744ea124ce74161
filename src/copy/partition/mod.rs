//! Splits a namespace that can neither list its ids nor be swept with one query into cells that can.
//!
//! A cell is a metadata filter that at most as many records pass as one query reaches; cells of one namespace are
//! disjoint, and their counts add up to the namespace's. Counts are the index's own (`describe_index_stats` with a
//! filter, which pods have), so that what is found in a cell can be proven to be all there is. Fields and values to
//! split by come from records sampled within what is to be split: no schema has to be known.
//!
//! Everything here only reads.

mod conditions;
mod fields;
mod numbers;
mod values;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

pub use conditions::Conditions;
use fields::{Field, fields_of};

use super::enumerate::{SWEEP_LIMIT, direction};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Record};
use crate::provider::{Query, Source};

/// Records sampled where something is to be split.
const SAMPLE: u32 = 300;
/// Bytes of a query's answer (Pinecone, database limits, 2026: 4 MB), less a little for what surrounds the matches.
const ANSWER_BYTES: usize = 3_900_000;
/// Bytes of one match in JSON beside its id.
const MATCH_BYTES: usize = 40;

/// Some records of a namespace: those that pass `conditions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub conditions: Conditions,
    /// The source's own count of them.
    pub records: u64,
}

/// Records that no field separates and that are more than one query reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    pub cell: Cell,
    /// Why each field does not help, as `field: reason`.
    pub why: Vec<String>,
}

/// How a namespace falls into cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partition {
    /// Disjoint; each small enough for one query.
    pub cells: Vec<Cell>,
    pub stuck: Vec<Stuck>,
    /// Fields that were split by.
    pub fields: BTreeSet<String>,
    /// Counts that were asked for.
    pub counts: u64,
    /// Whether the allowed counts did not suffice: there are more cells than these.
    pub is_cut_off: bool,
    /// The most records a cell holds: fewer than a query gives where ids are long.
    pub limit: u64,
}

impl Partition {
    /// Records beyond what one query reaches, in all cells that cannot be split.
    pub fn out_of_reach(&self) -> u64 {
        self.stuck.iter().map(|stuck| stuck.cell.records.saturating_sub(self.limit)).sum()
    }

    /// Records in all cells.
    pub fn records(&self) -> u64 {
        let stuck = self.stuck.iter().map(|stuck| stuck.cell.records);
        self.cells.iter().map(|cell| cell.records).chain(stuck).sum()
    }
}

/// What is split, and how far.
pub struct Partitioner {
    pub source: Arc<dyn Source>,
    pub namespace: Namespace,
    /// Components of a vector.
    pub dimension: usize,
    /// The only fields that can be filtered on; `None`: all.
    pub indexed: Option<Vec<String>>,
    /// The most counts to ask for; `None`: as many as it takes.
    pub most_counts: Option<u64>,
}

/// Something that is still to be split, and the fields that were tried on it.
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

/// What splitting by one field came to.
enum Split {
    /// Disjoint parts that add up to the whole; big ones are to be split by other fields.
    Parts(Vec<Cell>),
    /// A cut that does not help, and why.
    Useless(String),
}

impl Partitioner {
    /// Splits the namespace, which holds `records`.
    ///
    /// # Errors
    /// `Conflict` where counts do not add up although asked for anew: something writes to the namespace.
    pub async fn split(&self, records: u64) -> Result<Partition> {
        let mut found = Partition { limit: SWEEP_LIMIT, ..Partition::default() };
        let whole = Cell { conditions: Conditions::default(), records };
        let mut tasks = VecDeque::from([Task::new(whole)]);
        loop {
            let Some(task) = tasks.pop_front() else {
                // Longer ids were seen after some cells were taken for small enough.
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

    /// Splits by the most promising field that was not tried yet.
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
            // An operator that this index does not know.
            Err(error) if error.kind() == ErrorKind::Invalid => {
                Ok(Split::Useless(format!("the index refuses the filter: {}", error.message())))
            }
            Ok(Split::Parts(parts)) if parts.iter().any(|part| part.records == cell.records) => {
                Ok(Split::Useless("every record has the same value".to_owned()))
            }
            split => split,
        }
    }

    /// Describes the `gap` records of `cell` that pass none of the conditions that should share them out.
    ///
    /// # Errors
    /// `Conflict` where the cell's own count is no longer what it was.
    async fn unshared(&self, cell: &Cell, gap: u64, found: &mut Partition) -> Result<Split> {
        let now = self.count(&cell.conditions, found).await?;
        if now != cell.records {
            return Err(self.moved(cell.records, now));
        }
        Ok(Split::Useless(format!("{gap} records hold values of another kind")))
    }

    /// Records that pass `conditions`, by the index's own count.
    async fn count(&self, conditions: &Conditions, found: &mut Partition) -> Result<u64> {
        found.counts += 1;
        let stats = match conditions.filter() {
            Some(filter) => self.source.filtered_stats(&filter).await?,
            None => self.source.stats().await?,
        };
        Ok(stats.count(&self.namespace))
    }

    /// Fetches some records that pass `conditions`.
    async fn sample(&self, conditions: &Conditions, turn: u64) -> Result<Vec<Record>> {
        let query = Query {
            vector: direction(self.dimension, turn % 8),
            top_k: SAMPLE,
            filter: conditions.filter(),
            ..Query::default()
        };
        let matches = self.source.query(&self.namespace, &query).await?;
        let ids: Vec<_> = matches.into_iter().map(|found| found.id).collect();
        let mut records = Vec::with_capacity(ids.len());
        for part in ids.chunks(self.source.capabilities().limits.fetch_ids.clamp(1, 100)) {
            records.extend(self.source.fetch(&self.namespace, part).await?);
        }
        // A fetch answers in no order; how a namespace is split shall not depend on that.
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

/// The most matches that surely fit an answer, by the longest id of a sample, with room for longer ones.
fn reach(sampled: &[Record]) -> u64 {
    let longest = sampled.iter().map(|record| record.id.as_str().len()).max().unwrap_or(0);
    let fitting = ANSWER_BYTES / (longest + longest / 4 + MATCH_BYTES);
    SWEEP_LIMIT.min(fitting as u64)
}
