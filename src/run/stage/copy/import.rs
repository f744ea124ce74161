//! Writes Parquet files to a folder of the run's own and imports them in bulk into the target.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Patience;
use crate::copy::{Export, Mapping};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Route, ShardState};
use crate::model::{Namespace, Observed, Resource, ResourceKind, Side, plural};
use crate::plan::CopyStage;
use crate::run::context::guard::{counted, folder_name, imports_of};
use crate::run::route::{chosen_route, taken};
use crate::run::stage::resource::{intend, late, ready_within, see_records};
use crate::run::taken::Taken;
use crate::run::{Context, Note, Progress};
use crate::storage::Place;
use crate::store::Import;

/// The pause between two status requests. An import takes minutes at least.
const PAUSE: Duration = Duration::from_secs(5);

/// The folder of one copy of this run, and its progress.
pub(super) struct Imported {
    folder: Resource,
    pub export: Arc<Export>,
    integration: Option<String>,
    /// The longest time that the import may take.
    limit: Duration,
    /// Whether the import has been requested, after which the files must not change.
    pub has_begun: bool,
}

impl Imported {
    /// Returns the folder of this copy, without writing to it; `None` if its records do not travel as files.
    ///
    /// # Errors
    /// `Invalid` if the plan has no place for them any more; those of asking the target for its imports.
    pub async fn of(context: &Context, copy: &CopyStage) -> Result<Option<Self>> {
        if chosen_route(context, copy)? != Route::Import {
            return Ok(None);
        }
        let import = copy.asked.import.clone().ok_or_else(|| {
            Error::invalid("the plan has no place for the files of an import")
                .with_hint("put `import:` of the copy stage back")
        })?;
        // A plan that was changed along the way must not split the files over two folders.
        let mut recorded = context.stage_state()?.resources.iter();
        let recorded = recorded.rfind(|resource| resource.kind == ResourceKind::ImportFolder);
        let base = match context.options.is_rehearsal {
            // A rehearsal writes nothing outside its own folder.
            true => {
                let folder = std::path::absolute(context.artifacts.join("import"))
                    .map_err(|error| Error::io("the current folder is not known", error))?;
                Place::uri_of_folder(&folder)?
            }
            false => import.uri,
        };
        let fresh = format!("{}/{}", base.trim_end_matches('/'), folder_name(context, copy));
        let name = recorded.map_or(fresh, |resource| resource.name.clone());
        let place = context.world.open_place(&name)?;
        let has_begun = !imports_of(context, &name).await?.is_empty();
        Ok(Some(Self {
            folder: Resource { kind: ResourceKind::ImportFolder, name },
            export: Arc::new(Export { place, fence: context.world.fence.clone() }),
            integration: import.integration,
            limit: ready_within(copy),
            has_begun,
        }))
    }

