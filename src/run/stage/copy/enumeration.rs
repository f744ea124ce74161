//! Chooses how the ids of each namespace are found.

use std::sync::{Arc, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::copy::{Mapping, Partition, Partitioner, SWEEP_LIMIT};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Enumeration, IndexSpec, Observed, Shard};
use crate::plan::Plan;
use crate::plan::file::{self, EnumerateBy, NamedEnumeration};
use crate::provider::{Capabilities, Source};
use crate::run::world::Partitions;

/// The number of namespaces split concurrently.
const AT_ONCE: usize = 4;

/// The enumeration of one namespace, and the reason for it.
#[derive(Clone, Debug)]
pub(crate) struct Enumerated {
    pub mapping: Mapping,
    pub way: Way,
    pub why: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// The namespace is one shard.
    Whole(Enumeration),
    /// The namespace is split into cells, each of which is a shard.
    Cells(Partition),
}

impl Enumerated {
    pub fn name(&self) -> &'static str {
        match &self.way {
            Way::Whole(enumeration) => enumeration.name(),
            Way::Cells(_) => "partition",
        }
    }

    /// Returns the shards of the namespace.
    pub fn shards(&self) -> Vec<Shard> {
        let shard = |cell: u32, enumeration: Enumeration, expected: u64| Shard {
            source: self.mapping.source.clone(),
            cell,
            target: self.mapping.target.clone(),
            enumeration,
            expected,
        };
        match &self.way {
            Way::Whole(enumeration) => vec![shard(0, enumeration.clone(), self.mapping.records)],
            Way::Cells(partition) => (1..)
                .zip(&partition.cells)
                .map(|(number, cell)| match cell.conditions.filter() {
                    Some(filter) => {
                        shard(number, Enumeration::Cell { filter: filter.0 }, cell.records)
                    }
                    None => shard(number, Enumeration::Sweep, cell.records),
                })
                .collect(),
        }
    }

    /// Explains why some records cannot be reached; `None` if all can.
    pub fn gap(&self) -> Option<Error> {
        match &self.way {
            Way::Cells(partition) if !partition.stuck.is_empty() => {
                Some(stuck(&self.mapping, partition))
            }
            _ => None,
        }
    }
}

/// The inputs for choosing how to enumerate.
pub(crate) struct Enumerator<'a> {
    pub plan: &'a Plan,
    pub copy: &'a file::Copy,
    pub source: Arc<dyn Source>,
    pub spec: &'a IndexSpec,
    /// The most counts to request per namespace; `None` for as many as needed.
    pub most_counts: Option<u64>,
    /// Splits that are already known; `None` to ask the index again.
    pub known: Option<&'a Partitions>,
}

impl Enumerator<'_> {
    /// Chooses an enumeration for each namespace, in order.
    ///
    /// # Errors
    /// `Refused` if the plan asks for an enumeration that the index does not support or that cannot reach every id.
    pub async fn all(&self, mappings: &[Mapping]) -> Result<Vec<Enumerated>> {
        let ways: Vec<_> = mappings.iter().map(|mapping| self.one(mapping)).collect();
        stream::iter(ways).buffered(AT_ONCE).try_collect().await
    }

    /// Chooses an enumeration for one namespace. Cells that cannot be split further are reported by
    /// [`Enumerated::gap`].
    ///
    /// # Errors
    /// Any error of [`Enumerator::all`].
    pub async fn one(&self, mapping: &Mapping) -> Result<Enumerated> {
        let simple = self.simple(mapping)?;
        let (way, why) = match simple {
            Some((enumeration, why)) => (Way::Whole(enumeration), why),
            None => (Way::Cells(self.partition(mapping).await?), PARTITIONED),
        };
        Ok(Enumerated { mapping: mapping.clone(), way, why })
    }

    /// Returns an enumeration that needs no requests to the index; `None` if the namespace has to be split.
    fn simple(&self, mapping: &Mapping) -> Result<Option<(Enumeration, &'static str)>> {
        let named = match &self.copy.enumerate {
            EnumerateBy::Manifest(manifest) => {
                let name = manifest.manifest.file.as_deref().unwrap_or("ids.csv");
                let file = self.plan.base.join(name);
                return Ok(Some((Enumeration::Manifest { file }, "the plan gives the ids")));
            }
            EnumerateBy::Named(named) => *named,
        };
        let can = self.source.capabilities();
        let fits = mapping.records <= SWEEP_LIMIT;
        Ok(match named {
            NamedEnumeration::Auto if can.list => {
                Some((Enumeration::List, "the source lists its ids"))
            }
            NamedEnumeration::List if can.list => Some((Enumeration::List, "the plan says so")),
            NamedEnumeration::List => return Err(cannot_list()),
            NamedEnumeration::Auto if fits => Some((
                Enumeration::Sweep,
                "pods cannot list ids; a namespace of at most 10,000 records fits one query",
            )),
            NamedEnumeration::Sweep if fits => Some((Enumeration::Sweep, "the plan says so")),
            NamedEnumeration::Sweep => return Err(too_many(mapping)),
            NamedEnumeration::Auto | NamedEnumeration::Staging if !can.filtered_count => {
                return Err(too_many(mapping));
            }
            NamedEnumeration::Partition if !can.filtered_count => return Err(cannot_count(can)),
            NamedEnumeration::Auto | NamedEnumeration::Partition | NamedEnumeration::Staging => {
                None
            }
        })
    }

    async fn partition(&self, mapping: &Mapping) -> Result<Partition> {
        let key = (mapping.source.clone(), mapping.records);
        let locked = |known: &'_ Partitions| {
            known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
        };
        if let Some(partition) = self.known.and_then(locked) {
            return Ok(partition);
        }
        let partitioner = Partitioner {
            source: self.source.clone(),
            namespace: mapping.source.clone(),
            dimension: self.spec.dimension.unwrap_or(0) as usize,
            indexed: self.spec.deployment.filterable.clone(),
            most_counts: self.most_counts,
        };
        let partition = partitioner.split(mapping.records).await?;
        if let Some(known) = self.known.filter(|_| !partition.is_cut_off) {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(key, partition.clone());
        }
        Ok(partition)
    }
}

