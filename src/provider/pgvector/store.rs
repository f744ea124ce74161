//! Tables of an index as a store: which parts it has, and every request of theirs.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::FutureExt;

use super::address::Address;
use super::keys::Row;
use super::peer::{LIMITS, Peer};
use super::place::Place;
use super::row::Parts;
use super::session::Settings;
use super::walk::{Walk, is_part, keys_of, recount, split, whole};
use crate::error::{Error, Result};
use crate::model::{
    Cursor, Filter, IndexDescription, IndexSpec, IndexStats, Namespace, Range, Record, RecordId,
    Token, View,
};
use crate::store::calls::{Calls, Operation, Request};
use crate::store::read::{Ids, Pages, Reading};
use crate::store::{
    Admin, Alias, Asked, Describe, Fetch, Filtering, Finishing, IndexChange, Inventory, Limits,
    Match, Opened, Pointed, Promise, Query, Reader, Refusal, Remove, Scan, Scope, Search, Source,
    Split, Store, Target, Upserted, Views, Write,
};

/// Bytes of a record in a request beside what it holds: counts and lengths of its columns.
const FRAME: usize = 64;

/// A table, or one for each namespace, which may not exist yet. Cloning shares its sessions and what is known of it.
#[derive(Clone)]
pub struct Table {
    peer: Arc<Peer>,
    calls: Calls,
    can_change: bool,
}

impl Table {
    /// Opens a table without connecting; each request is made once.
    ///
    /// # Errors
    /// `Invalid` if `index` cannot be its name.
    pub fn new(address: Address, settings: Settings, index: &str, row: Row) -> Result<Self> {
        let place = Place::named(index, "the name of a table")?;
        Ok(Self::placed(address, settings, (index, place), row))
    }

    /// The same where the table stands elsewhere than its name says.
    pub(super) fn placed(
        address: Address,
        settings: Settings,
        (index, place): (&str, Place),
        row: Row,
    ) -> Self {
        let peer = Arc::new(Peer::new(address, settings, (index.to_owned(), place), row));
        Self { peer, calls: Calls::bare(), can_change: !settings.is_read_only }
    }

    fn part(&self) -> Option<Arc<Self>> {
        Some(Arc::new(self.clone()))
    }
}

impl Opened for Table {
    fn through(&self, calls: Calls) -> Arc<dyn Store> {
        Arc::new(Self { calls, ..self.clone() })
    }
}

impl Source for Table {
    fn limits(&self) -> Limits {
        LIMITS
    }

    fn scan(&self) -> Option<Arc<dyn Scan>> {
        Some(self.part()?)
    }

    fn fetch(&self) -> Option<Arc<dyn Fetch>> {
        Some(self.part()?)
    }

    fn views(&self) -> Option<Arc<dyn Views>> {
        Some(self.part()?)
    }

    fn search(&self) -> Option<Arc<dyn Search>> {
        Some(self.part()?)
    }

    fn filtering(&self) -> Option<Arc<dyn Filtering>> {
        Some(self.part()?)
    }
}

impl Target for Table {
    fn write(&self) -> Option<Arc<dyn Write>> {
        Some(self.part().filter(|_| self.can_change)?)
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(self.part().filter(|_| self.can_change)?)
    }

    fn alias(&self) -> Option<Arc<dyn Alias>> {
        Some(self.part().filter(|_| self.can_change)?)
    }
}

impl Store for Table {
    /// Of a table that cannot be changed it only looks, and the server refuses the rest.
    fn remove(&self) -> Option<Arc<dyn Remove>> {
        Some(self.part()?)
    }
}

#[async_trait]
impl Describe for Table {
    async fn describe(&self) -> Result<Option<IndexDescription>> {
        let make = || self.peer.describe().boxed();
        self.calls.call(Operation::new(Request::Describe), &make).await
    }

    async fn stats(&self) -> Result<IndexStats> {
        let make = || self.peer.stats(None).boxed();
        self.calls.call(Operation::new(Request::Stats).without_deadline(), &make).await
    }

