//! One table on one server: its sessions, what was last seen of it, and single attempts at requests.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::address::Address;
use super::admin::{self, Prepared};
use super::audit::{self, Use};
use super::fetch::fetch;
use super::fit::id_kind;
use super::kept::kept;
use super::keys::Row;
use super::made::table_spec;
use super::mapping::Identity;
use super::name::TableName;
use super::pool::{Lent, Pool};
use super::refuse::{planned_rejects, refusal, rejects};
use super::row::Parts;
use super::scan::{Scope, counts};
use super::search::{Accuracy, Effort, Query as Asked, Score, search};
use super::seen::{Noted, Seen};
use super::session::{Session, Settings};
use super::snapshot::{self, Snapshot, enter};
use super::sql::Bound;
use super::write::Writer;
use super::{delete, filter, look, storage};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Counted, Filter, IndexDescription, IndexSpec, IndexStats, Namespace, Quality, Record, RecordId,
    View,
};
use crate::store::read::Task;
use crate::store::{IndexChange, Inventory, Limits, Match, Query, Refusal, Refused, Upserted};

/// Bounds of a request. None is the server's: they keep memory and the time of a statement small.
pub(super) const LIMITS: Limits = Limits {
    upsert_records: 1_000,
    upsert_bytes: 2_000_000,
    fetch_ids: 1_000,
    delete_ids: 1_000,
    matches: 10_000,
    metadata_bytes: usize::MAX,
    id_chars: usize::MAX,
    dimension: 16_000,
    sparse_values: 16_000,
    hybrid_queries: false,
};

/// The most rows that are all looked at for what a reader of the plan should know.
const LOOKED_AT: u64 = 1_000_000;

/// A table that may not be there yet.
pub(super) struct Peer {
    pub address: Address,
    pub settings: Settings,
    pub name: TableName,
    index: String,
    row: Row,
    sessions: Pool<Session>,
    seen: Mutex<Option<Arc<Seen>>>,
    /// The views that this process holds, by the names that the server gave them.
    views: Mutex<BTreeMap<View, Arc<Snapshot>>>,
    /// Whether no two rows were found to be one record, where the table does not see to that.
    is_distinct: AtomicBool,
    /// The work on an index that runs in a connection of this process.
    pub making: Mutex<Option<Task<()>>>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peer {
    pub fn new(
        address: Address,
        settings: Settings,
        (index, name): (String, TableName),
        row: Row,
    ) -> Self {
        Self {
            address,
            settings,
            name,
            index,
            row,
            sessions: Pool::default(),
            seen: Mutex::default(),
            views: Mutex::default(),
            is_distinct: AtomicBool::new(false),
            making: Mutex::default(),
        }
    }

    pub async fn session(&self) -> Result<Lent<'_, Session>> {
        self.sessions.take(Session::open(&self.address, self.settings)).await
    }

    /// Returns what was last seen, or looks.
    ///
    /// # Errors
    /// `NotFound` if there is no such table.
    pub async fn known(&self) -> Result<Arc<Seen>> {
        if let Some(seen) = self.seen() {
            return Ok(seen);
        }
        self.describe().await?;
        self.seen().ok_or_else(|| {
            let message = format!("there is no table {}", self.name);
            Error::new(ErrorKind::NotFound, message).with_context("at", self.address.place())
        })
    }

    fn seen(&self) -> Option<Arc<Seen>> {
        locked(&self.seen).clone()
    }

    fn forget(&self) {
        *locked(&self.seen) = None;
        self.is_distinct.store(false, SeqCst);
    }
}

/// Views. They live as long as the session of the process that opened them.
impl Peer {
    pub async fn open_view(&self) -> Result<View> {
        let held = Snapshot::open(&self.address, self.settings).await?;
        let view = View::new(held.name());
        locked(&self.views).insert(view.clone(), Arc::new(held));
        Ok(view)
    }

    pub async fn renew_view(&self, view: &View) -> Result<()> {
        let held = locked(&self.views).get(view).cloned();
        match held {
            Some(held) => held.renew().await,
            // Another process may hold it.
            None => self.enter(view).await.map(drop),
        }
    }

    async fn enter(&self, view: &View) -> Result<Session> {
        enter(&self.address, self.settings, &snapshot::View::of(view)).await
    }

