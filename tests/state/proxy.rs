//! What stands between a process and its bucket: it counts what is asked, and answers for the bucket where a test says so.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, header};
use tokio::net::TcpListener;

/// The most bytes of one object.
const LARGEST: usize = 64 << 20;

/// A request, as far as rules look at it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    /// The object's key, from the bucket on; empty for lists.
    pub key: String,
    pub query: String,
    pub headers: HeaderMap,
}

impl Asked {
    pub fn is_write(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }

    pub fn is_list(&self) -> bool {
        !self.is_write() && self.key.is_empty()
    }

    pub fn is_read(&self) -> bool {
        !self.is_write() && !self.key.is_empty()
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Fate {
    Pass,
    /// The bucket never hears of it: a status, a code and a message come back.
    Refuse(u16, &'static str, &'static str),
    /// The connection ends without an answer.
    Cut,
    /// It passes without a header that begins like this.
    Without(&'static str),
}

type Rule = Arc<dyn Fn(&Asked) -> Fate + Send + Sync>;

pub struct Proxy {
    pub address: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    rule: Mutex<Rule>,
    asked: Mutex<Vec<Asked>>,
}

impl Proxy {
    /// Starts one before a server of S3 through which everything passes.
    pub async fn before(upstream: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            rule: Mutex::new(Arc::new(|_| Fate::Pass)),
            asked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answering = shared.clone();
        let answer = move |request| answer(answering.clone(), request);
        let router = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    /// From now on, this decides.
    pub fn rule(&self, rule: impl Fn(&Asked) -> Fate + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Arc::new(rule);
    }

    /// Returns what was asked since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_start_matches('/');
    let asked = Asked {
        method: parts.method.clone(),
        key: path.split_once('/').map_or("", |(_, key)| key).to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.clone(),
    };
    let rule = shared.rule.lock().unwrap_or_else(PoisonError::into_inner).clone();
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    let mut headers = parts.headers;
    match rule(&asked) {
        Fate::Pass => {}
        Fate::Refuse(status, code, message) => {
            let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
            let text =
                format!("{xml}<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            return Response::builder().status(status).body(Body::from(text)).unwrap();
        }
        // The connection's task ends, and the connection with it; no hook speaks of this as of a panic.
        Fate::Cut => std::panic::resume_unwind(Box::new("cut")),
        Fate::Without(beginning) => {
            let names: Vec<_> = headers
                .keys()
                .filter(|name| name.as_str().starts_with(beginning))
                .cloned()
                .collect();
            for name in names {
                headers.remove(name);
            }
        }
    }
    headers.remove(header::CONNECTION);
    let body = to_bytes(body, LARGEST).await.unwrap();
    let url = format!("{}{}", shared.upstream, parts.uri);
    let sent = shared.client.request(parts.method, url).headers(headers).body(body).send().await;
    let Ok(answer) = sent else { std::panic::resume_unwind(Box::new("nobody there")) };
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if !matches!(*name, header::TRANSFER_ENCODING | header::CONNECTION | header::CONTENT_LENGTH)
        {
            response = response.header(name, value);
        }
    }
    let body = answer.bytes().await.unwrap_or_default();
    response.body(Body::from(body)).unwrap()
}
