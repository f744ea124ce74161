//! Makes queries of sampled records.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::filters::Filters;
use super::records::{Sampled, sample};
use crate::copy::{Places, Transform, merged};
use crate::error::{Error, Result};
use crate::model::Filter;
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::selection::Selection;
use crate::run::sides::{no_source, transform};
use crate::store::{Query, Search, Source};
use crate::traffic::ProbeQuery;

/// The most records per copy from which queries are made.
const DISTINCT: u64 = 2_000;

/// The number and kind of queries to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub count: u64,
    pub limit: u32,
    /// The share of queries with a filter.
    pub filtered: f64,
    /// The vector that is looked for, by its name in the source; the first that both sides have, if absent.
    pub using: Option<&'a str>,
}

/// The queries, and the records they were made from.
pub(crate) struct Asked {
    pub queries: Vec<ProbeQuery>,
    pub sampled: Vec<Sampled>,
    /// The number of filters of each form.
    pub filters: BTreeMap<&'static str, u64>,
}

/// Makes queries from source records of each of `selections`, in proportion to size. If a copy leaves records out, its
/// queries carry the copy's filter.
pub(crate) async fn ask(
    context: &Context,
    selections: &[Selection],
    wanted: Wanted<'_>,
    rng: &mut StdRng,
) -> Result<Asked> {
    let source = &context.world.source;
    let dimension = source.stats().await?.dimension.unwrap_or(0) as usize;
    let described = source.describe().await?.ok_or_else(|| no_source(context))?;
    let of_target = context.world.target.describe().await?.map(|seen| seen.spec);
    let is_hybrid = source.limits().hybrid_queries && context.world.target.limits().hybrid_queries;
    let filterable = described.spec.deployment.filterable.clone();
    let all: u64 = selections.iter().map(Selection::records).sum();
    let mut asked = Asked { queries: Vec::new(), sampled: Vec::new(), filters: BTreeMap::new() };
    for selection in selections {
        let share = u128::from(wanted.count) * u128::from(selection.records());
        let count = u64::try_from(share.div_ceil(u128::from(all.max(1)))).unwrap_or(u64::MAX);
        let (mappings, most) = (&selection.mappings, count.min(DISTINCT));
        let sampled = sample(&**source, dimension, mappings, most, rng).await?;
        let transform =
            transform(&context.plan, &selection.copy, &described.spec, of_target.as_ref())?;
        let mut filters = Filters::new(
            &sampled,
            &transform,
            filterable.as_deref(),
            sides(&**source, &*context.world.target),
        );
        wanted.using.map_or(Ok(()), |using| transform.places().refuse_using(using))?;
        let vectors = Asking { places: transform.places(), using: wanted.using, is_hybrid };
        let Wanted { limit, filtered, .. } = wanted;
        let mut own = queries((&sampled, vectors), &mut filters, count, limit, filtered, rng);
        answer_from_the_same(context, &mut own, selection, &transform, filterable.as_deref())?;
        asked.queries.extend(own);
        asked.sampled.extend(sampled);
        for (shape, count) in filters.made() {
            *asked.filters.entry(shape).or_default() += count;
        }
    }
    if selections.len() > 1 {
        asked.queries.shuffle(rng);
        asked.sampled.shuffle(rng);
    }
    asked.queries.truncate(usize::try_from(wanted.count).unwrap_or(usize::MAX));
    Ok(asked)
}

/// Which vectors of a record a query is made of.
#[derive(Clone, Copy)]
struct Asking<'a> {
    places: &'a Places,
    using: Option<&'a str>,
    is_hybrid: bool,
}

