//! Retires the source: snapshot, last checks, confirmation, deletion. The point of no return.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::copy::{Enumerator, lists_of, pipeline};
use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::clock::{Timestamp, after};
use crate::copy::{Ids, Mapping};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Hold, ShardState, StageStatus};
use crate::model::{Cursor, IndexStats, Namespace, Observed, Shard, Verdict};
use crate::plan::CopyStage;
use crate::plan::file::Decommission;
use crate::provider::blocking;
use crate::provider::parquet::{self, RecordWriter};
use crate::run::guard::{self, Checked};
use crate::run::{Context, Progress};

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
        if guard::settle(context).await? {
            return Ok(Acted::Judged { verdict: Verdict::Pass, reason: String::new() });
        }
        if let Some(hold) = self.must_wait(context)? {
            return Ok(Acted::Held(hold));
        }
        let has_snapshot = self.0.snapshot.is_some();
        let counts = guard::refuse_loss(context, has_snapshot).await?;
        let confirmed = match guard::confirm(context, &counts).await? {
            Ok(confirmed) => confirmed,
            Err(hold) => return Ok(Acted::Held(hold)),
        };
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
            guard::lift_source(context, self.0.lift_protection).await?;
            let checked = Checked { counts, confirmed, has_snapshot };
            guard::delete_source(context, checked).await?;
        }
        Ok(Acted::Judged { verdict: judged.verdict, reason: judged.reason })
    }

    async fn undo(&self, context: &Context) -> Result<String> {
        if context.state()?.delete_intended {
            let message = "the source was deleted; its snapshot is what is left";
            return Err(Error::new(ErrorKind::Refused, message));
        }
        Ok(match guard::put_back(context, Some(&context.id())).await? {
            true => "the source is protected again".to_owned(),
            false => "the source is untouched".to_owned(),
        })
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
        Ok(None)
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
