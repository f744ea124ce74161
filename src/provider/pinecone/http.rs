//! One HTTP exchange with the service: headers, the version and its fallback, errors by kind.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::plane::Lsn;
use super::version::{self, Version};
use super::{error, tls};
use crate::error::{Error, Result};
use crate::provider::Secret;

/// An exchange that takes longer than this is given up, whatever the layers above allow.
const LONGEST_CALL: Duration = Duration::from_secs(120);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP client with this program's TLS and without a proxy for loopback addresses.
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

/// Whether an address is this machine.
pub fn is_loopback(address: &str) -> bool {
    let Ok(uri) = address.parse::<http::Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An address with its scheme and without a slash at the end; hosts come without one and mean https.
pub fn with_scheme(host: &str) -> String {
    let host = host.trim().trim_end_matches('/');
    if host.contains("://") { host.to_owned() } else { format!("https://{host}") }
}

/// A server, control or data plane, and what it wants to see in a request.
#[derive(Clone)]
pub struct Server {
    pub client: reqwest::Client,
    /// The address with its scheme, without a slash at the end.
    pub address: String,
    pub key: Secret,
    pub version: Arc<Version>,
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

    /// As [`Reply::json`], for an answer whose members may all be left out: one that has none of `names` is of somebody
    /// else, and not an empty one.
    pub fn json_of<T: DeserializeOwned>(
        &self,
        names: &[&str],
        is_empty: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let value = self.json()?;
        let has_any = |object: &serde_json::Map<String, serde_json::Value>| {
            object.is_empty() || names.iter().any(|name| object.contains_key(*name))
        };
        let is_own = !is_empty(&value)
            || serde_json::from_slice(&self.body).is_ok_and(|object| has_any(&object));
        match is_own {
            true => Ok(value),
            false => Err(self.of_a_stranger()),
        }
    }

    /// The error that this success is not Pinecone's.
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

impl Server {
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Reply> {
        self.exchange(Method::GET, path, query, None).await
    }

    pub async fn delete(&self, path: &str) -> Result<Reply> {
        self.exchange(Method::DELETE, path, &[], None).await
    }

    pub async fn send(&self, method: Method, path: &str, body: &impl Serialize) -> Result<Reply> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Error::unexpected("the request cannot be written as JSON").with_source(error)
        })?;
        self.exchange(method, path, &[], Some(body.into())).await
    }

    /// Sends once, and once more with the older API version where the server refuses the newer one.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Reply> {
        let sent = self.version.header();
        let (status, reply) = self.once(method.clone(), path, query, body.clone(), sent).await?;
        if !version::is_refused(status, &reply.text()) {
            return reply.or_error(status);
        }
        if sent == version::FALLBACK {
            return Err(version::unspoken(&reply.text()));
        }
        let (again, older) = self.once(method, path, query, body, version::FALLBACK).await?;
        if version::is_refused(again, &older.text()) {
            return Err(version::unspoken(&older.text()));
        }
        // A 404 settles it as well as a success: the server read the request. One that is busy or down says nothing.
        if again < 500 && again != 429 && self.version.fall_back() {
            tracing::warn!(refused = sent, using = version::FALLBACK, "older API version");
        }
        older.or_error(again)
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
        version: &'static str,
    ) -> Result<(u16, Reply)> {
        let mut key = HeaderValue::from_str(self.key.expose())
            .map_err(|_| Error::invalid("the API key holds characters a header cannot carry"))?;
        key.set_sensitive(true);
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.address))
            .header("api-key", key)
            .header(version::HEADER, version)
            .header(ACCEPT, "application/json");
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let broken = |error| error::from_reqwest(error, &self.address);
        let response = request.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(broken)?;
        Ok((status, Reply { headers, body, address: self.address.clone() }))
    }
}

/// A path segment with everything escaped that is not unreserved (RFC 3986, 2.3).
pub fn segment(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
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
    fn loopback_is_told_by_the_host_alone() {
        for address in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["https://api.pinecone.io", "https://127.example", "nonsense"] {
            assert!(!is_loopback(address), "{address}");
        }
    }

    #[test]
    fn segments_are_escaped() {
        assert_eq!(segment("a b/é"), "a%20b%2F%C3%A9");
    }
}