    pub async fn count_view(&self, view: &View) -> Result<IndexStats> {
        let (seen, session) = (self.known().await?, self.enter(view).await?);
        self.counted(&seen, &session, None).await
    }

    pub async fn close_view(&self, view: &View) -> Result<()> {
        let held = locked(&self.views).remove(view);
        if let Some(held) = held {
            if let Some(held) = Arc::into_inner(held) {
                // Whatever comes of it, the session ends here, and the view with it.
                held.close().await.ok();
            }
            return Ok(());
        }
        match self.enter(view).await {
            Err(error) if error.kind() == ErrorKind::ViewLost => Ok(()),
            Err(error) => Err(error),
            Ok(_) => {
                let message = format!(
                    "the snapshot {} is still held by a session of another process",
                    view.name()
                );
                Err(Error::new(ErrorKind::Refused, message).with_hint(
                    "it ends with that process, or once the server notices that its machine is gone; until then it holds back the cleaning of dead rows: `select pid, state, query_start from pg_stat_activity where backend_xmin is not null` finds it, and `pg_terminate_backend` ends it",
                ))
            }
        }
    }
}

/// What only reads.
impl Peer {
    pub async fn describe(&self) -> Result<Option<IndexDescription>> {
        let session = self.session().await?;
        let server = look::server(&session).await?;
        let Some(table) = look::table(&session, &self.name).await? else {
            session.give_back();
            self.forget();
            return Ok(None);
        };
        let extension = server.extension.ok_or_else(|| {
            Error::new(ErrorKind::Refused, "the extension `vector` is not in this database")
                .with_hint(
                    "CREATE EXTENSION vector, which needs the right to create in the database",
                )
        })?;
        let names = (&*self.index, self.address.place());
        let seen = Seen::fit(&session, (table, extension), &self.row, names).await?;
        session.give_back();
        let description = seen.description.clone();
        *locked(&self.seen) = Some(Arc::new(seen));
        Ok(Some(description))
    }

    pub async fn stats(&self, filter: Option<&Filter>) -> Result<IndexStats> {
        let (seen, session) = (self.known().await?, self.session().await?);
        let counted = self.counted(&seen, &session, filter).await?;
        session.give_back();
        Ok(counted)
    }

    async fn counted(
        &self,
        seen: &Seen,
        session: &Session,
        filter: Option<&Filter>,
    ) -> Result<IndexStats> {
        let namespaces: BTreeMap<Namespace, u64> =
            counts(session, &seen.mapping, filter.cloned()).await?;
        let total = namespaces.values().sum();
        let of = match seen.mapping.identity {
            Identity::NotEnforced => Counted::Rows,
            Identity::Global | Identity::PerTenant(_) => Counted::Ids,
        };
        let dimension = seen.description.spec.dimension;
        Ok(IndexStats { dimension, namespaces, total, of, quality: Quality::Exact })
    }

    /// Returns what a reader of the plan should know of the table, with counts where it is small enough.
    pub async fn storage(&self) -> Result<Vec<String>> {
        let session = self.session().await?;
        let found = storage::tables(&session, &self.name).await?;
        session.give_back();
        Ok(found)
    }

    pub async fn inventory(&self) -> Result<Option<Inventory>> {
        let (seen, session) = (self.known().await?, self.session().await?);
        let mapping = &seen.mapping;
        let mut found = audit::of_server(&look::server(&session).await?, Use::Read);
        found.extend(audit::of_table(mapping, Use::Read));
        if mapping.table.estimated_rows.is_none_or(|rows| rows <= LOOKED_AT) {
            found.extend(audit::of_records(&session, mapping).await?);
        } else if !mapping.holds_apart() {
            found.extend(audit::of_ids(&session, mapping).await?);
        }
        session.give_back();
        let left = mapping.table.columns.iter().filter(|column| !mapping.has(column));
        let left: Vec<_> = left.map(|column| format!("`{}`", column.name)).collect();
        let mut inventory = audit::inventory(&found);
        if !left.is_empty() {
            inventory.remarks.push(format!("columns that are not moved: {}", left.join(", ")));
        }
        Ok((inventory != Inventory::default()).then_some(inventory))
    }

