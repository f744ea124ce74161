//! Common parts of the emulator's tests: an emulator on a clock that stands still, and raw clients of both wires.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic_prost::ProstCodec;
use vecshift::clock::{Clock, Timestamp};
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::plan::file::Faults;

pub const KEY: &str = "test-key";
pub const READY_AFTER: Duration = Duration::from_secs(5);
pub const COLLECTION_AFTER: Duration = Duration::from_secs(60);
pub const BACKUP_AFTER: Duration = Duration::from_secs(30);
pub const RESTORE_AFTER: Duration = Duration::from_secs(40);

pub struct Rig {
    pub emulator: Emulator,
    pub clock: Clock,
    http: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn lsn(&self, header: &str) -> Option<u64> {
        self.headers.get(header).map(|value| value.to_str().unwrap().parse().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// Returns the message of a data plane error, after checking its shape.
    #[track_caller]
    pub fn refused(self, status: u16, code: i32) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        let body = self.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["details"], json!([]));
        body["message"].as_str().unwrap().to_owned()
    }
}

impl Rig {
    /// Returns the host of an index; `None` if it does not exist.
    pub async fn try_host(&self, index: &str) -> Option<String> {
        let answer = self.control("GET", &format!("/indexes/{index}"), None).await;
        (answer.status == 200).then(|| answer.json()["host"].as_str().unwrap().to_owned())
    }

    pub async fn start() -> Self {
        Self::with(Faults::default(), false).await
    }

    pub async fn with(faults: Faults, rate_limits: bool) -> Self {
        Self::of(|options| {
            options.faults = faults;
            options.rate_limits = rate_limits;
        })
        .await
    }

    /// Starts an emulator with options set by `change`.
    pub async fn of(change: impl FnOnce(&mut EmulatorOptions)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let mut options = EmulatorOptions {
            api_key: Some(KEY.to_owned()),
            rate_limits: false,
            ready_after: READY_AFTER,
            collection_ready_after: COLLECTION_AFTER,
            backup_ready_after: BACKUP_AFTER,
            restore_ready_after: RESTORE_AFTER,
            clock: clock.clone(),
            ..EmulatorOptions::default()
        };
        change(&mut options);
        let emulator = Emulator::start(options).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { emulator, clock, http }
    }

    pub fn request(&self, method: &str, url: &str, body: Option<Value>) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        let request = self
            .http
            .request(method, url)
            .header("Api-Key", KEY)
            .header("X-Pinecone-Api-Version", "2026-04");
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    pub async fn try_call(
        &self,
        method: &str,
        url: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let response = self.request(method, url, body).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }

    /// Sends a request to the control plane.
    pub async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let url = format!("{}{path}", self.emulator.url());
        self.try_call(method, &url, body).await.unwrap()
    }

    /// Sends a request to the control plane in another version.
    pub async fn control_at(
        &self,
        version: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let url = format!("{}{path}", self.emulator.url());
        let mut request = self.request(method, &url, body).build().unwrap();
        request.headers_mut().insert("x-pinecone-api-version", version.parse().unwrap());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    pub async fn post(&self, host: &str, path: &str, body: Value) -> Answer {
        self.try_call("POST", &format!("{host}{path}"), Some(body)).await.unwrap()
    }

    pub async fn get(&self, host: &str, path: &str) -> Answer {
        self.try_call("GET", &format!("{host}{path}"), None).await.unwrap()
    }

    /// Creates an index over the wire, waits until it is ready and returns its host.
    pub async fn create(&self, body: Value) -> String {
        let model = self.control("POST", "/indexes", Some(body)).await.expect(201);
        self.clock.skip(READY_AFTER);
        model["host"].as_str().unwrap().to_owned()
    }

    pub async fn serverless(&self, name: &str) -> String {
        self.create(serverless(name, 3)).await
    }

    pub async fn pod(&self, name: &str) -> String {
        self.create(json!({
            "name": name, "dimension": 3, "metric": "cosine",
            "spec": {"pod": {"environment": "us-east-1-aws", "pod_type": "p1.x1"}}
        }))
        .await
    }
}

pub fn serverless(name: &str, dimension: u32) -> Value {
    json!({
        "name": name, "dimension": dimension, "metric": "cosine",
        "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}
    })
}

/// Makes `count` records of three components, `id-0` and on.
pub fn records(count: usize) -> Value {
    (0..count).map(|n| json!({"id": format!("id-{n}"), "values": [1.0, n, 2.0]})).collect()
}

/// Makes one gRPC call with the key.
pub async fn grpc<Asked, Answered>(
    host: &str,
    path: &'static str,
    asked: Asked,
) -> Result<tonic::Response<Answered>, tonic::Status>
where
    Asked: Message + 'static,
    Answered: Message + Default + 'static,
{
    grpc_with_key(host, path, asked, KEY).await
}

pub async fn grpc_with_key<Asked, Answered>(
    host: &str,
    path: &'static str,
    asked: Asked,
    key: &'static str,
) -> Result<tonic::Response<Answered>, tonic::Status>
where
    Asked: Message + 'static,
    Answered: Message + Default + 'static,
{
    let channel = Channel::from_shared(host.to_owned()).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX);
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(asked);
    request.metadata_mut().insert("api-key", key.parse().unwrap());
    request.metadata_mut().insert("x-pinecone-api-version", "2026-04".parse().unwrap());
    let codec = ProstCodec::<Asked, Answered>::default();
    client.unary(request, PathAndQuery::from_static(path), codec).await
}
