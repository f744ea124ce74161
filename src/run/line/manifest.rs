//! Reads and sorts the plan's manifest of ids once per run, and checks it against the source's counts.
//!
//! The sorted ids are a file of the run (`STAGE-ids.csv`). Each shard reads its own part, and a resumed run sees the
//! ids the copy began with, whatever has become of the manifest. It is read again only if the ids do not match the
//! source.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::artifacts::artifact;
use super::printed::printed_ids;
use crate::blocking::blocking;
use crate::copy::{Manifest, Mapping};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Cursor, Enumeration, Namespace, Observed, Shard, plural};
use crate::plan::file::{self, EnumerateBy};
use crate::plan::{CopyStage, Plan, files_of};
use crate::provider::manifest::{
    Double, ManifestOptions, SortedId, Spool, forget, spool as read_sorted,
};
use crate::run::Context;
use crate::run::selection::recorded_mappings;

/// The artifact with the sorted ids of a copy stage.
const IDS: &str = "ids.csv";

/// Checks the manifest's files before anything is touched: each namespace must have as many ids as the source counts
/// records, without duplicates, since a duplicate would hide a missing id. The ids printed by a command are not known
/// before the copy.
///
/// # Errors
/// `Refused` with what does not match; any error of reading the manifest.
pub(crate) async fn check_manifest(
    plan: &Plan,
    copy: &CopyStage,
    namespaces: &[Mapping],
) -> Result<()> {
    let Some(asked) = manifest_in(copy).filter(|asked| asked.exec.is_none()) else { return Ok(()) };
    let options = files(plan, &asked)?;
    let folder = tempfile::tempdir().map_err(|error| Error::io("cannot sort the ids", error))?;
    let namespaces = namespaces.to_vec();
    blocking(move || sort(&options, &folder.path().join(IDS), &namespaces).map(drop)).await
}

/// Ensures that the run has its sorted ids and that they match the source. If they had to be read again, shards in
/// progress start over, because their rows may have changed.
///
/// # Errors
/// Any error of [`check_manifest`], and any error of the manifest's command.
pub(in crate::run) async fn prepare_ids(context: &Context, copy: &CopyStage) -> Result<()> {
    let namespaces = &*recorded_mappings(context, &copy.id);
    let Some(asked) = manifest_in(copy) else { return Ok(()) };
    let path = artifact(context, copy, IDS);
    let known = opened(path.clone()).await?;
    let fits =
        |(known, is_intact): &(Spool, bool)| *is_intact && misfits(known, namespaces).is_empty();
    if let Some((known, _)) = known.filter(fits) {
        keep(context, copy, known);
        return Ok(());
    }
    std::fs::create_dir_all(&context.artifacts).map_err(|error| {
        Error::io(format!("cannot make {}", context.artifacts.display()), error)
    })?;
    let printed = match &asked.exec {
        Some(argv) => Some(printed_ids(context, copy, &asked, argv).await?),
        None => None,
    };
    let options = match &printed {
        Some(file) => ManifestOptions { files: vec![file.clone()], ..columns(&asked) },
        None => files(&context.plan, &asked)?,
    };
    let (to, of) = (path.clone(), namespaces.to_vec());
    let spool = blocking(move || sort(&options, &to, &of)).await?;
    if let Some(printed) = printed {
        // The sorted file now contains all of it.
        let _ = std::fs::remove_file(printed);
    }
    let ids = plural(spool.rows, "id");
    context.note(format!("{ids} sorted into {}-{IDS}, {}", copy.id, spool.digest))?;
    context.wrote("ids", path, spool.rows).await?;
    keep(context, copy, spool);
    begin_anew(context)
}

/// Forgets the sorted ids after a copy that found some missing from the source, so that the next attempt reads the
/// manifest again.
///
/// # Errors
/// If the index of the sorted ids cannot be removed.
pub(in crate::run) fn forget_ids(context: &Context, copy: &CopyStage) -> Result<()> {
    context.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&copy.id);
    forget(&artifact(context, copy, IDS))
}

/// Returns the enumeration to record for a shard, with the run's sorted ids in place of the manifest.
pub(in crate::run) fn recorded_as(
    context: &Context,
    copy: &CopyStage,
    enumeration: Enumeration,
) -> Enumeration {
    match enumeration {
        Enumeration::Manifest { .. } => {
            Enumeration::Manifest { file: artifact(context, copy, IDS) }
        }
        other => other,
    }
}

/// Returns the manifest ids of a shard in bytewise order; `None` if the shard does not use a manifest.
///
/// # Errors
/// `NotFound` if the run's sorted ids are gone, `Conflict` if they are no longer those that were sorted.
pub(in crate::run) async fn manifest_of(
    context: &Context,
    copy: &CopyStage,
    shard: &Shard,
) -> Result<Option<Manifest>> {
    let Enumeration::Manifest { file } = &shard.enumeration else { return Ok(None) };
    let spool = spool(context, copy, file).await?;
    Ok(Some(Box::new(spool.ids(&shard.source)?)))
}