    async fn storage(&self) -> Result<Vec<String>> {
        let make = || self.peer.storage().boxed();
        self.calls.call(Operation::new(Request::Describe), &make).await
    }

    async fn inventory(&self) -> Result<Option<Inventory>> {
        let make = || self.peer.inventory().boxed();
        self.calls.call(Operation::new(Request::Inventory).without_deadline(), &make).await
    }
}

#[async_trait]
impl Scan for Table {
    fn promise(&self) -> Promise {
        Promise { repeats: !self.peer.is_distinct(), ..Promise::ONCE }
    }

    async fn see_distinct(&self, is_anew: bool) -> Result<()> {
        let look = || self.peer.refuse_doubles(is_anew).boxed();
        self.calls.call(Operation::new(Request::List).without_deadline(), &look).await
    }

    fn whole(&self) -> Option<Range> {
        Some(whole())
    }

    async fn split(&self, scope: Scope<'_>, asked: Asked<'_>) -> Result<Split> {
        split((&self.peer, &self.calls), scope, asked).await
    }

    fn is_bound(&self, range: &Range) -> bool {
        is_part(range)
    }

    async fn recount(&self, namespace: &Namespace, range: &Range) -> Result<Option<u64>> {
        recount((&self.peer, &self.calls), namespace, range).await
    }

    async fn ids(&self, scope: Scope<'_>, range: &Range, after: &Cursor) -> Result<Box<dyn Ids>> {
        keys_of(range)?;
        let ends = (self.peer.clone(), self.calls.clone());
        Ok(Box::new(Walk::begin(ends, scope.namespace, range, after, (Parts::IDS, None)).await?))
    }

    async fn read(
        &self,
        scope: Scope<'_>,
        range: &Range,
        after: &Cursor,
        reading: &Reading,
    ) -> Result<Pages> {
        let ends = (self.peer.clone(), self.calls.clone());
        let how = (Parts::ALL, reading.view.as_ref());
        let walk = Walk::begin(ends, scope.namespace, range, after, how).await?;
        Ok(walk.pages(reading))
    }
}

#[async_trait]
impl Views for Table {
    async fn open(&self) -> Result<View> {
        let make = || self.peer.open_view().boxed();
        self.calls.call(Operation::new(Request::OpenView), &make).await
    }

    async fn renew(&self, view: &View) -> Result<View> {
        let make = || self.peer.renew_view(view).boxed();
        self.calls.call(Operation::new(Request::RenewView), &make).await?;
        // A snapshot keeps its name.
        Ok(view.clone())
    }

    async fn count(&self, view: &View) -> Result<IndexStats> {
        let make = || self.peer.count_view(view).boxed();
        self.calls.call(Operation::new(Request::Stats).without_deadline(), &make).await
    }

    async fn close(&self, view: &View) -> Result<()> {
        let make = || self.peer.close_view(view).boxed();
        self.calls.call(Operation::new(Request::CloseView), &make).await
    }
}

#[async_trait]
impl Fetch for Table {
    fn most(&self) -> usize {
        LIMITS.fetch_ids
    }

    fn own_kind(&self, id: RecordId) -> RecordId {
        self.peer.own_kind(id)
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        let make = || self.peer.fetch(namespace, ids).boxed();
        let operation = Operation::new(Request::Fetch).within(namespace).of(ids.len());
        self.calls.call(operation, &make).await
    }
}

#[async_trait]
impl Search for Table {
    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>> {
        let make = || self.peer.query(namespace, query).boxed();
        self.calls.call(Operation::new(Request::Query).within(namespace), &make).await
    }

    fn says(&self, filter: &Filter) -> Result<()> {
        self.peer.says(filter)
    }
}

#[async_trait]
impl Filtering for Table {
    async fn count(&self, filter: &Filter) -> Result<IndexStats> {
        let make = || self.peer.stats(Some(filter)).boxed();
        self.calls.call(Operation::new(Request::FilteredStats).without_deadline(), &make).await
    }

    fn says(&self, filter: &Filter) -> Result<()> {
        self.peer.says(filter)
    }
}

