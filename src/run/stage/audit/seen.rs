//! What an audit reads: both sides, a sample of the records and the log of queries.

use super::hot::{self, QueryLog};
use crate::blocking::blocking;
use crate::copy::Mapping;
use crate::error::{ErrorKind, Result};
use crate::model::{IndexDescription, IndexStats};
use crate::plan::file::Audit;
use crate::provider::advice::Candidate;
use crate::provider::registry::asked_for;
use crate::run::Context;
use crate::run::route::{Sides, candidates, facts_of, held_by, see_distinct};
use crate::run::sample::{Sampled, Weight, sample_of, sample_size};
use crate::run::selection::{Selection, selections};
use crate::run::sides::no_source;
use crate::store::{Inventory, Obstacle};

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
    /// The same of the target, for whoever writes there.
    pub target_inventory: Inventory,
}

/// What an audit could look at.
pub(super) enum Looked {
    All(Box<Seen>),
    /// Something keeps the source from being read.
    Outside(Box<Outside>),
}

/// What can be said of both sides without reading a record.
pub(super) struct Outside {
    pub index: IndexDescription,
    pub stats: IndexStats,
    pub inventory: Inventory,
    pub target_inventory: Inventory,
}

impl Seen {
    /// Looks at the source and, where it is there, at the target.
    ///
    /// # Errors
    /// `NotFound` if there is no source.
    pub async fn look(wanted: &Audit, context: &Context) -> Result<Looked> {
        let source = &context.world.source;
        let index = source.describe().await?.ok_or_else(|| no_source(context))?;
        let stats = match source.stats().await {
            // The store may know why its records cannot be counted.
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                let inventory = source.inventory().await?.unwrap_or_default();
                Obstacle::refuse(&inventory.obstacles)?;
                return Err(error);
            }
            stats => stats?,
        };
        let inventory = source.inventory().await?;
        let target_inventory = of_target(context).await?;
        let is_blocked = |inventory: &Inventory| !inventory.obstacles.is_empty();
        if let Some(inventory) = inventory.clone().filter(is_blocked) {
            let outside = Outside { index, stats, inventory, target_inventory };
            return Ok(Looked::Outside(Box::new(outside)));
        }
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
        Ok(Looked::All(Box::new(Self {
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
            target_inventory,
        })))
    }
}

async fn of_target(context: &Context) -> Result<Inventory> {
    context.world.target.must_write()?.inventory(asked_for(&context.plan).as_ref()).await
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
