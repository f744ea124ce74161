//! Erases records from one index on request: finds and counts them, deletes them, and waits until they are gone.
//!
//! Whole namespaces are deleted by name. Records across namespaces are chosen by a metadata filter: a pod counts and
//! deletes by the filter itself; any other index is walked and every record is tested here, so that no record escapes
//! because the index does not filter by a field.

mod walk;

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Patience, ask};
use crate::copy::choose;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Deployment, Filter, Identity, IndexStats, Namespace, Side, Span, plural};
use crate::plan::file;
use crate::run::context::guard::{ErasePermit, Holding, counted, permit_erasure};
use crate::store::{Filtering, Store};

/// The longest time that deleted records may remain visible.
const GONE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(500);
/// The number of namespaces worked on concurrently.
const PARALLEL: usize = 8;
/// The most namespaces named in an error.
const NAMED: usize = 5;

/// The records to erase: namespaces by globs (none means all), and in these every record or those that match a filter.
#[derive(Clone, Debug)]
pub struct Wanted {
    globs: Vec<String>,
    condition: Option<Condition>,
}

#[derive(Clone, Debug)]
struct Condition {
    /// What the index is asked.
    asked: Filter,
    /// What is meant, which may be stricter than what an index can be asked.
    meant: Filter,
}

impl Condition {
    fn is_literal(&self) -> bool {
        self.asked != self.meant
    }
}

impl Wanted {
    /// Creates a request from globs and an optional filter.
    ///
    /// # Errors
    /// `Invalid` if the filter is not valid.
    pub fn new(globs: Vec<String>, filter: Option<serde_json::Value>) -> Result<Self> {
        Self::literally(globs, filter, &[])
    }

    /// Creates a request that compares some fields strictly: a list that contains a value does not equal it, even if
    /// the index says so.
    ///
    /// # Errors
    /// Any error of [`Wanted::new`].
    pub fn literally(
        globs: Vec<String>,
        filter: Option<serde_json::Value>,
        fields: &[String],
    ) -> Result<Self> {
        let condition = match filter {
            None => None,
            Some(filter) => {
                let asked = Filter::read(&filter).map_err(|problem| {
                    Error::invalid(format!("the filter cannot be read: {}", problem.message))
                        .with_context("place", problem.pointer)
                })?;
                let meant = asked.clone().literally(fields);
                Some(Condition { asked, meant })
            }
        };
        Ok(Self { globs, condition })
    }

    /// Returns the chosen namespaces that hold records, with their counts.
    fn namespaces(&self, stats: &IndexStats) -> Result<Vec<(Namespace, u64)>> {
        let asked = file::Namespaces { select: self.globs.clone(), ..Default::default() };
        let chosen = choose(stats, Some(&asked))?;
        Ok(chosen.into_iter().filter(|(_, records)| *records > 0).collect())
    }
}

/// An erasure of records from one index.
pub struct Erasure {
    pub index: Arc<dyn Store>,
    pub wanted: Wanted,
    pub clock: Clock,
    pub cancel: CancellationToken,
}