const PARTITIONED: &str =
    "pods cannot list ids, and one query reaches 10,000 records: cells by metadata filters";

const OTHER_WAYS: &str = "give the ids from your system of record: `enumerate: { manifest: { file: ids.csv } }`; or \
                          let a staging index list them: `enumerate: staging`";

fn cannot_list() -> Error {
    Error::new(ErrorKind::Refused, "`enumerate: list`: pods cannot list ids")
        .with_hint("use `enumerate: auto`, or a manifest of ids")
}

fn cannot_count(can: Capabilities) -> Error {
    let hint =
        if can.list { "use `enumerate: list`: this source lists its ids" } else { OTHER_WAYS };
    Error::new(
        ErrorKind::Refused,
        "`enumerate: partition`: only pod indexes count records by a metadata filter",
    )
    .with_hint(hint)
}

fn too_many(mapping: &Mapping) -> Error {
    let message = format!(
        "namespace `{}` has {} records and one query reaches {SWEEP_LIMIT}; {} would be out of reach",
        mapping.source,
        mapping.records,
        mapping.records.saturating_sub(SWEEP_LIMIT)
    );
    Error::new(ErrorKind::Refused, message)
        .with_hint(format!("split it by metadata: `enumerate: partition`; or {OTHER_WAYS}"))
}

/// Builds an error with the namespace, the number of unreachable records and the alternatives.
fn stuck(mapping: &Mapping, partition: &Partition) -> Error {
    let number = |count: u64| Observed::count(count).to_string();
    let mut cells: Vec<_> = partition.stuck.iter().collect();
    cells.sort_by_key(|stuck| std::cmp::Reverse(stuck.cell.records));
    let shown = cells.iter().take(3).map(|stuck| {
        let conditions = stuck.cell.conditions.to_string();
        let place = if conditions.is_empty() { "all of it".to_owned() } else { conditions };
        let why = if stuck.why.is_empty() {
            "no metadata field that can be filtered on is left".to_owned()
        } else {
            stuck.why.join(", ")
        };
        format!("{} records with {place} ({why})", number(stuck.cell.records))
    });
    let more = cells.len().saturating_sub(3);
    let tail = if more > 0 { format!("; and {more} more such cells") } else { String::new() };
    let message = format!(
        "namespace `{}` has {} records and {} of them are out of reach: no metadata field tells them apart in parts of \
         at most {}: {}{tail}",
        mapping.source,
        number(mapping.records),
        number(partition.out_of_reach()),
        number(partition.limit),
        shown.collect::<Vec<_>>().join("; "),
    );
    Error::new(ErrorKind::Refused, message).with_hint(OTHER_WAYS)
}

/// Reports all gaps as one error.
///
/// # Errors
/// `Refused`, naming the namespaces that cannot be enumerated completely.
pub(crate) fn refuse_gaps(enumerated: &[Enumerated]) -> Result<()> {
    let mut gaps: Vec<Error> = enumerated.iter().filter_map(Enumerated::gap).collect();
    match gaps.len() {
        0 => Ok(()),
        1 => Err(gaps.remove(0)),
        count => {
            let lines: Vec<&str> = gaps.iter().take(10).map(Error::message).collect();
            let message =
                format!("{count} namespaces cannot be enumerated completely: {}", lines.join("; "));
            Err(Error::new(ErrorKind::Refused, message).with_hint(OTHER_WAYS))
        }
    }
}
