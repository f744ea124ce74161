//! Reads the source, compares it with what was copied, and checks the target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::against::Against;
use super::found::{Change, EXAMPLES, Found, Kind, Lack};
use super::ids::current_shards;
use super::unplanned::unplanned;
use super::walk::{Take, walk};
use crate::copy::{Difference, count_extra};
use crate::error::Result;
use crate::journal::{Transfer, copied, given};
use crate::model::{Contents, IndexStats, Namespace, Record, RecordId};
use crate::plan::file::Compare;
use crate::run::context::guard::agreed;
use crate::run::line::Lines;
use crate::run::sample::picks;
use crate::run::{Context, Progress};
use crate::store::read::Picks;

/// The number of namespaces read concurrently.
const PARALLEL: usize = 16;

/// The scope of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Depth {
    /// The source only: whether it still matches what was copied. The target is read only if the answer depends on it.
    Source,
    /// The target as well: whether it holds what was copied. Compares every record if the plan's verify stage does (or
    /// there is none), otherwise a sample and the counts.
    Both,
}

/// A configured look at both sides.
pub(in crate::run) struct Look<'a> {
    context: &'a Context,
    depth: Depth,
    copied: BTreeMap<Namespace, Vec<Transfer>>,
    lines: Lines,
    /// Selects the records to look up in the target.
    picks: Picks,
    /// Whether `picks` selects every record.
    is_whole: bool,
    /// Contents that have just been read and need not be read again.
    known: BTreeMap<Namespace, Contents>,
    done: AtomicU64,
}

/// The findings for one namespace.
#[derive(Default)]
struct Seen {
    read: Option<(Namespace, Contents)>,
    change: Option<Change>,
    lacking: Vec<Lack>,
    alike: Option<Namespace>,
    compared: u64,
    differing: u64,
}

impl<'a> Look<'a> {
    /// Prepares a look for the plan and the state of the run.
    ///
    /// # Errors
    /// `NotFound` if there is no source index.
    pub async fn of(context: &'a Context, depth: Depth) -> Result<Self> {
        let copied = copied(&context.state);
        let verifies = &context.plan.verifies;
        let is_whole =
            verifies.is_empty() || verifies.iter().any(|one| one.compare == Compare::All);
        let all = copied.values().flatten().map(Transfer::records).sum();
        let sampled = verifies.first().map_or(Compare::All, |verify| verify.compare);
        let compare = if is_whole { Compare::All } else { sampled };
        Ok(Self {
            context,
            depth,
            lines: Lines::of(context).await?,
            picks: Arc::new(picks(context, compare, all)),
            is_whole,
            copied,
            known: BTreeMap::new(),
            done: AtomicU64::new(0),
        })
    }

    /// Adds contents that have just been read, so that those namespaces are not read twice.
    pub fn having_read(self, known: BTreeMap<Namespace, Contents>) -> Self {
        Self { known, ..self }
    }

    /// Reads the source, and as much of the target as `depth` requires.
    ///
    /// # Errors
    /// `Refused` if something writes to the source meanwhile; any error of reading.
    pub async fn take(&self) -> Result<Found> {
        let counts = agreed(&self.context.clock, &*self.context.world.source).await?;
        let names: BTreeSet<Namespace> =
            counts.namespaces.keys().chain(self.copied.keys()).cloned().collect();
        let looks: Vec<_> = names
            .iter()
            .map(|name| self.namespace(name, counts.count(name), counts.total).boxed())
            .collect();
        let seen: Vec<Seen> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        let mut found = Found { counts, ..Found::default() };
        for seen in seen {
            found.read.extend(seen.read);
            found.changes.extend(seen.change);
            found.lacking.extend(seen.lacking);
            found.alike.extend(seen.alike);
            found.compared += seen.compared;
            found.differing += seen.differing;
        }
        if self.depth == Depth::Both {
            self.count_target(&mut found).await?;
        }
        self.count_again(&mut found).await?;
        Ok(found)
    }

    async fn namespace(&self, name: &Namespace, count: u64, total: u64) -> Result<Seen> {
        let seen = match self.copied.get(name) {
            None if count == 0 => Seen::default(),
            None => self.unplanned(name, count).await?,
            Some(transfers) if count == 0 => {
                let removed = transfers.iter().map(Transfer::records).max().unwrap_or(0);
                let change = Change { removed, ..Change::new(name, Kind::Vanished) };
                Seen { change: (removed > 0).then_some(change), ..Seen::default() }
            }
            Some(transfers) => self.planned(name, count, transfers).await?,
        };
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        self.context.progress(&Progress {
            stage: self.context.id(),
            unit: "records looked at",
            done,
            total: total.max(done),
            note: self.context.world.waiting(),
        });
        Ok(seen)
    }

