//! Chooses how the ids of a namespace are found.

use std::sync::PoisonError;

use super::by::By;
use super::partition::Partitioner;
use super::sweep::SWEEP_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Observed, plural};
use crate::plan::file::NamedEnumeration;
use crate::provider::pinecone::cells::Partition;
use crate::provider::pinecone::index::Index;
use crate::store::{Asked, Scope, Split, Splitting};

/// Splits a namespace as it is asked. Cells that cannot be split further are a gap.
///
/// # Errors
/// `Refused` if the index does not support what is asked, or cannot reach every id by it.
pub(super) async fn split(index: &Index, scope: Scope<'_>, asked: Asked<'_>) -> Result<Split> {
    let (by, name, why) = match simple(index, scope, asked.by)? {
        Some((By::List, why)) => (By::List, "list", why),
        Some((by, why)) => (by, "sweep", why),
        None => return Ok(in_cells(scope, &partition(index, scope, asked).await?)),
    };
    Ok(Split::whole(by.range(), scope.records, name, why))
}

/// Returns a way that needs no requests to the index; `None` if the namespace has to be split.
fn simple(
    index: &Index,
    scope: Scope<'_>,
    by: NamedEnumeration,
) -> Result<Option<(By, &'static str)>> {
    let (lists, counts) = (index.is_serverless(), index.is_pod());
    let fits = scope.records <= SWEEP_LIMIT;
    Ok(match by {
        NamedEnumeration::Auto if lists => Some((By::List, "the source lists its ids")),
        NamedEnumeration::List if lists => Some((By::List, "the plan says so")),
        NamedEnumeration::List => return Err(cannot_list()),
        NamedEnumeration::Auto if fits => Some((
            By::Sweep,
            "pods cannot list ids; a namespace of at most 10,000 records fits one query",
        )),
        NamedEnumeration::Sweep if fits => Some((By::Sweep, "the plan says so")),
        NamedEnumeration::Sweep => return Err(too_many(scope)),
        NamedEnumeration::Auto | NamedEnumeration::Staging if !counts => {
            return Err(too_many(scope));
        }
        NamedEnumeration::Partition if !counts => return Err(cannot_count(lists)),
        NamedEnumeration::Auto | NamedEnumeration::Partition | NamedEnumeration::Staging => None,
    })
}

async fn partition(index: &Index, scope: Scope<'_>, asked: Asked<'_>) -> Result<Partition> {
    let key = (scope.namespace.clone(), scope.records);
    if !asked.is_anew {
        let known = index.splits().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(partition) = known.get(&key) {
            return Ok(partition.clone());
        }
    }
    let indexed = index.seen().and_then(|seen| seen.spec.deployment.filterable.clone());
    let partitioner = Partitioner {
        source: index.clone(),
        namespace: scope.namespace.clone(),
        dimension: index.dimension().await?,
        indexed,
        most_counts: asked.most_counts,
    };
    let partition = partitioner.split(scope.records).await?;
    if !asked.is_anew && !partition.is_cut_off {
        let mut known = index.splits().lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, partition.clone());
    }
    Ok(partition)
}

fn in_cells(scope: Scope<'_>, partition: &Partition) -> Split {
    let ranges = partition.cells.iter().map(|cell| {
        let by = match cell.conditions.filter() {
            Some(filter) => By::Partition { filter },
            None => By::Sweep,
        };
        Splitting { range: by.range(), records: cell.records }
    });
    let gap = (!partition.stuck.is_empty()).then(|| (stuck(scope, partition), OTHER_WAYS));
    Split {
        ranges: ranges.collect(),
        name: "partition",
        why: PARTITIONED,
        detail: Some(in_words(scope, partition)),
        gap,
    }
}

/// Describes how a namespace is split into cells.
fn in_words(scope: Scope<'_>, partition: &Partition) -> String {
    let group = |count: u64| Observed::count(count).to_string();
    let by: Vec<&str> = partition.fields.iter().map(String::as_str).collect();
    let largest = partition.cells.iter().map(|cell| cell.records).max().unwrap_or(0);
    let (name, records) = (scope.namespace, plural(scope.records, "record"));
    if partition.fields.is_empty() {
        return format!("{name}: {records}, which one query reaches");
    }
    let (cells, counts) = (group(partition.cells.len() as u64), group(partition.counts));
    let tail = match partition.is_cut_off {
        true => format!(" and more, after {counts} counts; the run finds the rest"),
        false => format!(", together {}, by {counts} counts", group(partition.records())),
    };
    let (by, largest) = (by.join(", "), group(largest));
    format!("{name}: {records} by {by} in {cells} cells of at most {largest}{tail}")
}

const PARTITIONED: &str =
    "pods cannot list ids, and one query reaches 10,000 records: cells by metadata filters";

const OTHER_WAYS: &str = "give the ids from your system of record: `enumerate: { manifest: { file: ids.csv } }`; or \
                          let a staging index list them: `enumerate: staging`";

fn cannot_list() -> Error {
    Error::new(ErrorKind::Refused, "`enumerate: list`: pods cannot list ids")
        .with_hint("use `enumerate: auto`, or a manifest of ids")
}

fn cannot_count(lists: bool) -> Error {
    let hint = if lists { "use `enumerate: list`: this source lists its ids" } else { OTHER_WAYS };
    Error::new(
        ErrorKind::Refused,
        "`enumerate: partition`: only pod indexes count records by a metadata filter",
    )
    .with_hint(hint)
}

fn too_many(scope: Scope<'_>) -> Error {
    let message = format!(
        "namespace `{}` has {} records and one query reaches {SWEEP_LIMIT}; {} would be out of reach",
        scope.namespace,
        scope.records,
        scope.records.saturating_sub(SWEEP_LIMIT)
    );
    Error::new(ErrorKind::Refused, message)
        .with_hint(format!("split it by metadata: `enumerate: partition`; or {OTHER_WAYS}"))
}

/// Explains how many records of a namespace cannot be reached, and why.
fn stuck(scope: Scope<'_>, partition: &Partition) -> String {
    let number = |count: u64| Observed::count(count).to_string();
    let mut cells: Vec<_> = partition.stuck.iter().collect();
    cells.sort_by_key(|stuck| std::cmp::Reverse(stuck.cell.records));
    let shown = cells.iter().take(3).map(|stuck| {
        let filter = stuck.cell.conditions.filter();
        let place = filter.map_or("all of it".to_owned(), |filter| filter.to_string());
        let why = if stuck.why.is_empty() {
            "no metadata field that can be filtered on is left".to_owned()
        } else {
            stuck.why.join(", ")
        };
        format!("{} with {place} ({why})", plural(stuck.cell.records, "record"))
    });
    let more = cells.len().saturating_sub(3);
    let tail = if more > 0 { format!("; and {more} more such cells") } else { String::new() };
    format!(
        "namespace `{}` has {} records and {} of them are out of reach: no metadata field tells them apart in parts of \
         at most {}: {}{tail}",
        scope.namespace,
        number(scope.records),
        number(partition.out_of_reach()),
        number(partition.limit),
        shown.collect::<Vec<_>>().join("; "),
    )
}
