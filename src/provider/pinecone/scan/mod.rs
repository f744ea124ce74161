//! How the records of an index are read: its ids by one of three enumerations, and their records by id.
//!
//! A serverless index lists its ids (`listing`). A pod cannot: a namespace of at most 10,000 records is swept by one query
//! (`sweep`), and a larger one is split by metadata into cells that can be swept (`partition`). `split` chooses.

mod by;
mod listing;
mod listing_part;
mod listing_walk;
mod partition;
mod split;
mod sweep;

use std::sync::Arc;

use async_trait::async_trait;

use self::by::By;
use self::listing::Listing;
use self::listing_walk::Lister;
pub use self::sweep::SWEEP_LIMIT;
use self::sweep::Sweep;
use super::index::Index;
use super::plane::IdPage;
use crate::error::Result;
use crate::model::{Cursor, Namespace, Range};
use crate::store::read::{Ids, NoIds, Pages, Reading, pages_by_id};
use crate::store::{Asked, Describe, Fetch, Filtering, Promise, Scan, Scope, Split};

#[async_trait]
impl Scan for Index {
    fn promise(&self) -> Promise {
        Promise::ONCE
    }

    fn whole(&self) -> Option<Range> {
        self.is_serverless().then(|| By::List.range())
    }

    async fn split(&self, scope: Scope<'_>, asked: Asked<'_>) -> Result<Split> {
        split::split(self, scope, asked).await
    }

    fn is_bound(&self, range: &Range) -> bool {
        !matches!(By::of(range), Ok(By::List))
    }

    async fn recount(&self, namespace: &Namespace, range: &Range) -> Result<Option<u64>> {
        let by = By::of(range)?;
        let Some(filter) = by.filter() else { return Ok(None) };
        Ok(Some(self.count(filter).await?.count(namespace)))
    }

    async fn ids(&self, scope: Scope<'_>, range: &Range, after: &Cursor) -> Result<Box<dyn Ids>> {
        if *after == Cursor::End {
            return Ok(Box::new(NoIds));
        }
        Ok(match By::of(range)? {
            By::List => Box::new(Listing::start(
                Arc::new(self.clone()),
                scope.namespace.clone(),
                after,
                (self.turns().clone(), scope.records),
            )?),
            by => Box::new(Sweep::start(self, scope, by.filter(), after).await?),
        })
    }

    async fn read(
        &self,
        scope: Scope<'_>,
        range: &Range,
        after: &Cursor,
        reading: &Reading,
    ) -> Result<Pages> {
        let ids = self.ids(scope, range, after).await?;
        let fetch: Arc<dyn Fetch> = Arc::new(self.clone());
        Ok(pages_by_id(fetch, scope.namespace, ids, reading))
    }
}

#[async_trait]
impl Lister for Index {
    async fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<IdPage> {
        Self::list(self, namespace, prefix, page).await
    }
}

impl Index {
    /// Components of a vector, for queries that find ids; 0 if that is not known.
    async fn dimension(&self) -> Result<usize> {
        let seen = match self.seen() {
            Some(seen) => Some(seen),
            None => {
                self.describe().await?;
                self.seen()
            }
        };
        Ok(seen.and_then(|seen| seen.spec.dimension).unwrap_or(0) as usize)
    }
}
