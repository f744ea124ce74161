//! Failures between the client and a provider, over real sockets.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::model::{IndexSpec, Metric, Namespace, Record, RecordId, Share, VectorType};
use vecshift::pinecone_wire::Deployment;
use vecshift::plan::file::Faults;
use vecshift::provider::Secret;
use vecshift::provider::pinecone::{Index, Settings, Transport};
use vecshift::store::calls::{CallOptions, Calls, Gate, RetryOptions, TimeoutOptions};
use vecshift::store::{Bulk, Describe, Discard, IndexChange, Opened, Query, Write};
use vecshift::{Error, ErrorKind};

use crate::conformance::record;
use crate::peers::{bare, index};

const WIRES: [Transport; 2] = [Transport::Grpc, Transport::Rest];

async fn emulator(options: EmulatorOptions) -> Emulator {
    let emulator = Emulator::start(options).await.unwrap();
    let spec = IndexSpec {
        name: "conformance".into(),
        dimension: Some(4),
        metric: Metric::Cosine,
        vector_type: VectorType::Dense,
        deployment: Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() }
            .into(),
        deletion_protection: false,
        tags: Default::default(),
    };
    emulator.add_index(spec).await.unwrap();
    emulator
}

fn open(endpoint: String, key: &str, transport: Transport) -> Index {
    let settings = Settings {
        index: "conformance".into(),
        endpoint,
        api_key: Secret::new(key),
        transport,
        user_agent: "vecshift-tests".into(),
        rates: Default::default(),
    };
    Index::new(settings).unwrap()
}

fn namespace() -> Namespace {
    Namespace::from("n")
}

#[tokio::test]
async fn a_wrong_key_is_reported_and_never_shown() {
    let api_key = Some("right".to_owned());
    let emulator = emulator(EmulatorOptions { api_key, ..Default::default() }).await;
    for transport in WIRES {
        let index = open(emulator.url(), "wrong-and-secret", transport);
        let error = index.describe().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.hint().unwrap().contains("API key"));
        assert!(!format!("{error} {error:?}").contains("wrong-and-secret"));
        open(emulator.url(), "right", transport).describe().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn silence_at_an_address_is_reported_with_the_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = open(address.clone(), "key", Transport::Auto).describe().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    assert!(
        error.to_string().contains(&address) && error.to_string().contains("refused"),
        "{error}"
    );
}

#[tokio::test]
async fn a_data_plane_that_is_gone_is_unavailable() {
    for transport in [Transport::Grpc, Transport::Rest, Transport::Auto] {
        let emulator = emulator(EmulatorOptions::default()).await;
        let index = index(&emulator, transport);
        index.describe().await.unwrap();
        emulator.shutdown().await;
        let error = index.stats().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{transport:?}: {error}");
        assert!(error.to_string().contains("127.0.0.1"), "{transport:?}: {error}");
    }
}

type Set = fn(&mut Faults, Share);

