//! Parquet files as a source: a folder or a bucket's prefix with files of records (see [`super::parquet`]).
//!
//! A record's namespace is in its row; if a file has no such column, it is the first folder in the file's path, as in
//! a bulk import. Every file is read, named as not read, or refused ([`survey`]), and so is every column of a
//! file. Of files of a bucket the ranges are read that are needed.
//!
//! Files are read in their own order, row group by row group ([`walk`]): the footers say what is in them ([`census`]), a
//! range is a row of row groups, and a place in it a row ([`span`]). Nothing is sorted. That no id is twice is looked for
//! once, before the first copy ([`doubles`]), and a record is found by its id with a pass over the ids ([`lookup`]).

mod agreed;
mod census;
mod connector;
mod doubles;
mod kept;
mod lookup;
mod one_file;
mod shelf;
mod span;
mod survey;
mod walk;

#[cfg(test)]
mod bucket_tests;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::FutureExt;

use self::census::{Census, Held};
pub(super) use self::connector::ParquetFiles;
use self::lookup::{IDS_A_PASS, Listed};
use self::one_file::OneFile;
use self::shelf::Shelf;
use self::span::{Group, Groups, Way};
use self::walk::{Start, Walk};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, IndexDescription, IndexStats, Namespace, Range, Record, RecordId};
use crate::plan::file::{Columns, NamedEnumeration};
use crate::storage::S3Options;
use crate::store::calls::{Calls, Operation, Request};
use crate::store::read::{Ids, Pages, Reading};
use crate::store::{
    Asked, Describe, Fetch, Inventory, Limits, Opened, Passes, Promise, Scan, Scope, Source, Split,
    Splitting, Store, Target,
};

/// Rows of a range that is worth a walk of its own.
const RANGE_ROWS: u64 = 100_000;

/// The most ranges of a namespace.
const MOST_RANGES: u64 = 16;

const LIMITS: Limits = Limits {
    upsert_records: 0,
    upsert_bytes: 0,
    fetch_ids: 1_000,
    delete_ids: 0,
    matches: 0,
    metadata_bytes: usize::MAX,
    id_chars: usize::MAX,
    dimension: u32::MAX,
    sparse_values: usize::MAX,
    hybrid_queries: false,
};

/// Parquet files read as an index. Cloning shares what was found.
#[derive(Clone)]
pub struct Files {
    shelf: Arc<Shelf>,
    listed: Arc<Listed>,
    calls: Calls,
}

impl Files {
    /// Makes the source without touching any file. A relative path starts from `base`; `columns` says where the parts
    /// of a record are.
    pub fn new(name: &str, base: &Path, s3: S3Options, columns: Columns) -> Self {
        let shelf = Arc::new(Shelf::new(name, base, s3, columns));
        Self { shelf, listed: Arc::default(), calls: Calls::bare() }
    }

    async fn walk<T: super::parquet::Part>(&self, start: Start<'_>) -> Result<Walk<T>> {
        Walk::begin((&self.shelf, self.listed.clone(), self.calls.clone()), start).await
    }

    /// Splits a namespace at the borders of row groups.
    async fn cut(&self, scope: Scope<'_>) -> Result<Vec<Splitting>> {
        let (files, census) = (self.shelf.files().await?, self.shelf.census().await?);
        let most = (scope.records / RANGE_ROWS).clamp(1, MOST_RANGES);
        Ok(cut(census, files, scope.namespace, most))
    }
}

/// Returns up to so many ranges of about as many rows each, with their counts.
fn cut(census: &Census, files: &[OneFile], namespace: &Namespace, most: u64) -> Vec<Splitting> {
    let held: Vec<Held> = census.of(namespace).collect();
    let all: u64 = held.iter().map(|held| held.rows).sum();
    let each = all.div_ceil(most.max(1)).max(1);
    let name = |held: &Held| Group(held.of(files).path.to_string(), held.group as usize);
    let of = census.identity(namespace, files);
    let (mut ranges, mut from, mut records) = (Vec::new(), None, 0);
    for (at, group) in held.iter().enumerate() {
        records += group.rows;
        let until = held.get(at + 1).filter(|_| records >= each).map(name);
        if until.is_some() || at + 1 == held.len() {
            let groups = Groups { from: from.take(), until: until.clone(), of: of.clone() };
            ranges.push(Splitting { range: Way::Groups(groups).range(), records });
            (from, records) = (until, 0);
        }
    }
    if ranges.is_empty() {
        let groups = Groups { of, ..Groups::default() };
        ranges.push(Splitting { range: Way::Groups(groups).range(), records });
    }
    ranges
}

impl Opened for Files {
    fn through(&self, calls: Calls) -> Arc<dyn Store> {
        Arc::new(Self { calls, ..self.clone() })
    }
}

impl Source for Files {
    fn limits(&self) -> Limits {
        LIMITS
    }

    fn scan(&self) -> Option<Arc<dyn Scan>> {
        Some(Arc::new(self.clone()))
    }

