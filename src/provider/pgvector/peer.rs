//! The server of an index: its sessions, its views, and what was last seen of its tables.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::address::Address;
use super::keys::Row;
use super::place::Place;
use super::pool::{Lent, Pool};
use super::seen::Seen;
use super::session::{NO_TIME_LIMIT, OWN_NAMES, Session, Settings};
use super::snapshot::{self, Snapshot, enter};
use super::storage::Database;
use super::unnamed::Unnamed;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, View};
use crate::store::Limits;
use crate::store::read::Task;

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

/// The tables of an index, which may not be there yet.
pub(super) struct Peer {
    pub address: Address,
    pub settings: Settings,
    pub place: Place,
    pub index: String,
    pub row: Row,
    sessions: Pool<Session>,
    /// The table, or the first of those that hold a namespace each.
    pub last: Mutex<Option<Arc<Seen>>>,
    /// The tables of namespaces that have been asked for.
    pub apart: Mutex<BTreeMap<Namespace, Arc<Seen>>>,
    /// The views that this process holds, by the names that the server gave them.
    views: Mutex<BTreeMap<View, Arc<Snapshot>>>,
    /// Whether no two rows were found to be one record, where the table does not see to that.
    pub is_distinct: AtomicBool,
    /// Held by whoever looks for such rows: all of them are read, and once is enough.
    pub looking: tokio::sync::Mutex<()>,
    /// What the rows of tables, by their oids, call the default namespace, once that was looked at to write there.
    pub unnamed: tokio::sync::Mutex<BTreeMap<u32, Option<Unnamed>>>,
    /// The database, as others know it too, once that was asked.
    pub database: tokio::sync::OnceCell<Database>,
    /// The work on an index that runs in a connection of this process.
    pub making: Mutex<Option<Task<()>>>,
    /// Whether a rehearsal takes it for dropped.
    retired: AtomicBool,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peer {
    pub fn new(
        address: Address,
        settings: Settings,
        (index, place): (String, Place),
        row: Row,
    ) -> Self {
        Self {
            address,
            settings,
            place,
            index,
            row,
            sessions: Pool::default(),
            last: Mutex::default(),
            apart: Mutex::default(),
            views: Mutex::default(),
            is_distinct: AtomicBool::new(false),
            looking: tokio::sync::Mutex::default(),
            unnamed: tokio::sync::Mutex::default(),
            database: tokio::sync::OnceCell::new(),
            making: Mutex::default(),
            retired: AtomicBool::default(),
        }
    }

    pub async fn session(&self) -> Result<Lent<'_, Session>> {
        let session = self.sessions.take(Session::open(&self.address, self.settings)).await?;
        // Whoever read by the names of the role before left it with those.
        if self.is_read_by_names_of_role() != Some(false) {
            session.batch("begin", OWN_NAMES).await?;
        }
        Ok(session)
    }

    /// Lends a session that reads records.
    pub async fn reading(&self) -> Result<Lent<'_, Session>> {
        let session = self.sessions.take(Session::open(&self.address, self.settings)).await?;
        session.read(self.is_read_by_names_of_role() == Some(true)).await?;
        Ok(session)
    }

    /// Whether what was last seen is read by the names of the role.
    fn is_read_by_names_of_role(&self) -> Option<bool> {
        self.seen().map(|seen| seen.mapping.is_read_by_names_of_role())
    }

    /// Lends a session whose statements take as long as there are rows to read, and not longer than somebody waits for them.
    pub async fn patient(&self) -> Result<Lent<'_, Session>> {
        let session = self.reading().await?;
        session.watch().await;
        session.batch("begin", NO_TIME_LIMIT).await?;
        Ok(session)
    }

    /// Gives such a session back with its limits.
    pub async fn give_back(session: Lent<'_, Session>) -> Result<()> {
        session.limit("end").await?;
        session.give_back();
        Ok(())
    }

    pub fn seen(&self) -> Option<Arc<Seen>> {
        locked(&self.last).clone()
    }

    /// Knows a table from now on in place of what was known of it. Whoever asks meanwhile is answered by the one or the other.
    pub fn know(&self, seen: Arc<Seen>) {
        *locked(&self.last) = Some(seen);
        locked(&self.apart).clear();
    }

    /// Forgets all tables, which are not there.
    pub fn forget(&self) {
        *locked(&self.last) = None;
        locked(&self.apart).clear();
        self.is_distinct.store(false, Ordering::Release);
    }

    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    pub fn take_for_dropped(&self) {
        self.retired.store(true, Ordering::Release);
        self.forget();
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

    pub async fn enter(&self, view: &View) -> Result<Session> {
        enter(&self.address, self.settings, &snapshot::View::of(view)).await
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