    /// Returns what whoever writes here should know, of a table that is there or as it is planned.
    pub async fn inventory_to_write(&self, planned: Option<&IndexSpec>) -> Result<Inventory> {
        let is_there = self.describe().await?.is_some();
        let session = self.session().await?;
        let server = look::server(&session).await?;
        let mut found = audit::of_server(&server, Use::Write);
        match self.seen().filter(|_| is_there) {
            Some(seen) => found.extend(audit::of_table(&seen.mapping, Use::Write)),
            None if planned.is_some() => {
                let may_create = look::may_create_in(&session, &self.name.schema).await?;
                found.extend(audit::of_planned(&server, &self.name, may_create));
            }
            None => {}
        }
        session.give_back();
        Ok(audit::inventory(&found))
    }

    /// Returns whether no two rows are one record, by the table's own keys or by what was looked at.
    pub fn is_distinct(&self) -> bool {
        let holds_apart = self.seen().is_some_and(|seen| seen.mapping.holds_apart());
        holds_apart || self.is_distinct.load(SeqCst)
    }

    /// Refuses rows that are one record, looking once unless it is asked to look again.
    pub async fn refuse_doubles(&self, is_anew: bool) -> Result<()> {
        if !is_anew && self.is_distinct() {
            return Ok(());
        }
        let (seen, session) = (self.known().await?, self.session().await?);
        audit::refuse_doubles(&session, &seen.mapping).await?;
        session.give_back();
        self.is_distinct.store(true, SeqCst);
        Ok(())
    }

    pub async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (seen, session) = (self.known().await?, self.session().await?);
        let found = fetch(&session, &seen.mapping, namespace, ids, Parts::ALL).await?;
        session.give_back();
        Ok(found)
    }

    /// Returns the id with this text that the table's column keeps.
    pub fn own_kind(&self, id: RecordId) -> RecordId {
        let kind = self.seen().map(|seen| id_kind(seen.mapping.id.kind));
        kind.and_then(|kind| id.to(kind)).unwrap_or(id)
    }

    pub async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>> {
        let (seen, mut session) = (self.known().await?, self.session().await?);
        let mut vectors = query.vectors.iter();
        let (Some((name, vector)), None) = (vectors.next(), vectors.next()) else {
            return Err(Error::unsupported("a query here has one vector"));
        };
        let column = seen.mapping.place(name, vector).ok_or_else(|| {
            Error::invalid(format!("the table has no column for the vector `{name}` of a query"))
        })?;
        let asked = Asked {
            using: &column.name,
            vector,
            distance: seen.distance(column),
            limit: query.limit,
            accuracy: Accuracy::Approximate(Effort {
                is_iterative: seen.mapping.extension.is_iterative(),
                ..Effort::default()
            }),
        };
        let scope = Scope { partition: Some(namespace.clone()), filter: query.filter.clone() };
        let found = search(&mut session, &seen.mapping, &scope, &asked).await?;
        session.give_back();
        let answer = |found: super::search::Match| Match {
            id: found.id,
            score: match found.score {
                Score::Similarity(number) | Score::Distance(number) => number as f32,
            },
        };
        Ok(found.into_iter().map(answer).collect())
    }

    /// Returns whether the columns that were last seen can be asked this.
    ///
    /// # Errors
    /// `Unsupported` with the field and its type.
    pub fn says(&self, filter: &Filter) -> Result<()> {
        let Some(seen) = self.seen() else { return Ok(()) };
        filter::render(filter, &seen.mapping, &mut Bound::default()).map(drop)
    }

    pub fn rejects(
        &self,
        record: (&Namespace, &Record),
        spec: Option<&IndexSpec>,
    ) -> Option<Refusal> {
        match self.seen() {
            Some(seen) => rejects(&seen.mapping, seen.strictness, record),
            None => planned_rejects(&self.name, &self.row, spec?, record),
        }
    }
}

