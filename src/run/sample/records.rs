//! Samples records of each namespace.

use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};

use crate::copy::{Mapping, all_ids};
use crate::error::Result;
use crate::model::{Cursor, Record, RecordId, Share, Vector, Vectors};
use crate::plan::Plan;
use crate::plan::file::Compare;
use crate::run::Context;
use crate::store::{Query, Scope, Source, fetch_all};

/// The number of namespaces sampled concurrently.
const AT_ONCE: usize = 8;
/// The ids of a page, and the most pages read of one namespace.
const PAGE: usize = 100;
const PAGES: usize = 20;

/// A sampled record and its namespace on each side.
#[derive(Clone)]
pub(crate) struct Sampled {
    pub mapping: Mapping,
    pub record: Record,
}

/// Creates a random generator that repeats its numbers for the same plan and purpose.
pub(crate) fn seeded(plan: &Plan, purpose: &str) -> StdRng {
    let mut hash = Sha256::new();
    hash.update(plan.name.as_bytes());
    hash.update(purpose.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    StdRng::from_seed(digest)
}

/// Selects the records to compare out of `all`: every one, or a part that is the same each time.
pub(crate) fn picks(
    context: &Context,
    compare: Compare,
    all: u64,
) -> impl Fn(&RecordId) -> bool + use<> {
    let share = match compare {
        Compare::All => 1.0,
        Compare::Share(Share(share)) => share,
        Compare::Records(count) => count as f64 / all.max(1) as f64,
    };
    let salt = context.plan.name.clone();
    move |id: &RecordId| {
        if share >= 1.0 {
            return true;
        }
        let mut hash = Sha256::new();
        hash.update(salt.as_bytes());
        hash.update(id.text().as_bytes());
        let digest = hash.finalize();
        let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        f64::from(number) < share * f64::from(u32::MAX)
    }
}

/// Draws about `count` records, spread over the namespaces by size, with at least one from each while there are enough.
pub(crate) async fn sample(
    source: &dyn Source,
    dimension: usize,
    mappings: &[Mapping],
    count: u64,
    rng: &mut StdRng,
) -> Result<Vec<Sampled>> {
    let total: u64 = mappings.iter().map(|mapping| mapping.records).sum();
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    // Shares are rounded up, so that every namespace gets one while there are enough.
    let filled = mappings.iter().filter(|mapping| mapping.records > 0).take(most);
    let shares: Vec<_> = filled
        .map(|mapping| {
            let share = u128::from(count) * u128::from(mapping.records);
            let share = share.div_ceil(u128::from(total.max(1)));
            let wanted = usize::try_from(share).unwrap_or(usize::MAX).max(1);
            (mapping, wanted, StdRng::from_rng(&mut *rng))
        })
        .collect();
    let some = shares.into_iter().map(|(mapping, wanted, rng)| {
        async move { some_of(source, dimension, mapping, wanted, rng).await }.boxed()
    });
    let some: Vec<_> = some.collect();
    let mut sampled = stream::iter(some).buffered(AT_ONCE).try_concat().await?;
    // Fetches return records in any order, which must not affect the sample.
    sampled.sort_by(|a: &Sampled, b: &Sampled| {
        (&a.mapping.source, &a.mapping.target, &a.record.id).cmp(&(
            &b.mapping.source,
            &b.mapping.target,
            &b.record.id,
        ))
    });
    sampled.shuffle(rng);
    sampled.truncate(most);
    Ok(sampled)
}

/// Samples one namespace.
async fn some_of(
    source: &dyn Source,
    dimension: usize,
    mapping: &Mapping,
    wanted: usize,
    mut rng: StdRng,
) -> Result<Vec<Sampled>> {
    let ids = some_ids(source, dimension, mapping, wanted, &mut rng).await?;
    let fetch = source.must_fetch()?;
    let mut sampled = Vec::new();
    for part in ids.chunks(PAGE) {
        let records = fetch_all(&*fetch, &mapping.source, part).await?.into_iter();
        sampled.extend(records.map(|record| Sampled { mapping: mapping.clone(), record }));
    }
    Ok(sampled)
}

async fn some_ids(
    source: &dyn Source,
    dimension: usize,
    mapping: &Mapping,
    wanted: usize,
    rng: &mut StdRng,
) -> Result<Vec<RecordId>> {
    let mut ids = Vec::new();
    if source.whole().is_some() {
        let scope = Scope { namespace: &mapping.source, records: 0 };
        let mut all = all_ids(source, scope, &Cursor::Start).await?;
        let most = (wanted * 2).next_multiple_of(PAGE).min(PAGES * PAGE);
        ids.extend(all.next(most).await?.map(|chunk| chunk.ids).into_iter().flatten());
    } else {
        let vector = Vector::from_values((0..dimension).map(|_| rng.random_range(-1.0f32..1.0)));
        let limit = u32::try_from(wanted).unwrap_or(u32::MAX).min(source.limits().matches);
        let query = Query { vectors: Vectors::plain(vector, None), limit, ..Query::default() };
        let found = source.must_search()?.query(&mapping.source, &query).await?;
        ids.extend(found.into_iter().map(|found| found.id));
    }
    ids.sort();
    ids.shuffle(rng);
    ids.truncate(wanted);
    Ok(ids)
}
