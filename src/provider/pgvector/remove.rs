//! The tables of an index dropped: looked at, locked, counted and dropped in one transaction.

use super::admin;
use super::count::{counts, counts_of};
use super::depend::obstacles;
use super::family::{Family, listed};
use super::name::TableName;
use super::peer::Peer;
use super::place::Place;
use super::seen::{Noted, Seen};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexStats, RUN_TAG};

/// Whoever waits for the tables waits behind the lock: better to be refused, and to try again.
const BEGIN: &str = "begin; set local lock_timeout = '5s'; set local statement_timeout = 0";

impl Peer {
    /// Finds what would keep the tables from being dropped; nothing if they are not there.
    pub async fn kept_by(&self) -> Result<Vec<Error>> {
        if self.describe().await?.is_none() {
            return Ok(Vec::new());
        }
        let (seen, session) = (self.known().await?, self.session().await?);
        let tables = self.tables(&session).await?;
        let found = obstacles(&session, &seen.mapping, &tables).await?;
        session.give_back();
        Ok(found)
    }

    /// Drops tables that hold `held`, whoever made them.
    pub async fn retire(&self, held: &IndexStats) -> Result<()> {
        if self.describe().await?.is_none() {
            return Ok(());
        }
        let (seen, session) = (self.known().await?, self.session().await?);
        if self.settings.is_read_only {
            let tables = self.tables(&session).await?;
            self.refuse_retiring(&session, &seen, &tables, held).await?;
            session.give_back();
            self.take_for_dropped();
            return Ok(());
        }
        let tables = self.lock(&session).await?;
        self.refuse_retiring(&session, &seen, &tables, held).await?;
        self.drop_locked(&session, &tables).await?;
        session.give_back();
        Ok(())
    }

    /// Drops tables that a run made, all of them or none.
    pub async fn delete_index(&self) -> Result<()> {
        if self.describe().await?.is_none() {
            return Ok(());
        }
        let session = self.session().await?;
        let tables = self.lock(&session).await?;
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
        self.drop_locked(&session, &tables).await?;
        session.give_back();
        Ok(())
    }

    /// Locks the tables in a transaction, until it ends.
    async fn lock(&self, session: &Session) -> Result<Vec<TableName>> {
        let tables = self.tables(session).await?;
        session.batch("drop", BEGIN).await?;
        session
            .batch("drop", &format!("lock table {} in access exclusive mode", all(&tables)))
            .await?;
        match self.tables(session).await? == tables {
            true => Ok(tables),
            false => Err(changed(&self.place)),
        }
    }

    async fn refuse_retiring(
        &self,
        session: &Session,
        seen: &Seen,
        tables: &[TableName],
        held: &IndexStats,
    ) -> Result<()> {
        let mark = admin::marked(session, &self.place.first()).await?.flatten();
        refuse_protected(&self.place, Noted::read(mark.as_deref()).as_ref())?;
        if let Some(first) = obstacles(session, &seen.mapping, tables).await?.into_iter().next() {
            return Err(first);
        }
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

    /// Drops nothing but these tables: what depends on one of them keeps all of them.
    async fn drop_locked(&self, session: &Session, tables: &[TableName]) -> Result<()> {
        session.batch("drop", &format!("drop table {}; commit", all(tables))).await?;
        self.forget();
        Ok(())
    }
}

fn all(tables: &[TableName]) -> String {
    tables.iter().map(TableName::quoted).collect::<Vec<_>>().join(", ")
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