/// What changes something.
impl Peer {
    /// Returns what the table that was last seen gives back of a record.
    pub fn kept<'a>(&self, record: &'a Record) -> Cow<'a, Record> {
        match self.seen() {
            Some(seen) => kept(&seen.mapping, record),
            None => Cow::Borrowed(record),
        }
    }

    pub async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted> {
        if records.is_empty() {
            return Ok(Upserted::default());
        }
        refuse_too_large(records)?;
        let seen = self.known().await?;
        let open =
            Writer::open(&self.address, self.settings, seen.mapping.clone(), seen.strictness);
        let mut writer = seen.writers.take(open).await?;
        let ack = writer.put(namespace, records).await?;
        writer.give_back();
        let refused = ack.refused.into_iter();
        let refused =
            refused.map(|one| Refused { at: one.at, refusal: refusal(one.why) }).collect();
        Ok(Upserted { count: ack.written + ack.superseded, refused, token: None })
    }

    pub async fn create(&self, spec: &IndexSpec) -> Result<()> {
        let asked = table_spec(&self.name, &self.row, spec)?;
        self.forget();
        let session = self.session().await?;
        let extension = admin::make_extension(&session).await?;
        let comment = Noted::of(spec).comment();
        let made = admin::prepare(&session, &extension, &asked, &comment).await?;
        session.give_back();
        match made {
            Prepared::Made => Ok(()),
            Prepared::WasThere => {
                let message = format!("{} is there already", self.name);
                Err(Error::new(ErrorKind::AlreadyExists, message))
            }
        }
    }

    pub async fn configure(&self, change: &IndexChange) -> Result<()> {
        let Some(is_on) = change.deletion_protection else { return Ok(()) };
        let session = self.session().await?;
        let mark = admin::marked(&session, &self.name).await?;
        match mark.map(|mark| Noted::read(mark.as_deref())) {
            None => {
                Err(Error::new(ErrorKind::NotFound, format!("there is no table {}", self.name)))
            }
            Some(None) if is_on => {
                let message = format!(
                    "{} was not made by a run, and only such tables are protected",
                    self.name
                );
                Err(Error::new(ErrorKind::Refused, message))
            }
            Some(None) => Ok(()),
            Some(Some(noted)) => {
                let noted = Noted { is_protected: is_on, ..noted };
                admin::put_mark(&session, &self.name, &noted.comment()).await?;
                session.give_back();
                Ok(())
            }
        }
    }

    pub async fn delete_index(&self) -> Result<()> {
        let session = self.session().await?;
        let Some(mark) = admin::marked(&session, &self.name).await? else { return Ok(()) };
        let refused = |why: &str| {
            Err(Error::new(ErrorKind::Refused, format!("{} {why}, and is kept", self.name)))
        };
        match Noted::read(mark.as_deref()) {
            None => refused("was not made by a run"),
            Some(noted) if noted.is_protected => refused("is protected against deletion"),
            Some(_) => {
                let mark = mark.unwrap_or_default();
                admin::drop_table(&session, &self.name, &mark).await?;
                session.give_back();
                self.forget();
                Ok(())
            }
        }
    }

    pub async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        if ids.len() > LIMITS.delete_ids {
            let most = LIMITS.delete_ids;
            let message = format!("{} ids in a request, and at most {most} are taken", ids.len());
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let (seen, session) = (self.known().await?, self.session().await?);
        delete::by_ids(&session, &seen.mapping, namespace, ids).await?;
        session.give_back();
        Ok(())
    }

    pub async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        if filter.asks_nothing() {
            return Err(Error::invalid("a filter that asks nothing would delete everything"));
        }
        let (seen, session) = (self.known().await?, self.session().await?);
        let scope = Scope { partition: Some(namespace.clone()), filter: Some(filter.clone()) };
        delete::matching(&session, &seen.mapping, &scope).await?;
        session.give_back();
        Ok(())
    }

    pub async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let (seen, session) = (self.known().await?, self.session().await?);
        delete::partition(&session, &seen.mapping, namespace).await?;
        session.give_back();
        Ok(())
    }
}

fn refuse_too_large(records: &[Record]) -> Result<()> {
    let bytes: usize = records.iter().map(Record::stored_bytes).sum();
    let is_too_large = records.len() > LIMITS.upsert_records || bytes > LIMITS.upsert_bytes;
    let message = format!("{} records of {bytes} bytes are too much at once", records.len());
    if is_too_large { Err(Error::new(ErrorKind::TooLarge, message)) } else { Ok(()) }
}
