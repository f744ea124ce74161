//! Whether both sides hold the same records.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::VerifyWork;
use super::differences::Differences;
use super::groups::Group;
use crate::assertion::Measured;
use crate::copy::{Comparison, Pipeline, compare_shard, count_extra};
use crate::error::Result;
use crate::journal::Event;
use crate::model::{Observed, RecordId, Share};
use crate::plan::file::Compare;
use crate::run::stage::copy::{lists_of, pipeline};
use crate::run::{Context, Progress};

/// Fields whose types differ that are told one by one.
const NAMED_DRIFTS: usize = 20;

type Picks = Arc<dyn Fn(&RecordId) -> bool + Send + Sync>;

impl VerifyWork {
    /// Compares record by record, and looks for records that only the target has.
    pub(super) async fn compare(
        &self,
        context: &Context,
        groups: &[Group],
        target: &mut Measured,
    ) -> Result<()> {
        let pipeline = pipeline(context, context.artifacts.join("unused.jsonl")).await?;
        let mut differences = Differences::new(context);
        let (mut total, mut extra) = (Comparison::default(), Some(0));
        let counts = context.world.target.stats().await?;
        let all = groups.iter().map(Group::expected).sum();
        let picks: Picks = Arc::new(self.picks(context, all));
        for group in groups {
            let before = (total.compared, total.missing);
            for state in &group.shards {
                let lists = lists_of(context, &state.shard, &pipeline)?;
                compare_shard(
                    &pipeline,
                    &state.shard,
                    lists,
                    self.0.tolerance,
                    picks.clone(),
                    &mut |comparison, found| {
                        total.add(comparison);
                        tell(context, total.compared, all);
                        found.iter().try_for_each(|difference| differences.put(difference))
                    },
                )
                .await?;
            }
            let (compared, missing) = (total.compared - before.0, total.missing - before.1);
            // As many as the target counts, each under an id of its own: there is no room for another.
            let proves_no_extra = self.0.compare == Compare::All
                && missing == 0
                && compared == counts.count(&group.target);
            let found = match proves_no_extra {
                true => Some(0),
                false => extra_of(&pipeline, group, &mut differences).await?,
            };
            extra = extra.zip(found).map(|(sum, found)| sum + found);
        }
        differences.finish()?;
        report(context, groups, &total, extra, all)?;
        set(target, &total, extra);
        Ok(())
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
}

async fn extra_of(
    pipeline: &Pipeline,
    group: &Group,
    differences: &mut Differences<'_>,
) -> Result<Option<u64>> {
    let sources = group.sources();
    count_extra(pipeline, &sources, &group.target, &mut |difference| differences.put(&difference))
        .await
}

fn tell(context: &Context, done: u64, all: u64) {
    context.recorder.progress(&Progress {
        stage: context.id(),
        unit: "records compared",
        done,
        total: all.max(done),
        note: context.world.waiting(),
    });
}

/// The sentences of the report; their numbers add up.
fn report(
    context: &Context,
    groups: &[Group],
    total: &Comparison,
    extra: Option<u64>,
    all: u64,
) -> Result<()> {
    let words = Observed::count;
    context.note(format!(
        "compared {} of {} records: {} equal, {} different, {} missing; {}",
        words(total.compared),
        words(all.max(total.compared)),
        words(total.equal),
        words(total.mismatched),
        words(total.missing),
        match extra {
            Some(extra) => format!("{} more in the target", words(extra)),
            None => "the target cannot list what it has beyond".to_owned(),
        }
    ))?;
    let refused: u64 = groups.iter().map(Group::refused).sum();
    if total.missing > 0 && refused > 0 {
        context.note(format!(
            "the target refused {} records while they were copied: they are missing for that reason",
            words(refused)
        ))?;
    }
    if total.vanished > 0 {
        context.note(format!(
            "{} ids were named by the source and were gone when they were fetched: something writes to it",
            words(total.vanished)
        ))?;
    }
    let drifts: Vec<_> = total.schemas.drifts().collect();
    for drift in drifts.iter().take(NAMED_DRIFTS) {
        context.note(drift.to_string())?;
    }
    if drifts.len() > NAMED_DRIFTS {
        context.note(format!("and {} fields more of other types", drifts.len() - NAMED_DRIFTS))?;
    }
    if total.schemas.has_more() {
        context.note(format!(
            "only the first {} metadata fields were followed; there are more",
            words(total.schemas.fields() as u64)
        ))?;
    }
    let figures = [
        ("compared", total.compared),
        ("equal", total.equal),
        ("missing", total.missing),
        ("mismatched", total.mismatched),
        ("values_mismatched", total.values_mismatched),
        ("metadata_mismatched", total.metadata_mismatched),
        ("vanished", total.vanished),
        ("schema_drift", drifts.len() as u64),
    ];
    let figures =
        figures.into_iter().map(|(name, value)| (name, Some(value))).chain([("extra", extra)]);
    let figures: BTreeMap<_, _> =
        figures.filter_map(|(name, value)| Some((name.to_owned(), value? as f64))).collect();
    context.record(Event::Measured { stage: context.id(), figures })
}

fn set(target: &mut Measured, total: &Comparison, extra: Option<u64>) {
    let n = total.compared;
    let both = n - total.missing;
    target
        .set("compared", Observed::count(n), n)
        .set("missing", Observed::count(total.missing), n)
        .set("mismatched", Observed::count(total.mismatched), n)
        .set("values_mismatched", Observed::count(total.values_mismatched), n)
        .set("metadata_mismatched", Observed::count(total.metadata_mismatched), n)
        .set("vanished", Observed::count(total.vanished), n + total.vanished)
        .set("max_difference", Observed::Number(total.max_difference), both)
        .set("schema_drift", Observed::count(total.schemas.drifts().count() as u64), both);
    match extra {
        Some(extra) => target.set("extra", Observed::count(extra), n),
        None => target.set_not_measured("extra", "the target cannot list its ids"),
    };
}
