//! Deleting what belongs to somebody from one index: found and counted, then deleted, then looked for until it is gone.
//!
//! Whole namespaces go by their names. Records of several namespaces go by a metadata filter: a pod counts and deletes
//! by the filter itself; any other index is walked, and every record is held against the filter here, so that a field
//! the index does not filter by is no way around it.

mod walk;

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, after};
use crate::copy::choose;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Deployment, Identity, IndexStats, Namespace, RecordFilter, Side, Span};
use crate::plan::file;
use crate::provider::{Admin, Filter};
use crate::run::guard::{ErasePermit, permit_erasure};

/// How long deleted records may still be seen.
const GONE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(500);
/// Namespaces that are worked on at once.
const PARALLEL: usize = 8;
/// Namespaces that an error names.
const NAMED: usize = 5;

/// What is asked for: namespaces by globs (none = all), and of these all records or those that pass a filter.
#[derive(Clone, Debug)]
pub struct Wanted {
    globs: Vec<String>,
    condition: Option<Condition>,
}

#[derive(Clone, Debug)]
struct Condition {
    asked: Filter,
    read: RecordFilter,
    /// Whether `read` is stricter than what an index makes of `asked`.
    is_literal: bool,
}

/// A namespace that holds something of what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    pub namespace: Namespace,
    /// All its records, by the index's own count.
    pub records: u64,
    /// Those that are wanted.
    pub matching: u64,
}

impl Wanted {
    /// # Errors
    /// `Invalid` where the filter is none.
    pub fn new(globs: Vec<String>, filter: Option<serde_json::Value>) -> Result<Self> {
        Self::literally(globs, filter, &[])
    }

    /// The same with equality taken to the letter for some fields: a list that holds a value does not equal it, whatever an
    /// index makes of the filter.
    ///
    /// # Errors
    /// As [`Wanted::new`].
    pub fn literally(
        globs: Vec<String>,
        filter: Option<serde_json::Value>,
        fields: &[String],
    ) -> Result<Self> {
        let condition = match filter {
            None => None,
            Some(filter) => {
                let read = RecordFilter::read(&filter).map_err(|problem| {
                    Error::invalid(format!("the filter cannot be read: {}", problem.message))
                })?;
                let read = read.literally(fields);
                Some(Condition { asked: Filter(filter), read, is_literal: !fields.is_empty() })
            }
        };
        Ok(Self { globs, condition })
    }

    /// The chosen namespaces that hold records, with their counts.
    fn namespaces(&self, stats: &IndexStats) -> Result<Vec<(Namespace, u64)>> {
        let asked = file::Namespaces { select: self.globs.clone(), ..Default::default() };
        let chosen = choose(stats, Some(&asked))?;
        Ok(chosen.into_iter().filter(|(_, records)| *records > 0).collect())
    }
}

/// One index and what is wanted of it.
pub struct Erasure {
    pub index: Arc<dyn Admin>,
    pub wanted: Wanted,
    pub clock: Clock,
    pub cancel: CancellationToken,
}