    /// Examines a namespace for which no copy planned shards.
    async fn unplanned(&self, name: &Namespace, count: u64) -> Result<Seen> {
        let mut change = unplanned(self.context, name, count)?;
        if change.is_none() && self.depth == Depth::Source {
            return Ok(Seen::default());
        }
        let reading = self.read(name, count, &[], Vec::new()).await?;
        if let Some(change) = change.as_mut().filter(|change| change.kind == Kind::Appeared) {
            change.examples.clone_from(&reading.first);
        }
        Ok(Seen { read: Some((name.clone(), reading.contents)), change, ..Seen::default() })
    }

    /// Examines a namespace that was copied.
    async fn planned(&self, name: &Namespace, count: u64, transfers: &[Transfer]) -> Result<Seen> {
        let known = self.known.get(name).filter(|_| self.depth == Depth::Source);
        let first = match (known, self.depth) {
            (Some(known), _) => Reading { contents: *known, ..Reading::default() },
            (None, Depth::Source) => self.read(name, count, transfers, Vec::new()).await?,
            (None, Depth::Both) => {
                self.read(name, count, transfers, self.against(transfers, self.picks.clone()))
                    .await?
            }
        };
        let contents = first.contents;
        let mut seen = Seen {
            read: Some((name.clone(), contents)),
            compared: first.against.iter().map(|of| of.compared).sum(),
            differing: first.against.iter().map(|of| of.differing).sum(),
            ..Seen::default()
        };
        if contents.records == count
            && transfers.iter().all(|transfer| transfer.contents == Some(contents))
        {
            let lacks = first.against.iter().zip(transfers).filter(|(of, _)| of.lacking() > 0);
            seen.lacking = lacks.map(|(of, transfer)| lack(of, transfer)).collect();
            return Ok(seen);
        }
        let whole = match self.depth == Depth::Both && self.is_whole {
            true => first,
            false => {
                self.read(name, count, transfers, self.against(transfers, Arc::new(|_| true)))
                    .await?
            }
        };
        seen.change = self.worst(name, count, &whole, transfers).await?;
        let was_known = transfers.iter().any(|transfer| transfer.contents.is_some());
        seen.alike = (seen.change.is_none() && was_known).then(|| name.clone());
        Ok(seen)
    }

