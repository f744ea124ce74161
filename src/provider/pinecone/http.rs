//! One HTTP exchange with the service: headers, the version and its fallback, errors by kind.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error;
use super::version::{self, InUse};
use crate::error::{Error, Result};
use crate::pinecone_wire::json::Answer;
use crate::pinecone_wire::{API_KEY, API_VERSION, Lsn, Operation, Version};
use crate::provider::Secret;
use crate::tls;

/// Time after which an exchange is given up, whatever the layers above allow.
const LONGEST_CALL: Duration = Duration::from_secs(120);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes an HTTP client with this program's TLS and without a proxy for loopback addresses.
pub fn client(address: &str, user_agent: &str) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config()?)
        .user_agent(user_agent)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(LONGEST_CALL)
        .redirect(reqwest::redirect::Policy::none());
    let builder = if is_loopback(address) { builder.no_proxy() } else { builder };
    builder
        .build()
        .map_err(|error| Error::unexpected("the HTTP client cannot be set up").with_source(error))
}

/// Returns whether an address is this machine.
pub fn is_loopback(address: &str) -> bool {
    let Ok(uri) = address.parse::<http::Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns an address with its scheme and without a slash at the end; hosts come without a scheme and mean https.
pub fn with_scheme(host: &str) -> String {
    let host = host.trim().trim_end_matches('/');
    if host.contains("://") { host.to_owned() } else { format!("https://{host}") }
}

/// A server, control or data plane, and what its requests must carry.
#[derive(Clone)]
pub struct Server {
    pub client: reqwest::Client,
    /// The address with its scheme, without a slash at the end.
    pub address: String,
    pub key: Secret,
    pub version: Arc<InUse>,
}

/// An answer.
pub struct Reply {
    pub headers: HeaderMap,
    pub body: Bytes,
    address: String,
}

impl Reply {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| error::from_json(error, &self.headers, &self.text(), &self.address))
    }

    /// Parses the answer as [`Reply::json`] does if all its members may be left out: one that has none of its own comes
    /// from somebody else and is not an empty one.
    pub fn answer<T: Answer>(&self) -> Result<T> {
        let value: T = self.json()?;
        let has_any = |object: &serde_json::Map<String, serde_json::Value>| {
            object.is_empty() || T::MEMBERS.iter().any(|name| object.contains_key(*name))
        };
        let is_own = !value.is_empty()
            || serde_json::from_slice(&self.body).is_ok_and(|object| has_any(&object));
        match is_own {
            true => Ok(value),
            false => Err(self.of_a_stranger()),
        }
    }

    /// Returns the error that says this success is not Pinecone's.
    pub fn of_a_stranger(&self) -> Error {
        error::from_stranger(&self.headers, &self.text(), &self.address)
    }

    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    fn or_error(self, status: u16) -> Result<Self> {
        match status {
            200..300 => Ok(self),
            _ => Err(error::from_http(status, &self.headers, &self.text(), &self.address)),
        }
    }

    pub fn lsn(&self) -> Lsn {
        Lsn::read(|name| self.headers.get(name).and_then(|value| value.to_str().ok()))
    }
}

/// One request.
struct Request<'a> {
    operation: Operation,
    path: String,
    query: &'a [(&'a str, &'a str)],
    body: Option<Bytes>,
}

impl Server {
    /// Sends a request without a body; `name` is the operation's object, if its path names one.
    pub async fn ask(
        &self,
        operation: Operation,
        name: &str,
        query: &[(&str, &str)],
    ) -> Result<Reply> {
        self.exchange(Request { operation, path: operation.path(name), query, body: None }).await
    }

    /// Sends a request with a body.
    pub async fn send(
        &self,
        operation: Operation,
        name: &str,
        body: &impl Serialize,
    ) -> Result<Reply> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Error::unexpected("the request cannot be written as JSON").with_source(error)
        })?;
        let (path, body) = (operation.path(name), Some(body.into()));
        self.exchange(Request { operation, path, query: &[], body }).await
    }

    /// Sends once, and once more with the older API version if the server refuses the newer one.
    async fn exchange(&self, request: Request<'_>) -> Result<Reply> {
        let sent = self.version.version();
        let (status, reply) = self.once(&request, sent).await?;
        if !version::is_refused(status, &reply.text()) {
            return reply.or_error(status);
        }
        if sent == version::FALLBACK {
            return Err(version::unspoken(&reply.text()));
        }
        let (again, older) = self.once(&request, version::FALLBACK).await?;
        if version::is_refused(again, &older.text()) {
            return Err(version::unspoken(&older.text()));
        }
        // A 404 settles it as well as a success: the server read the request. One that is busy or down says nothing.
        if again < 500 && again != 429 && self.version.fall_back() {
            let (refused, using) = (sent.word(), version::FALLBACK.word());
            tracing::warn!(refused, using, "older API version");
        }
        older.or_error(again)
    }

    async fn once(&self, asked: &Request<'_>, version: Version) -> Result<(u16, Reply)> {
        let mut key = HeaderValue::from_str(self.key.expose())
            .map_err(|_| Error::invalid("the API key holds characters a header cannot carry"))?;
        key.set_sensitive(true);
        let mut request = self
            .client
            .request(asked.operation.method(), format!("{}{}", self.address, asked.path))
            .header(API_KEY, key)
            .header(API_VERSION, version.word())
            .header(ACCEPT, "application/json");
        if !asked.query.is_empty() {
            request = request.query(asked.query);
        }
        if let Some(body) = &asked.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let broken = |error| error::from_reqwest(error, &self.address);
        let response = request.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(broken)?;
        Ok((status, Reply { headers, body, address: self.address.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_scheme_means_https() {
        assert_eq!(with_scheme("a.svc.pinecone.io"), "https://a.svc.pinecone.io");
        assert_eq!(with_scheme("http://127.0.0.1:5080/"), "http://127.0.0.1:5080");
    }

    #[test]
    fn loopback_is_recognised_by_the_host_alone() {
        for address in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["https://api.pinecone.io", "https://127.example", "nonsense"] {
            assert!(!is_loopback(address), "{address}");
        }
    }
}