impl Erasure {
    /// What there is, in bytewise order of namespaces. Deletes nothing.
    ///
    /// # Errors
    /// `NotFound` where there is no such index; `Refused` where a pod does not index a field of the filter, and would
    /// count 0 whatever it holds.
    pub async fn find(&self) -> Result<Vec<Holding>> {
        let description = self.index.describe().await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no such index")
                .with_hint("check the index's name and that the API key belongs to its project")
        })?;
        let namespaces = self.wanted.namespaces(&self.index.stats().await?)?;
        let Some(condition) = &self.wanted.condition else {
            let whole = |(namespace, records)| Holding { namespace, records, matching: records };
            return Ok(namespaces.into_iter().map(whole).collect());
        };
        if self.index.capabilities().filtered_count {
            refuse_unindexed(&description.spec.deployment, condition)?;
            let counted = self.counted(condition, namespaces).await?;
            return match condition.is_literal {
                true => self.literal(condition, counted).await,
                false => Ok(counted),
            };
        }
        let walks = stream::iter(namespaces).map(|(namespace, records)| async move {
            let matching =
                walk::count(&*self.index, &namespace, &condition.read, &self.cancel).await?;
            Ok::<_, Error>(Holding { namespace, records, matching })
        });
        let mut found: Vec<Holding> = walks
            .buffer_unordered(PARALLEL)
            .try_filter(|holding| std::future::ready(holding.matching > 0))
            .try_collect()
            .await?;
        found.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        Ok(found)
    }

    async fn counted(
        &self,
        condition: &Condition,
        namespaces: Vec<(Namespace, u64)>,
    ) -> Result<Vec<Holding>> {
        // The total of this answer counts all records, whatever the filter.
        let counts = self.index.filtered_stats(&condition.asked).await?;
        let holding = |(namespace, records)| {
            let matching = counts.count(&namespace);
            Holding { namespace, records, matching }
        };
        let all = namespaces.into_iter().map(holding);
        Ok(all.filter(|holding| holding.matching > 0).collect())
    }

    /// Of what a pod counts by its filter, what passes to the letter.
    async fn literal(&self, condition: &Condition, counted: Vec<Holding>) -> Result<Vec<Holding>> {
        let mut found = Vec::new();
        for holding in counted {
            let seen = self.queried(condition, &holding.namespace).await?;
            let all_pass = seen.asked == seen.passing.len();
            if holding.matching > seen.asked as u64 && !all_pass {
                let message = format!(
                    "more than {} records of `{}` have the value or hold it in a list, and this index cannot list them apart",
                    seen.asked, holding.namespace
                );
                return Err(Error::new(ErrorKind::Refused, message).with_hint(
                    "`--holds` means both; or delete the ids from your system of record",
                ));
            }
            let matching = if all_pass { holding.matching } else { seen.passing.len() as u64 };
            found.push(Holding { matching, ..holding });
        }
        found.retain(|holding| holding.matching > 0);
        Ok(found)
    }

    async fn queried(&self, condition: &Condition, namespace: &Namespace) -> Result<walk::Seen> {
        walk::query(&*self.index, namespace, &condition.asked, &condition.read).await
    }

    /// The right to erase what was `shown`: the index is the one whose name was `confirmed` and, where a run is open, the
    /// `known` one, and holds what was shown.
    ///
    /// # Errors
    /// `Refused` with what differs.
    pub async fn permit(
        &self,
        confirmed: &str,
        known: Option<(Side, &Identity)>,
        shown: &[Holding],
    ) -> Result<ErasePermit> {
        permit_erasure(&*self.index, confirmed, known, shown).await
    }

    /// Deletes what was permitted and waits until the index shows none of it. `alive` is called now and then.
    ///
    /// # Errors
    /// `Timeout` where something is still shown after 5 minutes; those of deleting. Doing it again is safe.
    pub async fn erase(
        &self,
        permit: ErasePermit,
        alive: &mut (dyn FnMut() -> Result<()> + Send),
    ) -> Result<()> {
        let found = &permit.into_inner();
        let mut deletions =
            stream::iter(found.iter().map(|holding| self.delete(&holding.namespace)))
                .buffer_unordered(PARALLEL);
        while let Some(deleted) = deletions.next().await {
            deleted?;
            alive()?;
        }
        let deadline = after(self.clock.now(), GONE);
        loop {
            alive()?;
            let left = self.left(found).await?;
            if left.is_empty() {
                return Ok(());
            }
            if self.clock.now() >= deadline {
                return Err(still_there(&left));
            }
            tokio::select! {
                () = self.clock.sleep(PAUSE) => {}
                () = self.cancel.cancelled() => return Err(interrupted()),
            }
            if self.wanted.condition.is_some() {
                for holding in &left {
                    // What a page did not show yet when it was walked.
                    self.delete(&holding.namespace).await?;
                }
            }
        }
    }

    async fn delete(&self, namespace: &Namespace) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(interrupted());
        }
        match &self.wanted.condition {
            None => self.index.delete_namespace(namespace).await,
            Some(condition) if self.index.capabilities().filtered_count => {
                if !condition.is_literal {
                    return self.index.delete_matching(namespace, &condition.asked).await;
                }
                let ids = self.queried(condition, namespace).await?.passing;
                walk::delete_ids(&*self.index, namespace, &ids).await
            }
            Some(condition) => {
                walk::delete(&*self.index, namespace, &condition.read, &self.cancel).await
            }
        }
    }

    /// What is still shown of what was found.
    async fn left(&self, found: &[Holding]) -> Result<Vec<Holding>> {
        let mut now = self.find().await?;
        now.retain(|holding| found.iter().any(|known| known.namespace == holding.namespace));
        Ok(now)
    }
}

fn refuse_unindexed(deployment: &Deployment, condition: &Condition) -> Result<()> {
    let Deployment::Pod { indexed: Some(indexed), .. } = deployment else { return Ok(()) };
    let fields = condition.read.fields();
    match fields.into_iter().find(|field| !indexed.iter().any(|name| name == field)) {
        None => Ok(()),
        Some(field) => Err(Error::new(
            ErrorKind::Refused,
            format!("the pod index does not index the metadata field `{field}`, so it finds nothing by it"),
        )
        .with_hint("delete by namespace with `--match`, or delete the ids from your system of record")),
    }
}

fn still_there(left: &[Holding]) -> Error {
    let named: Vec<String> = left
        .iter()
        .take(NAMED)
        .map(|holding| format!("{} in `{}`", holding.matching, holding.namespace))
        .collect();
    let more = match left.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} namespaces more"),
    };
    let message = format!("still there after {}: {}{more} records", Span(GONE), named.join(", "));
    Error::new(ErrorKind::Timeout, message)
        .with_hint("see that nothing writes them again, then run the same command once more")
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted; what was deleted stays deleted")
        .with_hint("run the same command again to delete the rest")
}