#[tokio::test]
async fn every_fault_has_its_kind_and_may_be_tried_again() {
    let cases: [(Set, ErrorKind); 4] = [
        (|faults, share| faults.rate_limited = Some(share), ErrorKind::RateLimited),
        (|faults, share| faults.unavailable = Some(share), ErrorKind::Unavailable),
        (|faults, share| faults.reset = Some(share), ErrorKind::Unavailable),
        (|faults, share| faults.truncated = Some(share), ErrorKind::Unavailable),
    ];
    for transport in WIRES {
        let emulator = emulator(EmulatorOptions::default()).await;
        let bare = bare(&emulator, transport);
        let index = bare.through(Calls::bare());
        index.must_write().unwrap().upsert(&namespace(), &[record("a")]).await.unwrap();
        for (at, (set, kind)) in cases.iter().enumerate() {
            let mut faults = Faults::default();
            set(&mut faults, Share(1.0));
            emulator.set_faults(faults);
            let query = Query { vectors: record("a").vectors, limit: 1, ..Query::default() };
            let ids = [RecordId::from("a")];
            let failed: [Error; 4] = [
                index.must_write().unwrap().upsert(&namespace(), &[record("a")]).await.unwrap_err(),
                index.must_fetch().unwrap().fetch(&namespace(), &ids).await.unwrap_err(),
                index.must_search().unwrap().query(&namespace(), &query).await.unwrap_err(),
                bare.list(&namespace(), "", None).await.unwrap_err(),
            ];
            for error in failed {
                assert_eq!(error.kind(), *kind, "{transport:?}, case {at}: {error}");
                assert!(error.is_retryable(), "{transport:?}, case {at}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn behind_the_layers_faults_are_not_noticed() {
    let some = Some(Share(0.05));
    let faults = Faults {
        rate_limited: some,
        unavailable: some,
        reset: some,
        truncated: some,
        ..Default::default()
    };
    let retry = RetryOptions {
        base: Duration::from_millis(1),
        cap: Duration::from_millis(20),
        ..RetryOptions::usual()
    };
    for transport in [Transport::Grpc, Transport::Rest, Transport::Auto] {
        let emulator = emulator(EmulatorOptions::default()).await;
        emulator.set_faults(faults.clone());
        let options = CallOptions { retry, ..CallOptions::default() };
        let calls = Calls::new(options);
        let metrics = calls.metrics();
        let target = bare(&emulator, transport).through(calls);
        let records: Vec<Record> = (0..1_000).map(|at| record(&format!("{at:04}"))).collect();
        let ids: Vec<RecordId> = records.iter().map(|record| record.id.clone()).collect();
        for part in records.chunks(20) {
            target.must_write().unwrap().upsert(&namespace(), part).await.unwrap();
        }
        let mut found = Vec::new();
        for part in ids.chunks(20) {
            found.extend(target.must_fetch().unwrap().fetch(&namespace(), part).await.unwrap());
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(found, records, "{transport:?}");
        let total = metrics.total();
        assert!(total.retries > 0 && total.retries == total.errors, "{transport:?}: {total:?}");
        assert_eq!(metrics.count("upsert").records, 1_000);
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let emulator = emulator(EmulatorOptions::default()).await;
    let bare = bare(&emulator, Transport::Grpc);
    bare.describe().await.unwrap();
    let latency = "30s".parse().ok();
    emulator.set_faults(Faults { latency, ..Faults::default() });
    let limit = Duration::from_millis(50);
    let options = CallOptions {
        timeout: TimeoutOptions { data: limit, control: limit },
        retry: RetryOptions::never(),
        ..CallOptions::probe(limit)
    };
    let calls = Calls::new(options);
    let metrics = calls.metrics();
    let target = bare.through(calls);
    let error = target.stats().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(metrics.count("stats").requests, 1);
}

#[tokio::test]
async fn behind_read_only_nothing_is_written() {
    let emulator = emulator(EmulatorOptions::default()).await;
    let target = bare(&emulator, Transport::Grpc).through(Calls::bare().behind(Gate::ReadOnly));
    let spec = target.describe().await.unwrap().unwrap().spec;
    target.stats().await.unwrap();
    let n = namespace();
    let change = IndexChange { deletion_protection: Some(true) };
    let refused: [Error; 6] = [
        target.must_admin().unwrap().create(&spec).await.unwrap_err(),
        target.must_remove().unwrap().configure(&change).await.unwrap_err(),
        target.must_remove().unwrap().delete_index().await.unwrap_err(),
        target.must_write().unwrap().upsert(&n, &[record("a")]).await.unwrap_err(),
        target.must_remove().unwrap().delete(&n, &[RecordId::from("a")]).await.unwrap_err(),
        target.must_remove().unwrap().delete_namespace(&n).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.kind() == ErrorKind::Refused));
    let counters = emulator.counters();
    let asked: Vec<&str> = counters.requests.keys().copied().collect();
    assert_eq!(asked, ["describe_index", "describe_index_stats"]);
}

/// Answers that a server gives itself; `None` passes the request to the emulator.
type Own = fn(&Request<Body>) -> Option<(StatusCode, &'static str)>;

/// Starts a server in front of the emulator that answers some requests itself. Index hosts in answers become its own
/// address.
async fn in_front(emulator: &Emulator, answer: Own) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let (upstream, address) = (emulator.url(), own.clone());
    let handler = move |request: Request<Body>| {
        let (client, upstream, own) = (client.clone(), upstream.clone(), own.clone());
        async move {
            if let Some((status, text)) = answer(&request) {
                return Response::builder().status(status).body(Body::from(text)).unwrap();
            }
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
            let mut headers = parts.headers;
            headers.remove("host");
            let sent = client
                .request(parts.method, format!("{upstream}{}", parts.uri))
                .headers(headers)
                .body(body)
                .send()
                .await
                .unwrap();
            let status = sent.status();
            let text = sent.text().await.unwrap();
            let text = match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(mut json) if json.get("host").is_some() => {
                    json["host"] = own.into();
                    json.to_string()
                }
                _ => text,
            };
            Response::builder().status(status).body(Body::from(text)).unwrap()
        }
    };
    let app = axum::Router::new().fallback(handler);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

fn is_grpc(request: &Request<Body>) -> bool {
    request
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("application/grpc")))
}

#[tokio::test]
async fn a_host_without_grpc_is_spoken_to_over_rest() {
    let emulator = emulator(EmulatorOptions::default()).await;
    let refusals: [Own; 3] = [
        |request| is_grpc(request).then_some((StatusCode::NOT_FOUND, "no such page")),
        |request| is_grpc(request).then_some((StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}")),
        |request| is_grpc(request).then_some((StatusCode::OK, "<html>")),
    ];
    for refusal in refusals {
        let address = in_front(&emulator, refusal).await;
        let index = open(address.clone(), "key", Transport::Auto);
        let upserted = index.upsert(&namespace(), &[record("a")]).await.unwrap();
        assert_eq!(upserted.count, 1);
        assert_eq!(index.is_rest(), Some(true));
        assert_eq!(index.stats().await.unwrap().total, 1);

        let strict = open(address, "key", Transport::Grpc);
        assert!(strict.stats().await.is_err());
        assert_eq!(strict.is_rest(), Some(false));
    }
}

#[tokio::test]
async fn where_grpc_works_it_stays() {
    let emulator = emulator(EmulatorOptions::default()).await;
    let index = open(emulator.url(), "key", Transport::Auto);
    index.stats().await.unwrap();
    emulator.set_faults(Faults { unavailable: Some(Share(1.0)), ..Faults::default() });
    index.stats().await.unwrap_err();
    emulator.set_faults(Faults::default());
    index.stats().await.unwrap();
    assert_eq!(index.is_rest(), Some(false));
}

#[tokio::test]
async fn a_server_that_lacks_the_version_is_asked_with_the_older_one() {
    let emulator = emulator(EmulatorOptions::default()).await;
    let address = in_front(&emulator, |request| {
        let version = request.headers().get("x-pinecone-api-version");
        let is_new = version.is_none_or(|version| version == "2026-04");
        let text = r#"{"error":{"code":"INVALID_ARGUMENT","message":"unknown API version"}}"#;
        is_new.then_some((StatusCode::BAD_REQUEST, text))
    })
    .await;
    let index = open(address, "key", Transport::Rest);
    assert!(index.describe().await.unwrap().is_some());
    index.upsert(&namespace(), &[record("a")]).await.unwrap();
    assert_eq!(index.stats().await.unwrap().total, 1);
}

#[tokio::test]
async fn a_server_that_takes_no_version_of_ours_is_refused_plainly() {
    let emulator = emulator(EmulatorOptions::default()).await;
    let address = in_front(&emulator, |_| {
        let text = r#"{"error":{"code":"INVALID_ARGUMENT","message":"unknown API version"}}"#;
        Some((StatusCode::BAD_REQUEST, text))
    })
    .await;
    let index = open(address, "key", Transport::Rest);
    for _ in 0..2 {
        let error = index.describe().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let message = error.to_string();
        assert!(message.contains("neither API version 2026-04 nor 2025-10"), "{message}");
        assert!(error.hint().unwrap().contains("newer vecshift"));
    }
}

#[tokio::test]
async fn a_server_without_imports_says_so() {
    let emulator = emulator(EmulatorOptions::default()).await;
    let address = in_front(&emulator, |request| {
        let is_import = request.uri().path().starts_with("/bulk/");
        is_import.then_some((StatusCode::NOT_FOUND, r#"{"code":5,"message":"Not Found"}"#))
    })
    .await;
    let index = open(address, "key", Transport::Rest);
    let error = index.imports().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    index.cancel_import("1").await.unwrap();
}
