//! Records the target refuses: one JSON line each, with the reason, on disk before the checkpoint that counts them.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Metadata, Namespace, Record, RecordId};
use crate::provider::{Refusal, Refusals, Rule};

/// The dead-letter file of a copy; made when the first record goes there.
#[derive(Debug)]
pub struct DeadLetters {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

#[derive(Serialize)]
struct Line<'a> {
    namespace: &'a Namespace,
    target_namespace: &'a Namespace,
    id: &'a str,
    rule: Rule,
    reason: &'a str,
    values: Vec<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse: Option<Vec<(u32, f32)>>,
    metadata: &'a Metadata,
}

/// What a count of the lines needs of each.
#[derive(Deserialize)]
struct Counted {
    namespace: Namespace,
    id: RecordId,
    rule: Rule,
    reason: String,
}

/// The records of a dead-letter file by the rule that they do not keep, each once: a run that was killed may have written
/// one again. None where there is no file.
///
/// # Errors
/// `Io` where it cannot be read.
pub fn refusals(path: &Path) -> Result<Refusals> {
    let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
    let mut refusals = Refusals::default();
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(refusals),
        file => file.map_err(cannot)?,
    };
    let mut seen = BTreeSet::new();
    for line in BufReader::new(file).lines() {
        // The last line of a process that was killed may be cut.
        let Ok(one) = serde_json::from_str::<Counted>(&line.map_err(cannot)?) else { continue };
        if seen.insert((one.namespace.clone(), one.id.clone())) {
            refusals.add(&one.namespace, &one.id, one.rule, &one.reason);
        }
    }
    Ok(refusals)
}

impl DeadLetters {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: Mutex::new(None) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record; it is on disk when this returns.
    pub fn put(
        &self,
        source: &Namespace,
        target: &Namespace,
        record: &Record,
        refusal: &Refusal,
    ) -> Result<()> {
        let line = Line {
            namespace: source,
            target_namespace: target,
            id: record.id.as_str(),
            rule: refusal.rule,
            reason: &refusal.reason,
            values: record.vector.values().collect(),
            sparse: record.sparse.as_ref().map(|sparse| sparse.sorted()),
            metadata: &record.metadata,
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| {
            Error::unexpected("a record cannot be written as JSON").with_source(error)
        })?;
        bytes.push(b'\n');
        let cannot = |error| Error::io(format!("cannot write {}", self.path.display()), error);
        let mut slot = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let file = match slot.as_mut() {
            Some(file) => file,
            None => {
                if let Some(dir) = self.path.parent() {
                    std::fs::create_dir_all(dir).map_err(cannot)?;
                }
                let file = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(&self.path)
                    .map_err(cannot)?;
                slot.insert(file)
            }
        };
        file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(cannot)
    }
}
