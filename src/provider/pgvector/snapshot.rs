//! A view that does not change: a snapshot that one session holds and others read from.

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::name::literal;
use super::session::{NO_TIME_LIMITS, Session, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::model;

/// The name of a view, as any machine can read from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// An exported snapshot; it lives as long as the session that exported it.
    Snapshot(String),
    /// Whatever is there at the time of each page.
    Live,
}

/// The session that holds a snapshot. When it is dropped the view is lost.
pub struct Snapshot {
    session: Session,
    name: String,
}

impl View {
    /// What is read by the name that a run knows.
    pub(super) fn of(view: &model::View) -> Self {
        Self::Snapshot(view.name().to_owned())
    }
}

impl Snapshot {
    /// Takes a snapshot and exports it. It holds back the cleaning of what is deleted meanwhile in the whole database.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn open(address: &Address, settings: Settings) -> Result<Self> {
        let session = Session::open(address, settings).await?;
        session.batch("open", "begin isolation level repeatable read read only").await?;
        session.rows("open", NO_TIME_LIMITS, &[]).await?;
        let name = session.row("open", "select pg_catalog.pg_export_snapshot()", &[]).await?.get(0);
        Ok(Self { session, name })
    }

    /// The name that the server gave it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub fn view(&self) -> View {
        View::Snapshot(self.name.clone())
    }

    /// Checks that the snapshot is still held; it has no end of its own.
    ///
    /// # Errors
    /// `ViewLost` if it is not, whatever the reason.
    pub async fn renew(&self) -> Result<()> {
        self.session.batch("renew", "select 1").await.map_err(|error| {
            Error::new(ErrorKind::ViewLost, "the session that held the snapshot has ended")
                .with_source(error)
        })
    }

    /// Ends the view.
    ///
    /// # Errors
    /// Those of the connection; the view is lost in any case.
    pub async fn close(self) -> Result<()> {
        self.session.batch("close", "rollback").await
    }
}

/// Begins to read from a view in a session of its own.
///
/// # Errors
/// `ViewLost` if the snapshot is not there any more.
pub(super) async fn enter(address: &Address, settings: Settings, view: &View) -> Result<Session> {
    let session = Session::open(address, settings).await?;
    begin_in(&session, view).await?;
    Ok(session)
}

/// Begins a transaction of a session that sees a view.
///
/// # Errors
/// `ViewLost` if the snapshot is not there any more.
pub(super) async fn begin_in(session: &Session, view: &View) -> Result<()> {
    let View::Snapshot(name) = view else { return Ok(()) };
    let begin = "begin isolation level repeatable read read only; set transaction snapshot";
    session.batch("open", &format!("{begin} {}", literal(name))).await?;
    session.rows("open", NO_TIME_LIMITS, &[]).await.map(drop)
}