async fn spool(context: &Context, copy: &CopyStage, recorded: &Path) -> Result<Arc<Spool>> {
    let known = context.ids.lock().unwrap_or_else(PoisonError::into_inner).get(&copy.id).cloned();
    if let Some(spool) = known {
        return Ok(spool);
    }
    for path in [artifact(context, copy, IDS), recorded.to_owned()] {
        match opened(path.clone()).await? {
            Some((spool, true)) => return Ok(keep(context, copy, spool)),
            Some((spool, false)) if path.exists() => {
                let message = "the sorted ids of this run are no longer those that were sorted";
                return Err(Error::new(ErrorKind::Conflict, message)
                    .with_context("file", path.display())
                    .with_context("sorted as", spool.digest)
                    .with_hint("put the file back, or roll back and copy again"));
            }
            _ => {}
        }
    }
    Err(Error::new(ErrorKind::NotFound, "the sorted ids of this run are gone")
        .with_context("file", recorded.display())
        .with_hint("put the file and its index back, or roll back and copy again"))
}

/// Opens the sorted ids of this run or an earlier process of it, and returns whether they are as they were written.
async fn opened(path: PathBuf) -> Result<Option<(Spool, bool)>> {
    let open = move || {
        let with_look = |spool: Spool| spool.is_intact().map(|is_intact| (spool, is_intact));
        Spool::open(&path)?.map(with_look).transpose()
    };
    blocking(open).await
}

fn keep(context: &Context, copy: &CopyStage, spool: Spool) -> Arc<Spool> {
    let spool = Arc::new(spool);
    let mut kept = context.ids.lock().unwrap_or_else(PoisonError::into_inner);
    kept.insert(copy.id.clone(), spool.clone());
    spool
}

fn begin_anew(context: &Context) -> Result<()> {
    for state in context.stage_state()?.shards.values() {
        if !state.is_complete && state.checkpoint.cursor != Cursor::Start {
            let shard = state.shard.clone();
            context.record(Event::ShardPlanned { stage: context.id(), shard })?;
        }
    }
    Ok(())
}

fn manifest_in(copy: &CopyStage) -> Option<file::Manifest> {
    match &copy.asked.enumerate {
        EnumerateBy::Manifest(asked) => Some(asked.manifest.clone()),
        EnumerateBy::Named(_) => None,
    }
}

fn columns(asked: &file::Manifest) -> ManifestOptions {
    let file::Manifest { namespace, id, .. } = asked.clone();
    ManifestOptions { files: Vec::new(), namespace, id }
}

fn files(plan: &Plan, asked: &file::Manifest) -> Result<ManifestOptions> {
    let pattern = asked.file.as_deref().unwrap_or_default();
    let files = files_of(&plan.base, pattern)
        .map_err(|error| Error::io(format!("cannot look for the files of `{pattern}`"), error))?;
    Ok(ManifestOptions { files, ..columns(asked) })
}

/// Sorts the rows into `to` and checks them against the source's counts.
fn sort(options: &ManifestOptions, to: &Path, namespaces: &[Mapping]) -> Result<Spool> {
    let (spool, doubles) = read_sorted(options, to)?;
    let refusal = refuse_doubles(&options.files, &doubles, namespaces)
        .or_else(|| refuse_misfits(&misfits(&spool, namespaces)));
    match refusal {
        None => Ok(spool),
        Some(error) => {
            forget(to)?;
            Err(error)
        }
    }
}

fn misfits(spool: &Spool, namespaces: &[Mapping]) -> Vec<String> {
    let misfit = |mapping: &Mapping| {
        let (name, records) = (&mapping.source, mapping.records);
        let ids = spool.count(name);
        match ids.cmp(&records) {
            Ordering::Less => Some(format!(
                "`{name}`: {} for {}, missing: {}",
                plural(ids, "id"),
                plural(records, "record"),
                Observed::count(records - ids)
            )),
            Ordering::Greater => Some(format!(
                "`{name}`: {} for {}, not in the source: {}",
                plural(ids, "id"),
                plural(records, "record"),
                Observed::count(ids - records)
            )),
            Ordering::Equal => None,
        }
    };
    namespaces.iter().filter_map(misfit).take(10).collect()
}

fn refuse_misfits(misfits: &[String]) -> Option<Error> {
    let message = format!("the manifest does not fit the source: {}", misfits.join("; "));
    (!misfits.is_empty()).then(|| {
        Error::new(ErrorKind::Refused, message)
            .with_hint("export it again from your system of record; no record was copied by it")
    })
}

fn refuse_doubles(files: &[PathBuf], doubles: &[Double], copied: &[Mapping]) -> Option<Error> {
    let namespace = |double: &Double| {
        let name = String::from_utf8_lossy(&double.first.namespace);
        Namespace::from(name.as_ref())
    };
    let double = doubles
        .iter()
        .find(|double| copied.iter().any(|mapping| mapping.source == namespace(double)))?;
    let place = |at: &SortedId| {
        let file = files.get(at.origin as usize).and_then(|file| file.file_name());
        let file = file.map(|file| file.to_string_lossy()).unwrap_or_default();
        format!("row {} of {file}", at.row)
    };
    let message = format!(
        "the manifest gives the id `{}` of `{}` twice: in {} and in {}",
        String::from_utf8_lossy(&double.first.id),
        namespace(double),
        place(&double.first),
        place(&double.second)
    );
    Some(
        Error::new(ErrorKind::Refused, message)
            .with_hint("export it again from your system of record, each id once"),
    )
}
