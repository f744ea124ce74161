//! Whether the plan's manifest can be right: told before anything is touched.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::shards::manifest_rows;
use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Namespace;
use crate::plan::Plan;

/// Ids that are held at once to find doubles among them, as hashes of 8 bytes.
const HELD: u64 = 4_000_000;

/// A manifest must give as many ids of each namespace as the source counts records, and none of them twice: a
/// double would make up for an id that is missing.
///
/// # Errors
/// `Refused` with what does not fit; those of reading the manifest.
pub(crate) fn check_manifest(plan: &Plan, namespaces: &[Mapping]) -> Result<()> {
    let Some(rows) = manifest_rows(plan)? else { return Ok(()) };
    let mut found: BTreeMap<&Namespace, u64> =
        namespaces.iter().map(|mapping| (&mapping.source, 0)).collect();
    for row in rows {
        if let Some(count) = found.get_mut(&row?.namespace) {
            *count += 1;
        }
    }
    let problems: Vec<String> = namespaces
        .iter()
        .filter_map(|mapping| {
            let ids = found.get(&mapping.source).copied().unwrap_or(0);
            let (name, records) = (&mapping.source, mapping.records);
            match ids.cmp(&records) {
                Ordering::Less => Some(format!(
                    "`{name}`: {ids} ids for {records} records, {} are missing",
                    records - ids
                )),
                Ordering::Greater => Some(format!(
                    "`{name}`: {ids} ids for {records} records, {} are there twice or not in the source",
                    ids - records
                )),
                Ordering::Equal => None,
            }
        })
        .take(10)
        .collect();
    if problems.is_empty() {
        return refuse_doubles(plan, namespaces);
    }
    let message = format!("the manifest does not fit the source: {}", problems.join("; "));
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("export it again from your system of record; nothing was touched"))
}

/// Reads the manifest as often as it takes to hold no more than [`HELD`] ids at once.
fn refuse_doubles(plan: &Plan, namespaces: &[Mapping]) -> Result<()> {
    let passes = namespaces.iter().map(|mapping| mapping.records).sum::<u64>() / HELD + 1;
    let hasher = RandomState::new();
    let copied: HashSet<&Namespace> = namespaces.iter().map(|mapping| &mapping.source).collect();
    for pass in 0..passes {
        let Some(rows) = manifest_rows(plan)? else { return Ok(()) };
        let mut seen = HashSet::new();
        for row in rows {
            let row = row?;
            if !copied.contains(&row.namespace) {
                continue;
            }
            let hash = hasher.hash_one((&row.namespace, &row.id));
            if hash % passes == pass && !seen.insert(hash) {
                let message = format!(
                    "the manifest gives the id `{}` of `{}` twice, the second time in row {}",
                    row.id, row.namespace, row.row
                );
                return Err(Error::new(ErrorKind::Refused, message)
                    .with_hint("export it again from your system of record, each id once"));
            }
        }
    }
    Ok(())
}