    async fn read<'b>(
        &self,
        name: &Namespace,
        count: u64,
        transfers: &[Transfer],
        against: Vec<Against<'b>>,
    ) -> Result<Reading<'b>> {
        let shards = current_shards(self.context, name, count, transfers.first()).await?;
        let mut reading = Reading { against, ..Reading::default() };
        let line = self.lines.get(transfers.first().map(|transfer| &transfer.copy));
        reading.contents = walk(self.context, line, &shards, &mut reading).await?;
        Ok(reading)
    }

    /// Returns the largest difference among the transfers of the namespace.
    async fn worst(
        &self,
        name: &Namespace,
        count: u64,
        whole: &Reading<'_>,
        transfers: &[Transfer],
    ) -> Result<Option<Change>> {
        let unreached = count.saturating_sub(whole.contents.records);
        let mut worst: Option<Change> = None;
        for (against, transfer) in whole.against.iter().zip(transfers) {
            let change = self.change(name, (count, unreached), against, transfer).await?;
            let size = |change: &Change| change.added + change.changed + change.removed;
            if size(&change) > worst.as_ref().map_or(0, size) {
                worst = Some(change);
            }
        }
        Ok(worst)
    }

    fn against<'b>(&'b self, transfers: &'b [Transfer], picks: Picks) -> Vec<Against<'b>> {
        let of = |transfer: &'b Transfer| {
            let line = self.lines.get(Some(&transfer.copy));
            Against::new(transfer, line, picks.clone())
        };
        transfers.iter().map(of).collect()
    }

    /// Computes how a namespace differs from the target, after all its records were looked up. `unreached` records are
    /// counted by the source, but nothing names their ids.
    async fn change(
        &self,
        name: &Namespace,
        (count, unreached): (u64, u64),
        against: &Against<'_>,
        transfer: &Transfer,
    ) -> Result<Change> {
        let added = against.lacking() + unreached;
        let mut examples = against.missing_examples.clone();
        examples.extend(against.differing_examples.clone());
        let mut removed = (transfer.records() + added).saturating_sub(count);
        if removed > 0 {
            let sources = self.sources_of(transfer);
            let mut extra_examples = Vec::new();
            let mut take = |difference: Difference| {
                if extra_examples.len() < EXAMPLES {
                    extra_examples.push(format!("`{}`", difference.id.shown()));
                }
                Ok(())
            };
            let pipeline = &self.lines.get(Some(&transfer.copy)).pipeline;
            let every: Picks = Arc::new(|_: &RecordId| true);
            let extra = count_extra(pipeline, &sources, &transfer.target, every, &mut take).await?;
            // Others are the target's own, and nobody knows which.
            if extra.is_some_and(|extra| extra <= removed) {
                examples.extend(extra_examples);
            }
            // A record gone from both sides makes no difference between them.
            removed = extra.map_or(removed, |extra| extra.min(removed));
        }
        examples.truncate(EXAMPLES);
        let (namespace, kind, changed) = (name.clone(), Kind::Differs, against.differing);
        Ok(Change { namespace, kind, added, changed, removed, examples })
    }

    /// Returns the source namespaces that were copied into the same target namespace.
    fn sources_of(&self, transfer: &Transfer) -> Vec<Namespace> {
        let goes_there =
            |transfers: &[Transfer]| transfers.iter().any(|other| other.target == transfer.target);
        let of = self.copied.iter().filter(|(_, transfers)| goes_there(transfers));
        of.map(|(source, _)| source.clone()).collect()
    }

    /// Adds target namespaces whose count is lower than the number of records copied into them. Records missing by id
    /// are part of that number, so only the excess is added.
    async fn count_target(&self, found: &mut Found) -> Result<()> {
        let counts = agreed(&self.context.clock, &*self.context.world.target).await?;
        let given = given(&self.context.state, &self.copied);
        for (namespace, given) in given {
            let short = given.saturating_sub(counts.count(&namespace));
            let of = found.lacking.iter_mut().filter(|lack| lack.namespace == namespace);
            let by_id: u64 = of.map(|lack| lack.missing).sum();
            // Records gone from the source too are reported as a change of the source.
            let gone: u64 = self.gone(found, &namespace);
            if short.saturating_sub(gone) > by_id {
                let missing = short - gone - by_id;
                found.lacking.push(Lack { namespace, missing, examples: Vec::new() });
            }
        }
        found.lacking.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        Ok(())
    }

    /// Records that were copied into a target namespace and are no longer in the source.
    fn gone(&self, found: &Found, target: &Namespace) -> u64 {
        let mut gone = 0;
        for (source, transfers) in &self.copied {
            let records = transfers
                .iter()
                .filter(|transfer| transfer.target == *target)
                .map(Transfer::records)
                .max();
            let now = found.counts.count(source);
            gone += records.map_or(0, |records| records.saturating_sub(now));
        }
        gone
    }

    /// Counts the source again and adds what changed during the look.
    async fn count_again(&self, found: &mut Found) -> Result<()> {
        let now = agreed(&self.context.clock, &*self.context.world.source).await?;
        for name in differing(&found.counts, &now) {
            if found.changes.iter().any(|change| change.namespace == name) {
                continue;
            }
            let (before, after) = (found.counts.count(&name), now.count(&name));
            let kind = match (before, self.copied.contains_key(&name)) {
                (0, false) => Kind::Appeared,
                _ if after == 0 => Kind::Vanished,
                _ => Kind::Differs,
            };
            found.changes.push(Change {
                added: after.saturating_sub(before),
                removed: before.saturating_sub(after),
                ..Change::new(&name, kind)
            });
        }
        found.changes.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        Ok(())
    }
}

/// Collects what is read from one namespace.
#[derive(Default)]
struct Reading<'a> {
    contents: Contents,
    against: Vec<Against<'a>>,
    first: Vec<String>,
}

#[async_trait]
impl Take for Reading<'_> {
    async fn take(&mut self, records: Vec<Record>) -> Result<()> {
        let left = EXAMPLES - self.first.len();
        self.first
            .extend(records.iter().take(left).map(|record| format!("`{}`", record.id.shown())));
        for against in &mut self.against {
            against.take(&records).await?;
        }
        Ok(())
    }
}

fn lack(against: &Against<'_>, transfer: &Transfer) -> Lack {
    Lack {
        namespace: transfer.target.clone(),
        missing: against.lacking(),
        examples: against.missing_examples.clone(),
    }
}

/// Returns the namespaces whose counts differ between two answers.
fn differing(a: &IndexStats, b: &IndexStats) -> Vec<Namespace> {
    let names: BTreeSet<&Namespace> = a.namespaces.keys().chain(b.namespaces.keys()).collect();
    names.into_iter().filter(|name| a.count(name) != b.count(name)).cloned().collect()
}
