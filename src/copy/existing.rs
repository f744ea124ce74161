//! Compares what a copy would write with what the target already holds under the same ids.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::difference::is_same;
use super::json_lines::{self, JsonLines};
use super::transform::Transform;
use crate::blocking::blocking;
use crate::error::Result;
use crate::model::{Comparing, Contents, Namespace, Record, RecordId, Recorded};
use crate::store::{Source, Target, fetch_all};

/// Ids that the target already holds, by whether the copy would change them.
#[derive(Debug, Default)]
pub struct Met {
    /// The number of ids that were looked at.
    pub looked_at: u64,
    /// Ids under which the target holds what the copy would write, as far as it keeps that.
    pub same: Vec<RecordId>,
    /// Ids under which the target holds something else.
    pub other: Vec<RecordId>,
}

/// Compares what a copy would write under the source's `ids` with what a target namespace holds under them.
///
/// # Errors
/// Any error of either side.
pub async fn meet(
    source: &dyn Source,
    target: &dyn Target,
    transform: &Transform,
    (from, to): (&Namespace, &Namespace),
    ids: &[RecordId],
    comparing: &Comparing,
) -> Result<Met> {
    let fetch = source.must_fetch()?;
    let records = fetch_all(&*fetch, from, ids).await?.into_iter();
    let kept = records.filter_map(|record| transform.change(from, record).kept());
    let records: Vec<Record> = kept.collect();
    let met = meet_records(target, to, &records, comparing).await?;
    Ok(Met { looked_at: ids.len() as u64, ..met })
}

/// Compares what a target keeps of records, as they would be written, with what one of its namespaces holds under their ids.
pub(super) async fn meet_records(
    target: &dyn Target,
    namespace: &Namespace,
    records: &[Record],
    comparing: &Comparing,
) -> Result<Met> {
    let ids: Vec<RecordId> = records.iter().map(|record| record.id.clone()).collect();
    let fetch = target.must_fetch()?;
    let there = fetch_all(&*fetch, namespace, &ids).await?.into_iter();
    let there: HashMap<RecordId, Record> =
        there.map(|record| (record.id.clone(), record)).collect();
    let mut met = Met { looked_at: records.len() as u64, ..Met::default() };
    let write = target.write();
    for record in records {
        let kept = write.as_ref().map_or(Cow::Borrowed(record), |write| write.kept(record));
        match there.get(&record.id) {
            Some(seen) if is_same(&kept, seen, comparing) => met.same.push(record.id.clone()),
            Some(_) => met.other.push(record.id.clone()),
            None => {}
        }
    }
    Ok(met)
}

/// The file of ids that a copy leaves unchanged in the target: one JSON line each, on disk before the checkpoint that
/// counts them.
#[derive(Debug)]
pub struct Skipped(JsonLines);

#[derive(Serialize, Deserialize)]
struct Line {
    target_namespace: Namespace,
    id: RecordId,
    /// What the copy would have written.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "Recorded::read")]
    contents: Option<Contents>,
}

impl Skipped {
    pub fn new(path: PathBuf) -> Self {
        Self(JsonLines::new(path))
    }

    /// Appends records as they would have been written, which are on disk when this returns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub async fn put(self: &Arc<Self>, namespace: &Namespace, records: Vec<Record>) -> Result<()> {
        let (file, namespace) = (self.clone(), namespace.clone());
        let line = move |record: &Record| Line {
            target_namespace: namespace.clone(),
            id: record.id.clone(),
            contents: Some(Contents::of([record])),
        };
        blocking(move || file.0.put(records.iter().map(line))).await
    }
}

/// The ids that a copy left unchanged in the target and what it would have written, some fifty bytes each.
#[derive(Debug, Default)]
pub struct Kept(HashMap<u64, Option<Contents>>);

impl Kept {
    /// Reads what [`Skipped`] wrote; empty if there is no file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let mut kept = HashMap::new();
        json_lines::read(path, |Line { target_namespace, id, contents }| {
            kept.insert(key(&target_namespace, &id), contents);
        })?;
        Ok(Self(kept))
    }

    pub fn has(&self, namespace: &Namespace, id: &RecordId) -> bool {
        self.0.contains_key(&key(namespace, id))
    }

    /// Whether a record that was left alone may no longer be what the copy would have written then: where that was summed in
    /// a way that is not known any more, nobody can say that it is.
    pub fn has_changed(&self, namespace: &Namespace, record: &Record) -> bool {
        let then = self.0.get(&key(namespace, &record.id));
        then.is_some_and(|then| *then != Some(Contents::of([record])))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn key(namespace: &Namespace, id: &RecordId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (namespace.as_str(), id.text()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::*;
    use crate::model::{Vector, Vectors};

    #[tokio::test]
    async fn what_was_skipped_is_read_again_and_a_torn_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/skipped.jsonl");
        assert!(Kept::read(&path).unwrap().is_empty());
        let (a, b) = (Namespace::from("a"), Namespace::from("b"));
        let record = |id: &str, value| Record {
            id: RecordId::new(id),
            vectors: Vectors::plain(Vector::from_values([value]), None),
            metadata: Default::default(),
        };
        let skipped = || Arc::new(Skipped::new(path.clone()));
        skipped().put(&a, vec![record("1", 0.5), record("2", 0.5)]).await.unwrap();
        skipped().put(&b, vec![record("3", 0.5)]).await.unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"target_namespace\":\"a\",\"i").unwrap();
        let kept = Kept::read(&path).unwrap();
        let has = |namespace, id: &str| kept.has(namespace, &RecordId::new(id));
        assert!(has(&a, "1") && has(&a, "2") && has(&b, "3"));
        assert!(!has(&b, "1") && !has(&a, "3"));
        assert!(!kept.has_changed(&a, &record("1", 0.5)));
        assert!(kept.has_changed(&a, &record("1", 0.25)));
        assert!(!kept.has_changed(&b, &record("1", 0.25)), "it was not left alone");
    }
}