#[async_trait]
impl Write for Table {
    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted> {
        let make = || self.peer.upsert(namespace, records).boxed();
        let operation = Operation::new(Request::Upsert).within(namespace).of(records.len());
        self.calls.call(operation, &make).await
    }

    fn request_bytes(&self, record: &Record) -> usize {
        record.stored_bytes() + FRAME
    }

    fn rejects(
        &self,
        namespace: &Namespace,
        record: &Record,
        planned: Option<&IndexSpec>,
    ) -> Option<Refusal> {
        self.peer.rejects((namespace, record), planned)
    }

    async fn inventory(&self, planned: Option<&IndexSpec>) -> Result<Inventory> {
        let make = || self.peer.inventory_to_write(planned).boxed();
        self.calls.call(Operation::new(Request::Inventory).without_deadline(), &make).await
    }

    fn kept<'a>(&self, record: &'a Record) -> Cow<'a, Record> {
        self.peer.kept(record)
    }

    fn may_alter(&self) -> bool {
        self.peer.may_alter()
    }

    /// No write has a token.
    fn both(&self, one: Token, _: Token) -> Result<Token> {
        Ok(one)
    }

    /// What is acknowledged is committed, and everybody reads it.
    async fn visible(&self, _: &Namespace, _: &Token, _: Reader) -> Result<Option<bool>> {
        Ok(Some(true))
    }
}

#[async_trait]
impl Admin for Table {
    async fn create(&self, spec: &IndexSpec) -> Result<()> {
        let make = || self.peer.create(spec).boxed();
        self.calls.call(Operation::new(Request::Create), &make).await
    }

    async fn finish(&self) -> Result<Option<Finishing>> {
        let make = || self.peer.finish().boxed();
        self.calls.call(Operation::new(Request::Finish), &make).await
    }
}

#[async_trait]
impl Alias for Table {
    async fn resolve(&self, name: &str, indexes: &[&str]) -> Result<Pointed> {
        let make = || self.peer.resolve(name, indexes).boxed();
        self.calls.call(Operation::new(Request::ResolveAlias), &make).await
    }

    async fn point(&self, name: &str, index: &str) -> Result<()> {
        let make = || self.peer.point(name, index).boxed();
        self.calls.call(Operation::new(Request::PointAlias), &make).await
    }

    async fn obstacles(&self, name: &str, indexes: &[&str]) -> Result<Vec<Error>> {
        let make = || self.peer.obstacles(name, indexes).boxed();
        self.calls.call(Operation::new(Request::ResolveAlias), &make).await
    }
}

#[async_trait]
impl Remove for Table {
    async fn configure(&self, change: &IndexChange) -> Result<()> {
        let make = || self.peer.configure(change).boxed();
        self.calls.call(Operation::new(Request::Configure), &make).await
    }

    async fn obstacles(&self, moved: Option<&str>) -> Result<Vec<Error>> {
        let make = || self.peer.kept_by(moved).boxed();
        self.calls.call(Operation::new(Request::Obstacles), &make).await
    }

    /// The server sets the limits: one on this side would leave it to go on with its locks.
    async fn retire(&self, held: &IndexStats, moved: Option<&str>) -> Result<()> {
        let make = || self.peer.retire(held, moved, &self.calls).boxed();
        self.calls.call(Operation::new(Request::DeleteIndex).without_deadline(), &make).await
    }

    async fn delete_index(&self) -> Result<()> {
        let make = || self.peer.delete_index(&self.calls).boxed();
        self.calls.call(Operation::new(Request::DeleteIndex).without_deadline(), &make).await
    }

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        let make = || self.peer.delete(namespace, ids).boxed();
        let operation = Operation::new(Request::Delete).within(namespace).of(ids.len());
        self.calls.call(operation, &make).await
    }

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        let make = || self.peer.delete_matching(namespace, filter).boxed();
        self.calls.call(Operation::new(Request::DeleteMatching).within(namespace), &make).await
    }

    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let make = || self.peer.delete_namespace(namespace).boxed();
        self.calls.call(Operation::new(Request::DeleteNamespace).within(namespace), &make).await
    }
}