impl Erasure {
    /// Finds the records to erase, by namespace in bytewise order. Deletes nothing.
    ///
    /// # Errors
    /// `NotFound` if there is no such index; `Refused` if a pod does not index a field of the filter, because it would
    /// count 0 whatever it holds.
    pub async fn find(&self) -> Result<Vec<Holding>> {
        let description = self.index.describe().await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no such index")
                .with_hint("check the index's name and that the API key belongs to its project")
        })?;
        let namespaces = self.wanted.namespaces(&counted(&*self.index).await?)?;
        let Some(condition) = &self.wanted.condition else {
            let whole = |(namespace, records)| Holding { namespace, records, matching: records };
            return Ok(namespaces.into_iter().map(whole).collect());
        };
        if let Some(filtering) = self.index.filtering() {
            refuse_unindexed(&description.spec.deployment, condition)?;
            filtering.says(&condition.asked)?;
            let counted = self.counted(&*filtering, condition, namespaces).await?;
            return match condition.is_literal() {
                true => self.literal(condition, counted).await,
                false => Ok(counted),
            };
        }
        let walks = stream::iter(namespaces).map(|(namespace, records)| async move {
            let matching =
                walk::count(&*self.index, &namespace, &condition.meant, &self.cancel).await?;
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
        filtering: &dyn Filtering,
        condition: &Condition,
        namespaces: Vec<(Namespace, u64)>,
    ) -> Result<Vec<Holding>> {
        // This answer's total counts all records, regardless of the filter.
        let counts = filtering.count(&condition.asked).await?;
        let holding = |(namespace, records)| {
            let matching = counts.count(&namespace);
            Holding { namespace, records, matching }
        };
        let all = namespaces.into_iter().map(holding);
        Ok(all.filter(|holding| holding.matching > 0).collect())
    }

    /// Reduces what a pod counted by its filter to the records that match strictly.
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
        walk::query(&*self.index, namespace, &condition.asked, &condition.meant).await
    }

    /// Grants the right to erase what was `shown`, provided that the index is the one whose name was `confirmed` (and,
    /// if a run is open, the `known` one) and still holds what was shown.
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

    /// Deletes the permitted records and waits until the index no longer shows them.
    ///
    /// # Errors
    /// `Timeout` if records are still visible after 5 minutes; any error of deleting. Safe to repeat.
    pub async fn erase(&self, permit: ErasePermit) -> Result<()> {
        let found = &permit.into_inner();
        let mut deletions =
            stream::iter(found.iter().map(|holding| self.delete(&holding.namespace)))
                .buffer_unordered(PARALLEL);
        while let Some(deleted) = deletions.next().await {
            deleted?;
        }
        let mut looks = 0;
        let look = || {
            looks += 1;
            let is_again = looks > 1;
            async move {
                let left = self.left(found).await?;
                if is_again && self.wanted.condition.is_some() {
                    for holding in &left {
                        // Catches records that had not appeared in the pages when they were walked.
                        self.delete(&holding.namespace).await?;
                    }
                }
                Ok(if left.is_empty() { Break(()) } else { Continue(left) })
            }
        };
        let patience = Patience { limit: GONE, pause: PAUSE };
        let rest = || self.sleep(patience.pause);
        match ask(patience.from_now(&self.clock), look, rest).await? {
            Break(()) => Ok(()),
            Continue(left) => Err(still_there(&left)),
        }
    }

    async fn sleep(&self, pause: Duration) -> Result<()> {
        tokio::select! {
            () = self.clock.sleep(pause) => Ok(()),
            () = self.cancel.cancelled() => Err(walk::interrupted()),
        }
    }

    async fn delete(&self, namespace: &Namespace) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(walk::interrupted());
        }
        let remove = self.index.must_remove()?;
        match &self.wanted.condition {
            None => remove.delete_namespace(namespace).await,
            Some(condition) if self.index.filtering().is_some() => {
                if !condition.is_literal() {
                    return remove.delete_matching(namespace, &condition.asked).await;
                }
                let ids = self.queried(condition, namespace).await?.passing;
                walk::delete_ids(&*self.index, namespace, &ids).await
            }
            Some(condition) => {
                walk::delete(&*self.index, namespace, &condition.meant, &self.cancel).await
            }
        }
    }

    /// Returns what is still visible of what was found.
    async fn left(&self, found: &[Holding]) -> Result<Vec<Holding>> {
        let mut now = self.find().await?;
        now.retain(|holding| found.iter().any(|known| known.namespace == holding.namespace));
        Ok(now)
    }
}

fn refuse_unindexed(deployment: &Deployment, condition: &Condition) -> Result<()> {
    let Some(indexed) = &deployment.filterable else { return Ok(()) };
    let fields = condition.meant.fields();
    match fields.into_iter().find(|field| !indexed.iter().any(|name| name == field)) {
        None => Ok(()),
        Some(field) => Err(Error::new(
            ErrorKind::Refused,
            format!(
                "the index does not index the metadata field `{field}`, so it finds nothing by it"
            ),
        )
        .with_hint(
            "delete by namespace with `--match`, or delete the ids from your system of record",
        )),
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
        more => format!(" and {} more", plural(more as u64, "namespace")),
    };
    let message = format!("records still there after {}: {}{more}", Span(GONE), named.join(", "));
    Error::new(ErrorKind::Timeout, message)
        .with_hint("see that nothing writes them again, then run the same command once more")
}