    /// Records the intent to create the folder before the first file is written; if it exists, removes files that no
    /// checkpoint covers.
    ///
    /// # Errors
    /// `Unsupported` if the target's service has no bulk import.
    pub async fn begin(&self, context: &Context) -> Result<()> {
        if self.has_begun {
            return Ok(());
        }
        let can = match context.world.target.must_bulk() {
            Ok(bulk) => bulk.imports().await.map(|_| ()),
            Err(error) => Err(error),
        };
        can.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::Unsupported => {
                Error::unsupported("the target's server has no bulk imports")
                    .with_source(error)
                    .with_hint("copy record by record: `strategy: stream`")
            }
            _ => error,
        })?;
        let state = context.stage_state()?;
        if !state.resources.contains(&self.folder) {
            return intend(context, &self.folder).await;
        }
        let shards = state.shards.values();
        self.export.keep_covered(shards.map(|state| (&state.shard, &state.checkpoint))).await
    }

    /// Returns this folder's most advanced import.
    async fn find(&self, context: &Context) -> Result<Option<Import>> {
        let imports = imports_of(context, &self.folder.name).await?;
        Ok(imports.into_iter().max_by_key(|import| (import.is_complete(), !import.has_failed())))
    }

    /// Starts the import, unless an earlier process did.
    ///
    /// # Errors
    /// `Refused` if a namespace already exists.
    pub async fn start(&self, context: &Context) -> Result<()> {
        let written = written(context.stage_state()?.shards.values());
        if written.is_empty() {
            return context.note("nothing to import: no record was written");
        }
        if self.has_begun {
            return Ok(());
        }
        refuse_taken(context, &written).await?;
        let integration = self.integration.as_deref();
        let bulk = context.world.target.must_bulk()?;
        let id = bulk.start_import(&self.folder.name, integration).await?;
        context.note(format!("import `{id}` of {} began", self.folder.name))
    }

    /// Looks once, in the step of this name, whether the target counts every record.
    ///
    /// # Errors
    /// `Timeout` if they do not appear in time.
    pub async fn see_counted(&self, context: &Context, step: &str) -> Result<Taken> {
        let written = written(context.stage_state()?.shards.values());
        let left = |(name, records): (Namespace, u64)| {
            let records = records.saturating_sub(context.state.erased_of(Side::Target, &name));
            Mapping { source: name.clone(), target: name, records }
        };
        let counted: Vec<Mapping> = written.into_iter().map(left).collect();
        let what = ("the target of the import", "run the same command again to go on waiting");
        see_records(context, &*context.world.target, &counted, (step, self.limit), what).await
    }

    /// Looks once, in the step of this name, whether the import has ended.
    ///
    /// # Errors
    /// `Refused` if it failed; `Conflict` if it took another number of records than were written; `Timeout` if it does not
    /// end in time.
    pub async fn see_ended(&self, context: &Context, step: &str) -> Result<Taken> {
        let total: u64 = written(context.stage_state()?.shards.values()).values().sum();
        if total == 0 {
            return Ok(Taken::Done);
        }
        let look = async {
            let seen = self.find(context).await?;
            match &seen {
                Some(import) if import.is_complete() => {
                    return check_count(import, total).map(Break);
                }
                Some(import) if import.has_failed() => return Err(failed(import)),
                _ => {}
            }
            context.progress(&Progress {
                stage: context.id(),
                unit: "records imported",
                done: seen.as_ref().and_then(|import| import.records).unwrap_or(0).min(total),
                total,
                note: seen.as_ref().map(standing).or_else(|| context.world.waiting()),
            });
            Ok(Continue(seen))
        };
        let late = |seen: Option<Import>| {
            let at = seen.map_or(String::new(), |import| format!(" ({})", standing(&import)));
            late(&format!("the import of {}{at}", self.folder.name), self.limit)
        };
        let patience = Patience { limit: self.limit, pause: PAUSE };
        let seen = context.look_again(step, patience, look, late).await?;
        Ok(seen.into())
    }
}

/// Counts the records written for each target namespace.
fn written<'a>(shards: impl Iterator<Item = &'a ShardState>) -> BTreeMap<Namespace, u64> {
    let mut all = BTreeMap::new();
    for state in shards {
        let copied = state.checkpoint.tally.copied;
        if copied > 0 {
            *all.entry(state.shard.target.clone()).or_default() += copied;
        }
    }
    all
}

/// Refuses existing namespaces: an import creates its namespaces and fails as a whole if one exists.
async fn refuse_taken(context: &Context, written: &BTreeMap<Namespace, u64>) -> Result<()> {
    let counts = counted(&*context.world.target).await?;
    match taken(written.keys(), &counts) {
        None => Ok(()),
        Some(message) => Err(Error::new(ErrorKind::Refused, message).with_hint(AGAIN)),
    }
}

const AGAIN: &str = "roll back with `--purge`, which deletes the target where this run made it; in another target remove \
                     what is there with `vecshift namespaces delete`; then run again, or copy with `strategy: stream`";

fn check_count(import: &Import, total: u64) -> Result<()> {
    match import.records {
        Some(records) if records != total => {
            let (records, total) = (plural(records, "record"), Observed::count(total));
            let message = format!(
                "the import `{}` ended with {records}, and {total} were written for it",
                import.id
            );
            Err(Error::new(ErrorKind::Conflict, message).with_hint(AGAIN))
        }
        _ => Ok(()),
    }
}

fn failed(import: &Import) -> Error {
    let why = import.error.as_deref().unwrap_or("the target does not say why");
    let message = format!("the import `{}` is {}: {why}", import.id, import.state);
    Error::new(ErrorKind::Refused, message).with_hint(AGAIN)
}

/// Formats the status as `import \`1\`: InProgress, 12 %`.
fn standing(import: &Import) -> Note {
    let percent = import.percent.map_or(String::new(), |percent| format!(", {percent:.0} %"));
    Note::Remark(format!("import `{}`: {}{percent}", import.id, import.state))
}
