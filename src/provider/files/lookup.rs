//! Records by id: where their rows were listed a moment ago, or else by a pass over the ids of the row groups that can have
//! them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::census::{AT_ONCE, Held};
use super::doubles::fingerprint;
use super::shelf::Shelf;
use crate::error::Result;
use crate::model::{Namespace, Record, RecordId};
use crate::provider::blocking;
use crate::provider::parquet::{BATCH_ROWS, Chosen, GroupRows, RowReader};

/// Rows of listed ids that are remembered, some 50 bytes each.
const REMEMBERED: usize = 65_536;

/// The rows of the ids that were listed last: who lists ids mostly asks for their records next.
#[derive(Default)]
pub(super) struct Listed(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    rows: HashMap<u64, Row>,
    order: VecDeque<u64>,
}

#[derive(Clone, Copy)]
struct Row {
    file: u32,
    group: u32,
    row: u64,
}

impl Listed {
    pub fn remember<'a>(
        &self,
        namespace: &Namespace,
        held: Held,
        ids: impl Iterator<Item = (u64, &'a RecordId)>,
    ) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, id) in ids {
            let print = fingerprint(namespace.as_str(), &id.text());
            let row = Row { file: held.file, group: held.group, row };
            if known.rows.insert(print, row).is_none() {
                known.order.push_back(print);
            }
        }
        while known.order.len() > REMEMBERED {
            if let Some(oldest) = known.order.pop_front() {
                known.rows.remove(&oldest);
            }
        }
    }

    /// Returns the rows where ids were seen, by row group.
    fn rows_of(&self, namespace: &Namespace, ids: &[RecordId]) -> BTreeMap<(u32, u32), Vec<u64>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows: BTreeMap<(u32, u32), Vec<u64>> = BTreeMap::new();
        for id in ids {
            if let Some(row) = known.rows.get(&fingerprint(namespace.as_str(), &id.text())) {
                rows.entry((row.file, row.group)).or_default().push(row.row);
            }
        }
        for rows in rows.values_mut() {
            rows.sort_unstable();
            rows.dedup();
        }
        rows
    }
}

/// Returns the records that there are of `ids`.
///
/// # Errors
/// Those of reading the files.
pub(super) async fn fetch(
    shelf: &Shelf,
    listed: &Listed,
    namespace: &Namespace,
    ids: &[RecordId],
) -> Result<Vec<Record>> {
    let (files, census) = (shelf.files().await?, shelf.census().await?);
    let mut wanted: HashSet<RecordId> = ids.iter().cloned().collect();
    let mut found = Vec::with_capacity(ids.len());
    for ((file, group), rows) in listed.rows_of(namespace, ids) {
        let (reader, namespace) = (files[file as usize].rows.clone(), namespace.clone());
        let read = move || records_at(&reader, group as usize, rows, &namespace);
        for record in blocking(read).await? {
            // Two ids may have one fingerprint.
            if wanted.remove(&record.id) {
                found.push(record);
            }
        }
    }
    if wanted.is_empty() {
        return Ok(found);
    }
    let sought = Arc::new(wanted.clone());
    let looks = census.of(namespace).iter().map(|held| {
        let reader = held.of(files).rows.clone();
        let (group, namespace, sought) = (held.group as usize, namespace.clone(), sought.clone());
        blocking(move || {
            let rows = rows_with(&reader, group, &namespace, &sought)?;
            records_at(&reader, group, rows, &namespace)
        })
    });
    let looks: Vec<_> = looks.collect();
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    while let Some(records) = looks.try_next().await? {
        for record in records {
            if wanted.remove(&record.id) {
                found.push(record);
            }
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// Returns the rows of a group that have one of the ids. Nothing is read where the footer says that none has.
fn rows_with(
    reader: &RowReader,
    group: usize,
    namespace: &Namespace,
    ids: &HashSet<RecordId>,
) -> Result<Vec<u64>> {
    // The ids of files are texts.
    let mut possible: Vec<&str> = ids.iter().filter_map(RecordId::as_text).collect();
    if let Some((least, greatest)) = reader.bounds(group) {
        possible.retain(|id| least <= id.as_bytes() && id.as_bytes() <= greatest);
    }
    if !possible.is_empty() {
        reader.retain_possible(group, &mut possible)?;
    }
    let mut rows = Vec::new();
    if possible.is_empty() {
        return Ok(rows);
    }
    let possible: HashSet<&str> = possible.into_iter().collect();
    for names in reader.names(group)? {
        for row in names?.rows() {
            let (row, of, id) = row?;
            if possible.contains(id) && Namespace::canonical(of) == namespace.as_str() {
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// Reads some rows of a group, of which those of the namespace are given.
fn records_at(
    reader: &Arc<RowReader>,
    group: usize,
    rows: Vec<u64>,
    namespace: &Namespace,
) -> Result<Vec<Record>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let is_wanted = |name: &str| Namespace::canonical(name) == namespace.as_str();
    let mut read = GroupRows::open(reader.clone(), group, Chosen::Only(rows), BATCH_ROWS)?;
    let mut records = Vec::new();
    while let Some(some) = read.next(&is_wanted)? {
        records.extend(some.into_iter().map(|(_, record): (u64, Record)| record));
    }
    Ok(records)
}
