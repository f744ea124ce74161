//! A reverse proxy that reads along: in front of the control plane, and of the data plane of every index it hears of.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Specification;
use super::check::Exchange;

/// Header of a request that is wrong on purpose.
pub const WRONG: &str = "x-contract-wrong";

const LARGEST: usize = 64 * 1024 * 1024;

/// A proxy in front of an emulator that judges what passes. Ends with its runtime.
#[derive(Clone)]
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    specification: Arc<Specification>,
    /// A version that is refused here, as an older server would; the emulator never sees it.
    refused: Option<&'static str>,
    /// True if requests are judged too.
    is_client_ours: bool,
    client: reqwest::Client,
    seen: Mutex<Seen>,
    /// The proxies in front of index hosts, by host.
    hosts: tokio::sync::Mutex<BTreeMap<String, String>>,
}

/// Everything that passed so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub exchanges: usize,
    /// Version and operation of every exchange that was judged.
    pub operations: BTreeSet<(&'static str, String)>,
    pub violations: Vec<String>,
}

/// The destination of one listener.
#[derive(Clone)]
struct Hop {
    upstream: String,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts a proxy in front of the control plane at `upstream`.
    pub async fn start(
        upstream: &str,
        specification: Arc<Specification>,
        refused: Option<&'static str>,
    ) -> Self {
        Self::new(upstream, specification, refused, true).await
    }

    /// Starts a proxy for somebody else's client, which may send what it likes: only answers are judged.
    pub async fn of_answers(upstream: &str, specification: Arc<Specification>) -> Self {
        Self::new(upstream, specification, None, false).await
    }

    async fn new(
        upstream: &str,
        specification: Arc<Specification>,
        refused: Option<&'static str>,
        is_client_ours: bool,
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shared = Arc::new(Shared {
            specification,
            refused,
            is_client_ours,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            seen: Mutex::default(),
            hosts: tokio::sync::Mutex::default(),
        });
        let address = listen(Hop { upstream: upstream.to_owned(), shared: shared.clone() }).await;
        Self { address, shared }
    }

    /// Returns the address with its scheme.
    pub fn url(&self) -> &str {
        &self.address
    }

    pub fn seen(&self) -> Seen {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Fails with all violations, and if nothing passed.
    pub fn assert_clean(&self) {
        let seen = self.seen();
        let count = seen.violations.len();
        let first = seen.violations.iter().take(20).cloned().collect::<Vec<_>>().join("\n\n");
        assert!(count == 0, "{count} exchanges are not what the files say; the first:\n\n{first}");
        assert!(seen.exchanges > 0, "nothing passed");
    }
}

/// Binds a free port and serves. Boxed, as a control plane's answer makes listeners of its own kind.
fn listen(hop: Hop) -> Pin<Box<dyn Future<Output = String> + Send>> {
    Box::pin(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(hop);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    })
}

async fn pass(State(hop): State<Hop>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.unwrap();
    let version = text(&parts.headers, "x-pinecone-api-version");
    if let Some(refused) = hop.shared.refused.filter(|refused| version.as_deref() == Some(*refused))
    {
        return refusal(refused);
    }
    let url = format!("{}{}", hop.upstream, parts.uri);
    let mut headers = parts.headers.clone();
    headers.remove(header::HOST);
    let sent = hop.shared.client.request(parts.method.clone(), &url).headers(headers);
    // A deleted index no longer has a listener.
    let Ok(answer) = sent.body(body.clone()).send().await else {
        return plain(StatusCode::BAD_GATEWAY, "the index is gone");
    };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let answer = answer.bytes().await.unwrap();
    let query = reqwest::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
    let exchange = Exchange {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query,
        version,
        has_key: parts.headers.contains_key("api-key"),
        request_type: text(&parts.headers, header::CONTENT_TYPE.as_str()),
        request: body.to_vec(),
        is_wrong: !hop.shared.is_client_ours || parts.headers.contains_key(WRONG),
        status: status.as_u16(),
        answer_type: text(&headers, header::CONTENT_TYPE.as_str()),
        answer: answer.to_vec(),
    };
    let shared = Arc::clone(&hop.shared);
    // Reading a large answer in a debug build takes a while.
    let judged = tokio::task::spawn_blocking(move || shared.judge(&exchange));
    judged.await.unwrap();
    hop.reply(status, &headers, &answer).await
}

impl Shared {
    fn judge(&self, exchange: &Exchange) {
        let finding = self.specification.check(exchange);
        let mut seen = self.seen.lock().unwrap();
        seen.exchanges += 1;
        seen.operations.extend(finding.operation);
        if !finding.violations.is_empty() {
            let text = |body: &[u8]| -> String {
                String::from_utf8_lossy(body).chars().take(400).collect()
            };
            seen.violations.push(format!(
                "{} {} ({})\n  sent: {}\n  got {}: {}\n  - {}",
                exchange.method,
                exchange.path,
                exchange.version.as_deref().unwrap_or("no version"),
                text(&exchange.request),
                exchange.status,
                text(&exchange.answer),
                finding.violations.join("\n  - "),
            ));
        }
    }
}

impl Hop {
    /// Returns the answer with a proxy in place of every index's host.
    async fn reply(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let mut found = BTreeSet::new();
        hosts(&serde_json::from_slice(body).unwrap_or_default(), &mut found);
        let mut body = body.to_vec();
        for host in found {
            let (there, here) = (json!(host), json!(self.in_front_of(&host).await));
            let text = String::from_utf8(body).unwrap();
            body = text.replace(&there.to_string(), &here.to_string()).into_bytes();
        }
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        for (name, value) in headers {
            if *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING {
                response.headers_mut().append(name, value.clone());
            }
        }
        response
    }

    async fn in_front_of(&self, host: &str) -> String {
        let mut hosts = self.shared.hosts.lock().await;
        if let Some(address) = hosts.get(host) {
            return address.clone();
        }
        let hop = Hop { upstream: host.to_owned(), shared: Arc::clone(&self.shared) };
        let address = listen(hop).await;
        hosts.insert(host.to_owned(), address.clone());
        address
    }
}

/// Collects the `host` of each index model in an answer; a model has a `status` too.
fn hosts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if members.contains_key("status") => {
            found.extend(members.get("host").and_then(Value::as_str).map(str::to_owned));
        }
        Value::Object(members) => members.values().for_each(|member| hosts(member, found)),
        Value::Array(items) => items.iter().for_each(|item| hosts(item, found)),
        _ => {}
    }
}

fn refusal(version: &str) -> Response<Body> {
    let message = format!("X-Pinecone-Api-Version {version} is not supported");
    let body =
        json!({ "status": 400, "error": { "code": "INVALID_ARGUMENT", "message": message } });
    plain(StatusCode::BAD_REQUEST, &body.to_string())
}

fn plain(status: StatusCode, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = status;
    response
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}
