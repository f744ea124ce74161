//! Retires the source: snapshot, last checks, confirmation, deletion. The point of no return.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::copy::{Enumerator, lists_of, pipeline};
use super::create::wait_unprotected;
use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::clock::{Timestamp, after};
use crate::copy::{Ids, Mapping};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Hold, ShardState, StageStatus};
use crate::model::{Cursor, IndexStats, Namespace, Observed, Shard, Tally, Verdict};
use crate::plan::CopyStage;
use crate::plan::file::Decommission;
use crate::provider::parquet::{self, RecordWriter};
use crate::provider::{IndexChange, blocking};
use crate::run::{Context, Progress};

/// How long a deleted index may still be seen.
const GONE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(500);
/// Ids fetched at once for the snapshot.
const CHUNK: usize = 100;

pub(super) struct DecommissionWork(pub Decommission);

#[async_trait]
impl Work for DecommissionWork {
    async fn check(&self, context: &Context) -> Result<Check> {
        Ok(match context.world.source.describe().await? {
            None => Check::Holds,
            Some(_) => Check::Drifted(format!(
                "the index `{}` is there again",
                context.plan.file.source.index
            )),
        })
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        if context.state()?.delete_intended {
            // The decision was taken and is on disk: only the end of it is left.
            self.delete(context).await?;
            return Ok(Acted::Judged { verdict: Verdict::Pass, reason: String::new() });
        }
        if let Some(hold) = self.must_wait(context)? {
            return Ok(Acted::Held(hold));
        }
        let counts = context.world.source.stats().await?;
        self.refuse_loss(context, &counts)?;
        let mut measured = Measured::default();
        measured.set("source.records", Observed::count(counts.total), 1);
        measured.set_not_measured(
            "source.reads",
            "neither a gateway nor the provider's metrics endpoint is configured",
        );
        match &self.0.snapshot {
            Some(to) => self.snapshot(context, to, &counts, &mut measured).await?,
            None => {
                let why = "the plan asks for no snapshot";
                measured
                    .set_not_measured("snapshot.records", why)
                    .set_not_measured("snapshot.complete", why);
            }
        }
        let judged = context.judge(&measured, &Measured::default())?;
        if judged.verdict == Verdict::Pass {
            self.lift_protection(context).await?;
            refuse_change(&counts, &context.world.source.stats().await?)?;
            let index = context.plan.file.source.index.clone();
            context.record(Event::SourceDeleteIntended { stage: context.id(), index })?;
            self.delete(context).await?;
        }
        Ok(Acted::Judged { verdict: judged.verdict, reason: judged.reason })
    }

    async fn undo(&self, context: &Context) -> Result<String> {
        match context.state()?.delete_intended {
            true => Err(Error::new(
                ErrorKind::Refused,
                "the source was deleted; its snapshot is what is left",
            )),
            false => Ok("the source is untouched".to_owned()),
        }
    }
}

