//! What an audit reads: both sides, a sample of the records and the log of queries.

use super::hot::{self, QueryLog};
use crate::copy::Mapping;
use crate::error::Result;
use crate::model::{IndexDescription, IndexStats};
use crate::plan::file::Audit;
use crate::provider::advice::Candidate;
use crate::provider::blocking;
use crate::run::Context;
use crate::run::route::{Sides, candidates, facts_of, held_by, see_distinct};
use crate::run::sample::{Sampled, Weight, sample_of, sample_size};
use crate::run::selection::{Selection, selections};
use crate::run::sides::no_source;
use crate::store::Inventory;

/// Everything the audit has read.
pub(super) struct Seen {
    pub index: IndexDescription,
    pub stats: IndexStats,
    /// The namespaces each copy takes.
    pub selections: Vec<Selection>,
    /// The namespaces of all copies together.
    pub mappings: Vec<Mapping>,
    pub sampled: Vec<Sampled>,
    pub target: Option<IndexDescription>,
    /// The estimated size of each copy.
    pub weights: Vec<Weight>,
    pub candidates: Vec<Candidate>,
    pub log: Option<QueryLog>,
    pub inventory: Option<Inventory>,
}

impl Seen {
    /// Looks at the source and, where it is there, at the target.
    ///
    /// # Errors
    /// `NotFound` if there is no source.
    pub async fn look(wanted: &Audit, context: &Context) -> Result<Self> {
        let source = &context.world.source;
        let index = source.describe().await?.ok_or_else(|| no_source(context))?;
        let stats = source.stats().await?;
        let selections = selections(&context.plan, &stats)?;
        see_distinct(&**source).await?;
        let all = selections.iter().flat_map(|selection| selection.mappings.clone());
        let mappings: Vec<Mapping> = all.collect();
        let (plan, count) = (&context.plan, sample_size(&context.plan, wanted.sample));
        let sampled = sample_of(plan, &context.world, &index.spec, &selections, count).await?;
        let target = context.world.target.describe().await?;
        let held = held_by(&context.world, target.as_ref()).await?;
        let (mut weights, mut possible) = (Vec::new(), Vec::new());
        for selection in &selections {
            let (source, target) = (&index.spec, target.as_ref());
            let sides = (source, target.map(|seen| &seen.spec));
            let weight = Weight::of(plan, selection, sides, &sampled)?;
            let sides = Sides { source, stats: &stats, target, held: &held };
            let facts = facts_of(plan, &context.world, selection, sides, &weight);
            possible.extend(candidates(&facts, &[]));
            weights.push(weight);
        }
        let log = query_log(wanted, context, &stats).await?;
        let inventory = source.inventory().await?;
        Ok(Self {
            index,
            stats,
            selections,
            mappings,
            sampled,
            target,
            weights,
            candidates: possible,
            log,
            inventory,
        })
    }
}

async fn query_log(
    wanted: &Audit,
    context: &Context,
    stats: &IndexStats,
) -> Result<Option<QueryLog>> {
    let Some(pattern) = wanted.query_log.clone() else { return Ok(None) };
    let base = context.plan.base.clone();
    let known = stats.namespaces.keys().cloned().collect();
    blocking(move || hot::read(&base, &pattern, known)).await.map(Some)
}
