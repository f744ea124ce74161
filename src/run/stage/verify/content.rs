//! Whether both sides hold the same records.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::VerifyWork;
use super::differences::Differences;
use crate::assertion::Measured;
use crate::copy::{Comparison, Pipeline, compare_shard, count_extra};
use crate::error::Result;
use crate::journal::{Event, ShardState};
use crate::model::{Observed, RecordId, Share};
use crate::plan::file::Compare;
use crate::run::stage::shards::{manifest_of, pipeline};
use crate::run::{Context, Progress};

impl VerifyWork {
    pub(super) async fn compare(
        &self,
        context: &Context,
        shards: &[ShardState],
        target: &mut Measured,
    ) -> Result<()> {
        let pipeline = pipeline(context, context.artifacts.join("unused.jsonl")).await?;
        let mut differences = Differences::new(context);
        let mut total = Comparison::default();
        let mut extra = Some(0);
        let counts = context.world.target.stats().await?;
        let all: u64 = shards.iter().map(|state| state.shard.expected).sum();
        for state in shards {
            let shard = &state.shard;
            let picks = Arc::new(self.picks(context, all));
            let manifest = manifest_of(&context.plan, shard)?;
            let tolerance = self.0.tolerance.unwrap_or(0.0);
            let comparison =
                compare_shard(&pipeline, shard, manifest, tolerance, picks, &mut |difference| {
                    differences.put(&difference)
                })
                .await?;
            let proves_no_extra = self.0.compare == Compare::All
                && comparison.missing == 0
                && comparison.compared == counts.count(&shard.target);
            let found = match proves_no_extra {
                true => Some(0),
                false => self.extra(&pipeline, state, &mut differences).await?,
            };
            extra = extra.zip(found).map(|(sum, found)| sum + found);
            total.add(comparison);
            context.recorder.progress(&Progress {
                stage: context.id(),
                unit: "records compared",
                done: total.compared,
                total: all.max(total.compared),
                note: context.world.waiting(),
            });
        }
        differences.finish()?;
        self.set(context, &total, extra, target)
    }

    pub(super) async fn extra(
        &self,
        pipeline: &Pipeline,
        state: &ShardState,
        differences: &mut Differences<'_>,
    ) -> Result<Option<u64>> {
        count_extra(pipeline, &state.shard, &mut |difference| differences.put(&difference)).await
    }

    /// Which records are compared: all, or a part that is the same each time.
    fn picks(&self, context: &Context, all: u64) -> impl Fn(&RecordId) -> bool + use<> {
        let share = match self.0.compare {
            Compare::All => 1.0,
            Compare::Share(Share(share)) => share,
            Compare::Records(count) => count as f64 / all.max(1) as f64,
        };
        let salt = context.plan.file.name.clone();
        move |id: &RecordId| {
            if share >= 1.0 {
                return true;
            }
            let mut hash = Sha256::new();
            hash.update(salt.as_bytes());
            hash.update(id.as_str().as_bytes());
            let digest = hash.finalize();
            let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
            f64::from(number) < share * f64::from(u32::MAX)
        }
    }

    fn set(
        &self,
        context: &Context,
        total: &Comparison,
        extra: Option<u64>,
        target: &mut Measured,
    ) -> Result<()> {
        let n = total.compared;
        target
            .set("missing", Observed::count(total.missing), n)
            .set("mismatched", Observed::count(total.mismatched), n)
            .set("metadata_mismatched", Observed::count(total.metadata_mismatched), n)
            .set("max_difference", Observed::Number(total.max_difference), n)
            .set("schema_drift", Observed::count(total.drifted_fields.len() as u64), n);
        match extra {
            Some(extra) => target.set("extra", Observed::count(extra), n),
            None => target.set_not_measured("extra", "the target cannot list its ids"),
        };
        for field in &total.drifted_fields {
            context.note(format!("metadata field `{field}` changed its type"))?;
        }
        let figures = [
            ("compared", n as f64),
            ("missing", total.missing as f64),
            ("mismatched", total.mismatched as f64),
            ("metadata_mismatched", total.metadata_mismatched as f64),
        ];
        let figures: BTreeMap<_, _> =
            figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        context.record(Event::Measured { stage: context.id(), figures })
    }
}