impl DecommissionWork {
    fn must_wait(&self, context: &Context) -> Result<Option<Hold>> {
        let index = &context.plan.file.source.index;
        if &self.0.confirm != index {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("`confirm` must repeat the source's name, `{index}`"),
            ));
        }
        if let Some(wait) = self.0.after {
            let end = after(full_traffic_since(context), wait.0);
            if context.clock.now() < end {
                return Ok(Some(Hold::Time { until: end }));
            }
        }
        let is_confirmed =
            context.options.is_rehearsal || context.options.confirm.as_ref() == Some(index);
        Ok((!is_confirmed).then(|| Hold::Confirmation { index: index.clone() }))
    }

    /// Nothing may be in the source that is neither in the target nor in the snapshot.
    fn refuse_loss(&self, context: &Context, counts: &IndexStats) -> Result<()> {
        let mut problems = Vec::new();
        for (namespace, now) in counts.namespaces.iter().filter(|(_, records)| **records > 0) {
            let copied = copied(context, namespace);
            if copied.is_empty() && self.0.snapshot.is_none() {
                problems.push(format!(
                    "`{namespace}` ({now} records) was not copied and there is no snapshot"
                ));
            }
            let of_copy = |(_, shards): &(_, Vec<ShardState>)| self.loss(namespace, *now, shards);
            problems.extend(copied.iter().filter_map(of_copy));
        }
        if problems.is_empty() {
            return Ok(());
        }
        let shown = problems.iter().take(10).cloned().collect::<Vec<_>>().join("; ");
        Err(Error::new(
            ErrorKind::Refused,
            format!("deleting the source would lose records: {shown}"),
        )
        .with_hint("copy what is missing first; the source was not touched"))
    }

    /// What of a namespace, which holds `now` records, one copy of it does not have.
    fn loss(&self, namespace: &Namespace, now: u64, shards: &[ShardState]) -> Option<String> {
        let expected: u64 = shards.iter().map(|state| state.shard.expected).sum();
        let mut tally = Tally::default();
        shards.iter().for_each(|state| tally.add(state.checkpoint.tally));
        if expected != now {
            return Some(format!(
                "`{namespace}` had {expected} records when it was copied and has {now} now"
            ));
        }
        if shards.iter().any(|state| !state.is_complete) {
            return Some(format!("`{namespace}` was not copied completely"));
        }
        let (records, why) = match tally {
            Tally { failed, .. } if failed > 0 => (failed, "refused by the target"),
            Tally { left_out, .. } if left_out > 0 => (left_out, "left out by the filter"),
            _ => return None,
        };
        self.0.snapshot.is_none().then(|| {
            format!("{records} records of `{namespace}` were {why} and there is no snapshot")
        })
    }

    /// Writes every record of the source to Parquet, one file a namespace, and reads it back.
    async fn snapshot(
        &self,
        context: &Context,
        to: &str,
        counts: &IndexStats,
        measured: &mut Measured,
    ) -> Result<()> {
        let dir = context.output_path(to);
        let cannot = |error| Error::io(format!("cannot make {}", dir.display()), error);
        tokio::fs::create_dir_all(&dir).await.map_err(cannot)?;
        let mut records = 0;
        let mut is_complete = true;
        for (namespace, expected) in &counts.namespaces {
            let found = snapshot_namespace(context, &dir, namespace, *expected).await?;
            records += found;
            if found != *expected {
                is_complete = false;
                context.note(format!(
                    "the snapshot of `{namespace}` has {found} of {expected} records"
                ))?;
            }
            context.recorder.progress(&Progress {
                stage: context.id(),
                unit: "records in the snapshot",
                done: records,
                total: counts.total.max(records),
                note: None,
            });
        }
        context.wrote("snapshot", dir, records)?;
        measured.set("snapshot.records", Observed::count(records), 1).set(
            "snapshot.complete",
            Observed::Bool(is_complete),
            records,
        );
        if !is_complete {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the snapshot does not hold every record of the source",
            )
            .with_hint("the source was not touched; see the notes for the namespaces"));
        }
        Ok(())
    }

    async fn lift_protection(&self, context: &Context) -> Result<()> {
        let index = &context.world.retiring;
        if !index.describe().await?.is_some_and(|seen| seen.spec.deletion_protection) {
            return Ok(());
        }
        if !self.0.lift_protection {
            return Err(Error::new(ErrorKind::Refused, "the source is protected against deletion")
                .with_hint(
                    "lift the protection yourself, or let the plan do it: `lift_protection: true`",
                ));
        }
        index.configure(&IndexChange { deletion_protection: Some(false) }).await?;
        wait_unprotected(context, &**index).await
    }

    async fn delete(&self, context: &Context) -> Result<()> {
        let index = &context.world.retiring;
        index.delete_index().await?;
        let deadline = after(context.clock.now(), GONE);
        while index.describe().await?.is_some() {
            if context.clock.now() >= deadline {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    "the deleted index is still there after 5 minutes",
                ));
            }
            context.sleep(PAUSE).await?;
        }
        if context.state()?.deleted {
            return Ok(());
        }
        let name = context.plan.file.source.index.clone();
        context.record(Event::SourceDeleted { stage: context.id(), index: name })
    }
}

/// What was checked and written to the snapshot must still be what is deleted.
fn refuse_change(checked: &IndexStats, now: &IndexStats) -> Result<()> {
    if checked.namespaces == now.namespaces {
        return Ok(());
    }
    let message = format!(
        "the source had {} records when it was checked and has {} now, or they are in other namespaces: something writes to it",
        checked.total, now.total
    );
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("stop the writes and run the same command again; the source was not deleted"))
}

