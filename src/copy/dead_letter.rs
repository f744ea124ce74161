//! Records that the target refuses: one JSON line each, with the reason, on disk before the checkpoint that counts
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::json_lines::{self, JsonLines};
use crate::blocking::blocking;
use crate::error::Result;
use crate::model::{AnyVector, Metadata, Namespace, Record, RecordId};
use crate::store::{Refusal, Refusals, Rule};

/// The dead-letter file of a copy, created with the first record.
#[derive(Debug)]
pub struct DeadLetters(JsonLines);

#[derive(Serialize)]
struct Line<'a> {
    namespace: &'a Namespace,
    target_namespace: &'a Namespace,
    id: &'a RecordId,
    rule: Rule,
    reason: &'a str,
    /// What its only dense field holds.
    values: Vec<f32>,
    /// What its only sparse field holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse: Option<Vec<(u32, f32)>>,
    /// What other fields hold, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    vectors: BTreeMap<&'a str, Numbers>,
    metadata: &'a Metadata,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Numbers {
    Dense(Vec<f32>),
    Sparse(Vec<(u32, f32)>),
    Multi(Vec<Vec<f32>>),
}

impl Numbers {
    fn of(vector: &AnyVector) -> Self {
        match vector {
            AnyVector::Dense(dense) => Self::Dense(dense.values().collect()),
            AnyVector::Sparse(sparse) => Self::Sparse(sparse.sorted()),
            AnyVector::Multi(multi) => {
                Self::Multi(multi.each().map(|one| one.values().collect()).collect())
            }
        }
    }
}

/// The parts of a line needed for counting.
#[derive(Deserialize)]
struct Counted {
    namespace: Namespace,
    id: RecordId,
    rule: Rule,
    reason: String,
}

/// Returns the records of a dead-letter file by the rule they break, each once, since a run that was killed may have
/// written a record again. Empty if there is no file.
///
/// # Errors
/// `Io` if it cannot be read.
pub fn refusals(path: &Path) -> Result<Refusals> {
    let (mut refusals, mut seen) = (Refusals::default(), BTreeSet::new());
    json_lines::read(path, |one: Counted| {
        if seen.insert((one.namespace.clone(), one.id.clone())) {
            refusals.add(&one.namespace, &one.id, one.rule, &one.reason);
        }
    })?;
    Ok(refusals)
}

impl DeadLetters {
    pub fn new(path: PathBuf) -> Self {
        Self(JsonLines::new(path))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Appends the records of a page that the target does not take, which are on disk when this returns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub async fn put(
        self: &Arc<Self>,
        source: &Namespace,
        target: &Namespace,
        refused: Vec<(Record, Refusal)>,
    ) -> Result<()> {
        if refused.is_empty() {
            return Ok(());
        }
        let (file, source, target) = (self.clone(), source.clone(), target.clone());
        blocking(move || {
            let lines = refused.iter();
            file.0.put(lines.map(|(record, refusal)| Line::of(&source, &target, record, refusal)))
        })
        .await
    }
}

impl<'a> Line<'a> {
    fn of(
        source: &'a Namespace,
        target: &'a Namespace,
        record: &'a Record,
        refusal: &'a Refusal,
    ) -> Self {
        let (mut values, mut only_sparse, mut vectors) = (Vec::new(), None, BTreeMap::new());
        for (name, vector) in record.vectors.iter() {
            match Numbers::of(vector) {
                Numbers::Dense(dense) if name.is_only() => values = dense,
                Numbers::Sparse(sparse) if name.is_only() => only_sparse = Some(sparse),
                numbers => _ = vectors.insert(name.as_str(), numbers),
            }
        }
        Self {
            namespace: source,
            target_namespace: target,
            id: &record.id,
            rule: refusal.rule,
            reason: &refusal.reason,
            values,
            sparse: only_sparse,
            vectors,
            metadata: &record.metadata,
        }
    }
}
