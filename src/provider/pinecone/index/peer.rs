//! One index: both planes, what was learned of it, and single attempts at every request.

use std::sync::{Arc, Mutex, PoisonError};

use super::asked::AskedInUse;
use crate::error::{Error, ErrorKind, Result};
use crate::model::IndexDescription;
use crate::pinecone_wire::Deployment;
use crate::provider::pinecone::cells::Splits;
use crate::provider::pinecone::connection::Connection;
use crate::provider::pinecone::control::Control;
use crate::provider::pinecone::error;
use crate::provider::pinecone::http::{self, Server};
use crate::provider::pinecone::rates::Rates;
use crate::provider::pinecone::turns::Turns;
use crate::provider::pinecone::version::InUse;
use crate::provider::{Secret, Transport};

/// The address of an index and the ways to speak to it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The index's name.
    pub index: String,
    /// The control plane's address, with or without a scheme.
    pub endpoint: String,
    pub api_key: Secret,
    pub transport: Transport,
    pub user_agent: String,
    /// What a serverless index allows.
    pub rates: Rates,
}

/// One index of a Pinecone project, which may not exist yet.
pub(super) struct Peer {
    settings: Settings,
    pub(super) control: Control,
    seen: Mutex<Seen>,
    pub(super) asked: AskedInUse,
    /// Splits of namespaces found so far.
    pub(super) splits: Splits,
    pub(super) turns: Arc<Turns>,
}

/// The last description. Cleared when the index is made or deleted.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) description: Option<Arc<IndexDescription>>,
    connection: Option<(String, Arc<Connection>)>,
}

impl Peer {
    pub fn new(settings: Settings) -> Result<Self> {
        let address = http::with_scheme(&settings.endpoint);
        if address.starts_with("http://") && !http::is_loopback(&address) {
            tracing::warn!(%address, "the API key travels over plain http");
        }
        let client = http::client(&address, &settings.user_agent)?;
        let server = Server {
            client,
            address,
            key: settings.api_key.clone(),
            version: Arc::new(InUse::default()),
        };
        Ok(Self {
            turns: Turns::new(settings.rates.lists),
            settings,
            control: Control(server),
            seen: Mutex::default(),
            asked: AskedInUse::default(),
            splits: Splits::default(),
        })
    }

    pub fn name(&self) -> &str {
        &self.settings.index
    }

    pub fn rates(&self) -> &Rates {
        &self.settings.rates
    }

    /// Returns whether the data plane speaks REST now; `None` if the first call has yet to find out.
    pub fn is_rest(&self) -> Option<bool> {
        match self.settings.transport {
            Transport::Rest => Some(true),
            _ => self.seen().connection.as_ref().map(|(_, connection)| connection.is_rest()),
        }
    }

    pub(super) fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget(&self) {
        *self.seen() = Seen::default();
    }

    pub(super) fn description(&self) -> Option<Arc<IndexDescription>> {
        self.seen().description.clone()
    }

    pub(super) fn is_pod(&self) -> bool {
        let seen = self.description().and_then(|seen| Deployment::of(&seen.spec.deployment));
        matches!(seen, Some(Deployment::Pod { .. }))
    }

    pub(super) async fn known(&self) -> Result<Arc<IndexDescription>> {
        if let Some(description) = self.description() {
            return Ok(description);
        }
        self.describe().await?;
        self.description().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no index `{}`", self.name()))
                .with_context("address", &self.control.0.address)
                .with_hint("check the index's name and that the API key belongs to its project")
        })
    }

    /// Returns the connection to the data plane, made anew if the host has changed.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>> {
        let host = self.known().await?.host.clone();
        if host.is_empty() {
            let message = format!("the index `{}` has no host yet", self.name());
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let mut seen = self.seen();
        if let Some((at, connection)) = &seen.connection
            && *at == host
        {
            return Ok(connection.clone());
        }
        let connection = Arc::new(Connection::new(
            &host,
            &self.control.0,
            self.settings.transport,
            &self.settings.user_agent,
        )?);
        seen.connection = Some((host, connection.clone()));
        Ok(connection)
    }

    /// Names the operation and the index; an index that seems gone is looked up again next time, because it
    /// may have been made anew at another host.
    pub(super) fn explain(&self, operation: &'static str, error: Error) -> Error {
        if error.kind() == ErrorKind::NotFound {
            self.forget();
        }
        error.with_operation(operation).with_context("index", self.name())
    }

    /// Explains the result of a call to the data plane. If nobody answers at the index's host, or nothing is there,
    /// the control plane is asked whether the index still exists: a deleted one is reported as such and not tried
    /// again.
    pub(super) async fn settle<T>(&self, operation: &'static str, result: Result<T>) -> Result<T> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let is_doubtful = error::is_silence(&error) || error.kind() == ErrorKind::NotFound;
        if is_doubtful && matches!(self.control.describe(self.name()).await, Ok(None)) {
            let message = format!("the index `{}` is not there any more", self.name());
            let gone = Error::new(ErrorKind::NotFound, message)
                .with_context("address", &self.control.0.address)
                .with_source(error)
                .with_hint("somebody deleted it after it was first seen here");
            return Err(self.explain(operation, gone));
        }
        Err(self.explain(operation, error))
    }
}
