//! Records by id: where their rows were listed a moment ago, or else by a pass over the ids of the row groups that can have
//! them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::census::{AT_ONCE, Held};
use super::doubles::fingerprint;
use super::shelf::Shelf;
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IdKind, Namespace, Record, RecordId};
use crate::provider::parquet::{BATCH_ROWS, Chosen, GroupRows, RowReader};

/// Ids that a pass looks for, some 100 bytes each.
pub(super) const IDS_A_PASS: usize = 131_072;

/// Rows of ids that are remembered, some 50 bytes each: those of several passes, since namespaces are read side by side.
const REMEMBERED: usize = 8 * IDS_A_PASS;

/// The rows where ids were found last, by listing or by looking for them: who does either mostly asks for their records next.
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
    let sought = Arc::new(Sought::new(namespace, shelf.ids().await?, wanted.iter()));
    let looks = census.of(namespace).map(|held| {
        let (reader, sought) = (held.of(files).rows.clone(), sought.clone());
        blocking(move || {
            let rows = rows_with(&reader, held.group as usize, &sought)?;
            let rows = rows.into_iter().map(|(row, _)| row).collect();
            records_at(&reader, held.group as usize, rows, &sought.namespace)
        })
    });
    let looks: Vec<_> = looks.collect();
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    while let Some(records) = looks.try_next().await? {
        for record in records {
            if !wanted.remove(&record.id) {
                return Err(twice(namespace, &record.id));
            }
            found.push(record);
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// Returns those of `ids` that there are, and remembers where.
///
/// # Errors
/// Those of reading the files; `Conflict` for one that is there twice.
pub(super) async fn present(
    shelf: &Shelf,
    listed: &Listed,
    namespace: &Namespace,
    ids: &[RecordId],
) -> Result<HashSet<RecordId>> {
    let (files, census) = (shelf.files().await?, shelf.census().await?);
    let sought = Arc::new(Sought::new(namespace, shelf.ids().await?, ids));
    let looks = census.of(namespace).map(|held| {
        let (reader, sought) = (held.of(files).rows.clone(), sought.clone());
        blocking(move || Ok((held, rows_with(&reader, held.group as usize, &sought)?)))
    });
    let looks: Vec<_> = looks.collect();
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut there = HashSet::new();
    while let Some((held, rows)) = looks.try_next().await? {
        listed.remember(namespace, held, rows.iter().map(|(row, id)| (*row, id)));
        for (_, id) in rows {
            if let Some(id) = there.replace(id) {
                return Err(twice(namespace, &id));
            }
        }
    }
    Ok(there)
}

fn twice(namespace: &Namespace, id: &RecordId) -> Error {
    let message = format!("`{}` is twice in namespace `{namespace}`", id.shown());
    Error::new(ErrorKind::Conflict, message)
        .with_hint("leave one of the two out: ids are unique in a namespace")
}

/// Ids that are looked for in a namespace, by their texts. Those of another kind than the files' are not there.
struct Sought {
    namespace: Namespace,
    ids: HashSet<Arc<str>>,
    sorted: Vec<Arc<str>>,
}

impl Sought {
    fn new<'a>(
        namespace: &Namespace,
        kind: IdKind,
        ids: impl IntoIterator<Item = &'a RecordId>,
    ) -> Self {
        let is_own = |id: &&RecordId| id.kind() == kind || id.is_negative_number();
        let texts = ids.into_iter().filter(is_own).map(RecordId::text);
        let mut sorted: Vec<Arc<str>> = texts.map(Arc::from).collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self { namespace: namespace.clone(), ids: sorted.iter().cloned().collect(), sorted }
    }

    /// Returns those within bounds.
    fn within(&self, bounds: Option<(&[u8], &[u8])>) -> &[Arc<str>] {
        let Some((least, greatest)) = bounds else { return &self.sorted };
        let from = self.sorted.partition_point(|id| id.as_bytes() < least);
        let until = self.sorted.partition_point(|id| id.as_bytes() <= greatest);
        self.sorted.get(from..until).unwrap_or_default()
    }
}

/// Returns the rows of a group that have one of the ids, each with its id. Nothing is read where the footer says that none
/// has.
///
/// # Errors
/// Those of reading the file; `Conflict` for an id that is there twice.
fn rows_with(reader: &RowReader, group: usize, sought: &Sought) -> Result<Vec<(u64, RecordId)>> {
    let possible = sought.within(reader.bounds(group));
    let mut found = Vec::new();
    // A filter of its writer's would rule out more, and nothing ever holds one against the ids: a wrong one would make a
    // record vanish from every look-up. Bounds are held against each id that is read.
    if possible.is_empty() {
        return Ok(found);
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for names in reader.names(group)? {
        for row in names?.rows() {
            let (row, of, id) = row?;
            if Namespace::canonical(of) != sought.namespace.as_str() {
                continue;
            }
            let Some(id) = sought.ids.get(id) else { continue };
            let own = reader.id(id);
            if !seen.insert(id) {
                return Err(twice(&sought.namespace, &own).with_context("file", reader.name()));
            }
            found.push((row, own));
        }
    }
    Ok(found)
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
