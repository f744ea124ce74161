//! The tables of an index dropped: looked at, and then locked, counted, looked at again and dropped in one transaction.

use super::admin;
use super::count::{counts, counts_of};
use super::depend::obstacles;
use super::family::{Family, listed};
use super::name::TableName;
use super::peer::Peer;
use super::place::Place;
use super::pool::Lent;
use super::seen::{Noted, Seen};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::{IndexStats, RUN_TAG};
use crate::store::calls::{Calls, Request};

/// What the server ends by itself, whoever has gone away meanwhile: whoever waits for the tables waits behind the lock, so
/// that it is better to be refused, and to try again.
const BEGIN: &str = "begin; set local lock_timeout = '5s'; set local statement_timeout = '1h'; set local idle_in_transaction_session_timeout = '60s'";

/// How tables are locked until the transaction ends.
#[derive(Clone, Copy)]
enum Lock {
    /// Nobody writes; whoever reads goes on.
    Writing,
    /// Nobody does anything.
    All,
}

impl Peer {
    /// Finds what would keep the tables from being dropped; nothing if they are not there.
    pub async fn kept_by(&self, moved: Option<&str>) -> Result<Vec<Error>> {
        if self.describe().await?.is_none() {
            return Ok(Vec::new());
        }
        let (seen, session) = (self.known().await?, self.session().await?);
        let tables = self.tables(&session).await?;
        let found = obstacles(&session, &seen.mapping, &tables, moved).await?;
        session.give_back();
        Ok(found)
    }

    /// Drops tables that hold `held`, whoever made them. They are counted while they are read by others, and only then is
    /// anybody kept from reading.
    pub async fn retire(
        &self,
        held: &IndexStats,
        moved: Option<&str>,
        calls: &Calls,
    ) -> Result<()> {
        if self.describe().await?.is_none() {
            return Ok(());
        }
        let (seen, session) = (self.known().await?, self.patient().await?);
        let tables = self.tables(&session).await?;
        self.refuse_kept(&session, &seen, &tables, moved).await?;
        if self.settings.is_read_only {
            self.refuse_other_records(&session, &seen, held).await?;
            Self::give_back(session).await?;
            self.take_for_dropped();
            return Ok(());
        }
        // Had and let go: whoever reads for long is found out before anybody waits for a count.
        session.batch("drop", BEGIN).await?;
        self.lock(&session, &tables, Lock::All).await?;
        session.batch("drop", "rollback").await?;
        session.batch("drop", BEGIN).await?;
        self.lock(&session, &tables, Lock::Writing).await?;
        self.refuse_other_records(&session, &seen, held).await.map_err(not_again)?;
        self.lock(&session, &tables, Lock::All).await.map_err(not_again)?;
        // What came to depend on them while they were counted.
        self.refuse_kept(&session, &seen, &tables, moved).await?;
        // Counting takes as long as it takes, and another may have taken the plan since.
        calls.still(Request::DeleteIndex).await?;
        self.drop_locked(session, &tables).await
    }

    /// Drops tables that a run made, all of them or none.
    pub async fn delete_index(&self, calls: &Calls) -> Result<()> {
        if self.describe().await?.is_none() {
            return Ok(());
        }
        let session = self.patient().await?;
        let tables = self.tables(&session).await?;
        session.batch("drop", BEGIN).await?;
        self.lock(&session, &tables, Lock::All).await?;
        let mut marks = Vec::with_capacity(tables.len());
        for table in &tables {
            let mark = admin::marked(&session, table).await?.flatten();
            marks.push((table, Noted::read(mark.as_deref())));
        }
        let by = |noted: &Noted| noted.tags.get(RUN_TAG).cloned();
        let first = marks.first().and_then(|(_, noted)| noted.as_ref());
        let is_ours = |noted: &Option<Noted>| match (noted, first) {
            (Some(noted), Some(first)) => by(noted) == by(first),
            _ => false,
        };
        let kept: Vec<_> = marks
            .iter()
            .filter(|(_, noted)| !is_ours(noted))
            .map(|(table, _)| table.to_string())
            .collect();
        if !kept.is_empty() {
            let message = format!("not made by this run, and kept: {}", listed(&kept));
            return Err(Error::new(ErrorKind::Refused, message));
        }
        refuse_protected(&self.place, first)?;
        calls.still(Request::DeleteIndex).await?;
        self.drop_locked(session, &tables).await
    }

    /// Locks the tables until the transaction ends.
    ///
    /// # Errors
    /// `Refused` if there are others by now; `Unavailable` if somebody holds one of them for longer than is waited.
    async fn lock(&self, session: &Session, tables: &[TableName], how: Lock) -> Result<()> {
        let mode = match how {
            Lock::Writing => "share",
            Lock::All => "access exclusive",
        };
        session.batch("drop", &format!("lock table {} in {mode} mode", all(tables))).await?;
        match self.tables(session).await? == tables {
            true => Ok(()),
            false => Err(changed(&self.place)),
        }
    }

    async fn refuse_kept(
        &self,
        session: &Session,
        seen: &Seen,
        tables: &[TableName],
        moved: Option<&str>,
    ) -> Result<()> {
        let mark = admin::marked(session, &self.place.first()).await?.flatten();
        refuse_protected(&self.place, Noted::read(mark.as_deref()).as_ref())?;
        match obstacles(session, &seen.mapping, tables, moved).await?.into_iter().next() {
            Some(first) => Err(first),
            None => Ok(()),
        }
    }

    async fn refuse_other_records(
        &self,
        session: &Session,
        seen: &Seen,
        held: &IndexStats,
    ) -> Result<()> {
        let now = match &self.place {
            Place::Table(_) => counts(session, &seen.mapping, None).await?,
            Place::Tables(pattern) => {
                let family = Family::find(session, pattern).await?;
                let members: Vec<_> = family.members.iter().collect();
                counts_of(session, &seen.mapping, &members, None).await?
            }
        };
        if now == held.namespaces { Ok(()) } else { Err(changed(&self.place)) }
    }

    /// Drops nothing but these tables, and ends the transaction: what depends on one of them keeps all of them.
    async fn drop_locked(&self, session: Lent<'_, Session>, tables: &[TableName]) -> Result<()> {
        session.batch("drop", "set local statement_timeout = 0").await?;
        session.define("drop", &format!("drop table {}; commit", all(tables))).await?;
        self.forget();
        Self::give_back(session).await
    }
}

fn all(tables: &[TableName]) -> String {
    tables.iter().map(TableName::quoted).collect::<Vec<_>>().join(", ")
}

/// A count that took too long takes as long each time, and meanwhile nobody writes; nor is it made again for a lock that was not
/// had behind it.
fn not_again(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unavailable => error.with_retry(Retry::Never).with_hint(
            "somebody reads the table and was waited for 5 seconds, while nobody else could read; nothing was dropped: run the same command when that has ended",
        ),
        ErrorKind::Timeout => error.with_retry(Retry::Never).with_hint(
            "the rows could not be counted in time while nobody may write; nothing was dropped: run the same command when the server has less to do",
        ),
        _ => error,
    }
}

fn refuse_protected(place: &Place, noted: Option<&Noted>) -> Result<()> {
    match noted.is_some_and(|noted| noted.is_protected) {
        true => {
            let message = format!("{place} is protected against deletion, and is kept");
            Err(Error::new(ErrorKind::Refused, message))
        }
        false => Ok(()),
    }
}

fn changed(place: &Place) -> Error {
    let message = format!("{place} holds other records than a moment ago: something writes to it");
    Error::new(ErrorKind::Refused, message)
        .with_hint("stop the writes and run the same command again; nothing was dropped")
}
