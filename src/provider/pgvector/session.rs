//! One connection to the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::address::Address;
use super::classify::classify;
use crate::error::{Error, ErrorKind, Result};

/// The oldest server that is spoken to: the oldest that pgvector 0.8 supports (pgvector, README, 2026).
const OLDEST: u32 = 130_000;

pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// What a session asks of the server before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest time of a statement; none if zero.
    pub statement_timeout: Duration,
    /// The longest wait for a lock of another session; none if zero.
    pub lock_timeout: Duration,
    /// Whether rows that a policy hides may be missing. If not, a statement that would not see them fails.
    pub may_hide_rows: bool,
    /// Whether the server is to refuse whatever would change it.
    pub is_read_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            statement_timeout: Duration::from_secs(120),
            lock_timeout: Duration::from_secs(10),
            may_hide_rows: false,
            is_read_only: false,
        }
    }
}

/// A connection, closed when it is dropped: whatever was not committed is undone by the server.
pub struct Session {
    client: Client,
    driver: JoinHandle<()>,
    version: u32,
    settings: Settings,
    is_watched: AtomicBool,
}

impl Session {
    /// Connects and sets what every statement of ours relies on: times in UTC, floats with all their digits.
    ///
    /// # Errors
    /// `Unavailable`, `Unauthorized`, `NotFound` (no such database), `Unsupported` (a server that is too old).
    pub async fn open(address: &Address, settings: Settings) -> Result<Self> {
        let connected = address.config.connect(address.tls()?).await;
        let (client, connection) = connected.map_err(|error| classify(error, "connect"))?;
        // An error of the connection is reported by the call that waits for it.
        let driver = tokio::spawn(async move { drop(connection.await) });
        let mut session =
            Self { client, driver, version: 0, settings, is_watched: AtomicBool::new(false) };
        session.batch("connect", &opening(settings)).await?;
        session.rows("connect", MAY_REST, &[]).await?;
        session.limit("connect").await?;
        let version: String = session.row("connect", "show server_version_num", &[]).await?.get(0);
        session.version = version.parse().unwrap_or_default();
        match session.version < OLDEST {
            true => {
                Err(Error::unsupported(format!("the server is too old: its version is {version}"))
                    .with_hint("it must be 13 or newer"))
            }
            false => Ok(session),
        }
    }

    /// Returns the server's version as a number: 180004 is 18.4.
    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Sets the limits on the time of a statement that the session was opened with.
    pub(super) async fn limit(&self, operation: &'static str) -> Result<()> {
        let Settings { statement_timeout, lock_timeout, .. } = self.settings;
        let (statement, lock) = (statement_timeout.as_millis(), lock_timeout.as_millis());
        let sql = format!("set statement_timeout = {statement}; set lock_timeout = {lock}");
        self.batch(operation, &sql).await
    }

    /// Has the server look whether its client is still there while a statement runs, and end it where it is not. A server that
    /// cannot look ends it with the statement.
    pub(super) async fn watch(&self) {
        if !self.is_watched.swap(true, Ordering::AcqRel) {
            self.rows("begin", WATCHING, &[]).await.ok();
        }
    }

    /// Lets what is read be found by the names of the role, where it has to be.
    pub(super) async fn read(&self, by_names_of_role: bool) -> Result<()> {
        match by_names_of_role {
            true => self.batch("begin", NAMES_OF_ROLE).await,
            false => Ok(()),
        }
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(super) async fn rows(
        &self,
        operation: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>> {
        self.client.query(sql, params).await.map_err(|error| classify(error, operation))
    }

    /// Returns the first row of an answer that has one.
    pub(super) async fn row(
        &self,
        operation: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Row> {
        let found = self.row_if_any(operation, sql, params).await?;
        found.ok_or_else(|| {
            Error::new(ErrorKind::Protocol, "the server gave no row").with_operation(operation)
        })
    }

    pub(super) async fn row_if_any(
        &self,
        operation: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>> {
        Ok(self.rows(operation, sql, params).await?.into_iter().next())
    }

    pub(super) async fn execute(
        &self,
        operation: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<u64> {
        self.client.execute(sql, params).await.map_err(|error| classify(error, operation))
    }

    /// Runs statements one after the other, without parameters.
    pub(super) async fn batch(&self, operation: &'static str, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|error| classify(error, operation))
    }

    /// Runs statements that make, change or drop something, by the names of the role: event triggers of the database rely on
    /// them, as triggers do. What our statements name has its schema.
    pub(super) async fn define(&self, operation: &'static str, sql: &str) -> Result<()> {
        self.batch(operation, NAMES_OF_ROLE).await?;
        let defined = self.batch(operation, sql).await;
        let reset = self.batch(operation, OWN_NAMES).await;
        // In a transaction that failed nothing can be set.
        defined.and(reset)
    }

    pub(super) async fn prepare(&self, operation: &'static str, sql: &str) -> Result<Statement> {
        self.client.prepare(sql).await.map_err(|error| classify(error, operation))
    }

    /// Returns the rows of a prepared statement as they arrive.
    pub(super) async fn stream(
        &self,
        operation: &'static str,
        statement: &Statement,
        params: Params<'_>,
    ) -> Result<tokio_postgres::RowStream> {
        let params = params.iter().copied();
        self.client.query_raw(statement, params).await.map_err(|error| classify(error, operation))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn opening(settings: Settings) -> String {
    let row_security = if settings.may_hide_rows { "on" } else { "off" };
    let read_only = if settings.is_read_only { "on" } else { "off" };
    format!(
        "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'iso_8601'; set extra_float_digits = 3; set lc_monetary = 'C'; \
         set bytea_output = 'hex'; set standard_conforming_strings = on; set row_security = {row_security}; \
         set default_transaction_read_only = {read_only}; {OWN_NAMES}"
    )
}

/// Lets no function or operator be called but the server's own: whoever may create in a schema of the role's path could put
/// one of his in its place, which runs with the role's rights and decides what is seen (PostgreSQL, "CREATE FUNCTION",
/// "Writing SECURITY DEFINER Functions Safely").
pub(super) const OWN_NAMES: &str = "set search_path = pg_catalog, pg_temp";

/// Gives a session the path of its role, which triggers and checks of a found table may rely on, and functions that a view
/// calls: they run for what is written or read there. What a statement of ours calls then has to be named with its schema, or be
/// of the very types it is called with.
pub(super) const NAMES_OF_ROLE: &str = "set search_path to default";

/// Lets the session rest as long as it likes, within a transaction too, where the server knows such limits; and has what is
/// acknowledged outlive a crash of the server, whatever the role or the database is set to. Standbys are not waited for where the
/// role does not.
const MAY_REST: &str = "select set_config(name, case name when 'synchronous_commit' then 'local' else '0' end, false) \
     from pg_catalog.pg_settings where name in \
     ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout') \
     or name = 'synchronous_commit' and setting = 'off'";

/// Servers before version 14 have no such setting, and on some systems it takes no value.
const WATCHING: &str = "select set_config(name, '2s', false) from pg_catalog.pg_settings where name = 'client_connection_check_interval'";

/// Lifts the limit on the time of a statement, within a transaction or outside of any.
pub(super) const NO_TIME_LIMIT: &str = "set statement_timeout = 0";

/// Lifts every limit on the time of the transaction that is open, where the server knows it.
pub(super) const NO_TIME_LIMITS: &str = "select set_config(name, '0', true) from pg_catalog.pg_settings where name in \
     ('idle_in_transaction_session_timeout', 'transaction_timeout', 'statement_timeout', 'lock_timeout')";