/// When the weight of 100 % was set; without a canary, when the stage before ended.
fn full_traffic_since(context: &Context) -> Timestamp {
    let now = context.clock.now();
    context.recorder.with_state(|state| {
        let full = state.stages.iter().filter(|stage| !stage.steps_passed.is_empty());
        let set = full.filter_map(|stage| stage.weight_set_at).max();
        let ended = state
            .stages
            .iter()
            .filter(|stage| stage.status == StageStatus::Passed)
            .filter_map(|stage| stage.ended)
            .max();
        set.or(ended).unwrap_or(now)
    })
}

/// One namespace into one file; the number of records that were read back.
async fn snapshot_namespace(
    context: &Context,
    dir: &Path,
    namespace: &Namespace,
    expected: u64,
) -> Result<u64> {
    let source = &context.world.source;
    let (copy, shards) = shards_of(context, namespace, expected).await?;
    let pipeline = pipeline(context, &copy, context.artifacts.join("unused.jsonl")).await?;
    let path = dir.join(format!("{}.parquet", file_name(namespace)));
    let mut writer = RecordWriter::create(&path)?;
    for shard in shards {
        let lists = lists_of(context, &copy, &shard, &pipeline)?;
        let mut ids = Ids::start(source.clone(), &shard, &Cursor::Start, CHUNK, lists).await?;
        while let Some(chunk) = ids.next().await? {
            context.stop_if_cancelled()?;
            for part in chunk.ids.chunks(source.capabilities().limits.fetch_ids.clamp(1, CHUNK)) {
                let records = source.fetch(namespace, part).await?;
                writer.append(namespace, &records)?;
            }
        }
    }
    let written = writer.finish()?;
    let read = read_back(path).await?;
    if read.checksum() != written.checksum() {
        return Err(Error::new(
            ErrorKind::Conflict,
            "the snapshot reads back differently from what was written",
        )
        .with_context("namespace", namespace));
    }
    Ok(read.records)
}

async fn read_back(path: PathBuf) -> Result<parquet::Contents> {
    blocking(move || parquet::contents(&path)).await
}

/// A namespace's name as a file's: anything unusual as `%` and two hex digits.
fn file_name(namespace: &Namespace) -> String {
    let mut name = String::new();
    for byte in namespace.explicit().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            byte => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

/// The copies that took a namespace, each with its shards of it.
fn copied(context: &Context, namespace: &Namespace) -> Vec<(CopyStage, Vec<ShardState>)> {
    let shards_of = |copy: CopyStage| {
        let shards: Vec<ShardState> = context.recorder.with_state(|state| {
            let shards = state.stage(&copy.id).into_iter().flat_map(|stage| stage.shards.values());
            shards.filter(|state| state.shard.source == *namespace).cloned().collect()
        });
        (copy, shards)
    };
    let all = context.plan.copies().into_iter().map(shards_of);
    all.filter(|(_, shards)| !shards.is_empty()).collect()
}

/// The shards a namespace was copied by, by the first copy that took it; where none did, those of a copy that finds the
/// ids by itself.
async fn shards_of(
    context: &Context,
    namespace: &Namespace,
    expected: u64,
) -> Result<(CopyStage, Vec<Shard>)> {
    if let Some((copy, shards)) = copied(context, namespace).into_iter().next() {
        return Ok((copy, shards.into_iter().map(|state| state.shard).collect()));
    }
    let copy = CopyStage::whole();
    let source = &context.world.source;
    let described = source.describe().await?.ok_or_else(|| super::audit::no_source(context))?;
    let enumerator = Enumerator {
        plan: &context.plan,
        copy: &copy.asked,
        source: source.clone(),
        spec: &described.spec,
        most_counts: None,
        known: None,
    };
    let (source, target) = (namespace.clone(), namespace.clone());
    let found = enumerator.one(&Mapping { source, target, records: expected }).await?;
    found.gap().map_or_else(|| Ok((copy, found.shards())), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_namespaces_never_share_a_file() {
        assert_eq!(file_name(&Namespace::new("twin_1")), "twin_1");
        assert_eq!(file_name(&Namespace::new("../x/ä")), "%2e%2e%2fx%2f%c3%a4");
        assert_eq!(file_name(&Namespace::new("")), "__default__");
    }
}