/// Makes queries from the vectors of sampled records, a share of them with a filter.
fn queries(
    (sampled, asking): (&[Sampled], Asking<'_>),
    filters: &mut Filters,
    count: u64,
    limit: u32,
    filtered: f64,
    rng: &mut StdRng,
) -> Vec<ProbeQuery> {
    if sampled.is_empty() {
        return Vec::new();
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut queries = Vec::new();
    for index in 0..count.min(100_000) {
        let one = &sampled[index % sampled.len()];
        let Asking { places, using, is_hybrid } = asking;
        let vectors = places.asked_with(&one.record.vectors, using, is_hybrid);
        if vectors.is_empty() {
            continue;
        }
        let wants_filter = is_filtered(index, filtered);
        let filter = if wants_filter { filters.next(one, rng) } else { None };
        queries.push(ProbeQuery {
            source_namespace: one.mapping.source.clone(),
            target_namespace: one.mapping.target.clone(),
            is_filtered: filter.is_some(),
            is_comparable: true,
            renamed: (!places.is_as_is()).then(|| places.arrange(vectors.clone())),
            query: Query { vectors, limit, filter },
        });
    }
    queries
}

/// Returns whether the query at `index` carries a filter. Filters are spread as evenly as the share allows.
fn is_filtered(index: usize, share: f64) -> bool {
    // Shares are decimals; rounding can leave their multiples just short of whole numbers.
    let filtered_before = |count: usize| (count as f64 * share + 1e-9).floor();
    filtered_before(index + 1) > filtered_before(index)
}

/// Adds the copy's filter to queries if the copy left records out, so that both sides answer from the same records. If
/// that is impossible (the source does not filter by such a field, the copy changes it, or namespaces were merged), the
/// answers are not compared.
fn answer_from_the_same(
    context: &Context,
    queries: &mut [ProbeQuery],
    Selection { copy, mappings }: &Selection,
    transform: &Transform,
    filterable: Option<&[String]>,
) -> Result<()> {
    let merged = merged(mappings);
    for query in queries.iter_mut().filter(|query| merged.contains(&query.target_namespace)) {
        query.is_comparable = false;
    }
    let Some(filter) = &copy.filter else { return Ok(()) };
    let knows =
        |field: &str| filterable.is_none_or(|fields| fields.iter().any(|known| known == field));
    let unsaid = unsaid(&*context.world.source, &*context.world.target, filter);
    let is_known = filter.fields().into_iter().all(knows);
    if !transform.keeps_what_is_filtered() || !is_known || unsaid.is_some() {
        queries.iter_mut().for_each(|query| query.is_comparable = false);
        let why = unsaid.map(|error| format!(" ({})", error.message())).unwrap_or_default();
        return context.note(format!(
            "{} cannot be asked of both sides{why}: answers of source and target are not compared",
            named(copy)
        ));
    }
    for query in queries {
        let own = query.query.filter.take();
        query.query.filter = Some(match own {
            Some(own) => filter.clone().and(own),
            None => filter.clone(),
        });
    }
    context.note(format!(
        "queries carry {}, so that both sides answer from the same records",
        named(copy)
    ))
}

/// Returns why one of two sides that can be searched cannot say a filter, as far as is known of them.
fn unsaid(source: &dyn Source, target: &dyn Source, filter: &Filter) -> Option<Error> {
    sides(source, target).iter().find_map(|side| side.says(filter).err())
}

fn sides(source: &dyn Source, target: &dyn Source) -> Vec<Arc<dyn Search>> {
    [source, target].into_iter().filter_map(Source::search).collect()
}

/// Describes the filters of copies that a side cannot be asked, a sentence each: answers of queries cannot be compared then.
pub(crate) fn unsaid_filters(
    source: &dyn Source,
    target: &dyn Source,
    selections: &[Selection],
) -> Vec<String> {
    let sentence = |Selection { copy, .. }: &Selection| {
        let error = unsaid(source, target, copy.filter.as_ref()?)?;
        Some(format!("{} cannot be asked of both sides: {}", named(copy), error.message()))
    };
    selections.iter().filter_map(sentence).collect()
}

/// Returns every k of `overlap@k` that the stage asserts on, and at least that of the queries.
pub(crate) fn overlap_ks(context: &Context, limit: u32) -> Vec<u32> {
    let asked = context
        .stage()
        .assertions
        .iter()
        .filter(|assertion| assertion.metric.name.ends_with("overlap"));
    let mut ks: Vec<u32> =
        asked.filter_map(|assertion| assertion.metric.argument.as_deref()?.parse().ok()).collect();
    ks.push(limit);
    ks.sort_unstable();
    ks.dedup();
    ks
}

/// Describes the filter of a copy.
fn named(copy: &CopyStage) -> String {
    match copy.is_only {
        true => "the copy's filter".to_owned(),
        false => format!("the filter of the copy `{}`", copy.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_queries_is_that_share() {
        for percent in 0..=100 {
            for count in [1, 10, 100, 500, 1000] {
                let share = f64::from(percent) / 100.0;
                let filtered = (0..count).filter(|index| is_filtered(*index, share)).count();
                assert_eq!(filtered, count * percent as usize / 100, "{percent}% of {count}");
            }
        }
    }
}