    fn fetch(&self) -> Option<Arc<dyn Fetch>> {
        Some(Arc::new(self.clone()))
    }
}

impl Target for Files {}

impl Store for Files {}

#[async_trait]
impl Describe for Files {
    async fn describe(&self) -> Result<Option<IndexDescription>> {
        let look = || self.shelf.description().boxed();
        self.calls.call(Operation::new(Request::Describe), &look).await
    }

    async fn stats(&self) -> Result<IndexStats> {
        let stats = || self.shelf.stats().boxed();
        self.calls.call(Operation::new(Request::Stats), &stats).await
    }

    async fn inventory(&self) -> Result<Option<Inventory>> {
        let inventory = || self.shelf.inventory().boxed();
        self.calls.call(Operation::new(Request::Inventory), &inventory).await
    }
}

#[async_trait]
impl Fetch for Files {
    fn most(&self) -> usize {
        LIMITS.fetch_ids
    }

    fn own_kind(&self, id: RecordId) -> RecordId {
        let kind = self.shelf.ids_if_known();
        kind.and_then(|kind| id.to(kind)).unwrap_or(id)
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        let operation = Operation::new(Request::Fetch).within(namespace).of(ids.len());
        let fetch = || lookup::fetch(&self.shelf, &self.listed, namespace, ids).boxed();
        self.calls.call(operation, &fetch).await
    }

    fn passes(&self) -> Option<&dyn Passes> {
        Some(self)
    }
}

#[async_trait]
impl Passes for Files {
    fn most_ids(&self) -> usize {
        IDS_A_PASS
    }

    async fn present(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<HashSet<RecordId>> {
        let operation = Operation::new(Request::List).within(namespace).of(ids.len());
        let look = || lookup::present(&self.shelf, &self.listed, namespace, ids).boxed();
        self.calls.call(operation, &look).await
    }
}

#[async_trait]
impl Scan for Files {
    fn promise(&self) -> Promise {
        Promise { repeats: !self.shelf.is_distinct(), ..Promise::ONCE }
    }

    /// Files that have changed are other files, which are looked at as such.
    async fn see_distinct(&self, _: bool) -> Result<()> {
        let look = || self.shelf.refuse_doubles().boxed();
        self.calls.call(Operation::new(Request::List), &look).await
    }

    fn whole(&self) -> Option<Range> {
        Some(Way::Rows.range())
    }

    async fn split(&self, scope: Scope<'_>, asked: Asked<'_>) -> Result<Split> {
        if !matches!(asked.by, NamedEnumeration::Auto | NamedEnumeration::List) {
            let message = "files name all their ids: `enumerate` can only be `auto` or `list`";
            return Err(Error::new(ErrorKind::Refused, message).with_hint("leave `enumerate` out"));
        }
        let cut = || self.cut(scope).boxed();
        let ranges = self.calls.call(Operation::new(Request::Stats), &cut).await?;
        let detail = (ranges.len() > 1).then(|| format!("{} ranges of row groups", ranges.len()));
        let why = "files are read in the order of their rows";
        Ok(Split { ranges, name: "rows", why, detail, gap: None })
    }

    fn is_bound(&self, range: &Range) -> bool {
        Way::of(range).is_ok_and(|way| way.is_part())
    }

    async fn recount(&self, namespace: &Namespace, range: &Range) -> Result<Option<u64>> {
        let way = Way::of(range)?;
        if !way.is_part() {
            return Ok(None);
        }
        let (files, census) = (self.shelf.files().await?, self.shelf.census().await?);
        let held = census.within(namespace, &way, files);
        Ok(Some(held.iter().map(|held| held.rows).sum()))
    }

    async fn is_lost(&self, namespace: &Namespace, range: &Range, after: &Cursor) -> Result<bool> {
        let (files, census) = (self.shelf.files().await?, self.shelf.census().await?);
        Ok(match (Way::of(range)?, after) {
            (_, Cursor::End) | (Way::Rows, Cursor::Start) => false,
            // It was kept by a version that read the ids in their order.
            (Way::Rows, Cursor::At(_)) => true,
            (Way::Groups(groups), _) => groups.of != census.identity(namespace, files),
        })
    }

    async fn ids(&self, scope: Scope<'_>, range: &Range, after: &Cursor) -> Result<Box<dyn Ids>> {
        let (namespace, way) = (scope.namespace, Way::of(range)?);
        let walk = self.walk::<RecordId>(Start { namespace, way, after, picks: None }).await?;
        Ok(Box::new(walk))
    }

    async fn read(
        &self,
        scope: Scope<'_>,
        range: &Range,
        after: &Cursor,
        reading: &Reading,
    ) -> Result<Pages> {
        let (namespace, way) = (scope.namespace, Way::of(range)?);
        let start = Start { namespace, way, after, picks: reading.picks.clone() };
        Ok(self.walk::<Record>(start).await?.pages(reading))
    }
}
