//! Answers from something that is not Pinecone, and an index that is deleted while in use.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use vecshift::ErrorKind;
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::model::{IndexSpec, Metric, Namespace, RecordId, VectorType};
use vecshift::pinecone_wire::Deployment;
use vecshift::provider::Secret;
use vecshift::provider::pinecone::{Index, Settings, Transport};
use vecshift::store::calls::{CallOptions, Calls};
use vecshift::store::{Describe, Opened, Remove};

const NAME: &str = "conformance";

fn open(endpoint: String, transport: Transport) -> Index {
    let settings = Settings {
        index: NAME.into(),
        endpoint,
        api_key: Secret::new("key"),
        transport,
        user_agent: "vecshift-tests".into(),
        rates: Default::default(),
    };
    Index::new(settings).unwrap()
}

/// Starts a server that answers everything alike; returns its address.
async fn stranger(status: u16, kind: &'static str, body: &'static str) -> String {
    let answer = move || async move {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        (StatusCode::from_u16(status).unwrap(), headers, body)
    };
    let app = axum::Router::new().fallback(answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

const PAGE: &str = "<html><title>Web filter</title><body>Blocked by ACME</body></html>";

#[tokio::test]
async fn a_strangers_answer_is_no_missing_index() {
    for (status, kind, body, words) in [
        (404, "text/html", PAGE, "answered 404 with a page"),
        (200, "text/html", PAGE, "answered with a page"),
        (403, "text/html", PAGE, "answered 403 with a page"),
        (502, "text/html", PAGE, "answered 502 with a page"),
        (404, "application/json", r#"{"detail":"Not Found"}"#, "answered 404 with JSON"),
        (404, "text/plain", "", "answered 404 with nothing"),
        (200, "application/json", r#"{"status":"up"}"#, "answered with JSON"),
        (200, "application/json", r#"{"name":"another","metric":"cosine"}"#, "answered with JSON"),
    ] {
        let address = stranger(status, kind, body).await;
        let index = open(address.clone(), Transport::Rest);
        let error = index.describe().await.unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&address) && said.contains(words), "{status} {kind}: {said}");
        assert!(!body.starts_with('<') || said.contains("Blocked by ACME"), "{said}");
        assert!(error.hint().unwrap().contains("proxy"), "{said}");
        assert_eq!(error.is_retryable(), status == 502, "{said}");
    }
}

fn spec() -> IndexSpec {
    IndexSpec {
        name: NAME.into(),
        dimension: Some(4),
        metric: Metric::Cosine,
        vector_type: VectorType::Dense,
        deployment: Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() }
            .into(),
        deletion_protection: false,
        tags: Default::default(),
    }
}

#[tokio::test]
async fn an_index_that_is_deleted_in_between_is_said_to_be_at_once() {
    for transport in [Transport::Auto, Transport::Grpc, Transport::Rest] {
        let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
        emulator.add_index(spec()).await.unwrap();
        let index = open(emulator.url(), transport);
        let calls = Calls::new(CallOptions::within_rates());
        let metrics = calls.metrics();
        let stacked = index.through(calls);
        stacked.stats().await.unwrap();
        let other = open(emulator.url(), Transport::Rest);
        other.delete_index().await.unwrap();
        let (namespace, ids) = (Namespace::from("n"), [RecordId::from("a")]);
        let fetch = stacked.must_fetch().unwrap();
        let fetched = fetch.fetch(&namespace, &ids);
        let error =
            tokio::time::timeout(Duration::from_secs(20), fetched).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{transport:?} {error}");
        assert!(error.to_string().contains("not there any more"), "{error}");
        assert!(metrics.total().retries <= 1, "{transport:?} {}", metrics.total().retries);
    }
}
