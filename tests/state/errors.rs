//! What the errors of stores mean: answers of a server that says what S3, Google and Azure say, and of real ones that
//! were told to refuse.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, Response, Uri};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vecshift::ErrorKind;
use vecshift::storage::objects::{Objects, Put, Version, open, probe};

use crate::servers;

/// What a server was asked: the method, the path, and the headers.
type Asked = Arc<Mutex<Vec<(Method, String, HeaderMap)>>>;

/// A server that gives one answer to everything.
struct Canned {
    address: String,
    asked: Asked,
    _server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

impl Answer {
    fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: vec![], body: body.into() }
    }

    /// An error as all three say it.
    fn error(status: u16, code: &str, message: &str) -> Self {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        Self::new(
            status,
            format!("{xml}<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        )
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Canned {
    async fn new(answer: Answer) -> Self {
        let asked = Asked::default();
        let seen = asked.clone();
        let handler = move |method: Method, uri: Uri, headers: HeaderMap, _: Bytes| {
            seen.lock().unwrap().push((method, uri.path().to_owned(), headers));
            let answer = answer.clone();
            async move {
                let mut response = Response::builder().status(answer.status);
                for (name, value) in answer.headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(answer.body)).unwrap()
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(handler).layer(DefaultBodyLimit::disable());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked, _server: server }
    }

    fn s3(&self) -> Arc<dyn Objects> {
        opened(&self.address, "s3://shelf/team")
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn opened(address: &str, uri: &str) -> Arc<dyn Objects> {
    opened_with(address, uri, &[])
}

fn opened_with(address: &str, uri: &str, more: &[(&str, &str)]) -> Arc<dyn Objects> {
    let all = [
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ACCESS_KEY_ID", "the-id"),
        ("AWS_SECRET_ACCESS_KEY", "the-key"),
        ("GOOGLE_BASE_URL", address),
        ("GOOGLE_BEARER_TOKEN", "the-token"),
        ("AZURE_STORAGE_ENDPOINT", address),
        ("AZURE_STORAGE_ACCOUNT_NAME", "us"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "a2V5"),
    ];
    let all = all.iter().chain(more);
    let settings = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    open(uri, &settings, Duration::from_secs(20)).unwrap()
}

fn version() -> Version {
    Version { e_tag: Some("\"a\"".to_owned()), version: Some("7".to_owned()) }
}

async fn create(place: &dyn Objects) -> vecshift::Result<Put> {
    place.create("hot/head.json", Bytes::from_static(b"{}")).await
}

async fn replace(place: &dyn Objects) -> vecshift::Result<Put> {
    place.replace("hot/head.json", Bytes::from_static(b"{}"), &version()).await
}

/// A server's answer; the kind, a part of the message, and a part of the hint of the error that is made of it.
type Case = (Answer, ErrorKind, &'static str, &'static str);

fn lasting() -> Vec<Case> {
    use ErrorKind::{NotFound, Refused, Unauthorized, Unsupported};
    let error = Answer::error;
    vec![
        (
            error(403, "AccessDenied", "Access Denied"),
            Unauthorized,
            "not allowed to put `team/hot/head.json` in `shelf`: AccessDenied: Access Denied",
            "on `arn:aws:s3:::shelf/team/*`",
        ),
        (
            error(
                403,
                "AccessDenied",
                "User: arn:aws:iam::1:user/a is not authorized to perform: s3:PutObject on resource: &quot;arn&quot; with an explicit deny in a resource-based policy",
            ),
            Unauthorized,
            "on resource: \"arn\" with",
            "`AWS_SERVER_SIDE_ENCRYPTION`",
        ),
        (
            error(
                403,
                "AccessDenied",
                "User: a is not authorized to perform: kms:GenerateDataKey on this resource",
            ),
            Unauthorized,
            "kms:GenerateDataKey",
            "`kms:GenerateDataKey` and `kms:Decrypt`",
        ),
        (Answer::new(403, ""), Unauthorized, "not allowed to put", "s3:PutObject"),
        (
            error(404, "NoSuchBucket", "The specified bucket does not exist"),
            NotFound,
            "there is no bucket `shelf`: NoSuchBucket: The",
            "AWS_ENDPOINT_URL",
        ),
        (
            error(301, "PermanentRedirect", "must be addressed using the specified endpoint")
                .with("x-amz-bucket-region", "eu-west-1"),
            Refused,
            "`shelf` is in the region eu-west-1: PermanentRedirect",
            "set `AWS_REGION` to eu-west-1",
        ),
        (
            Answer::new(301, "").with("x-amz-bucket-region", "eu-west-1"),
            Refused,
            "`shelf` is in the region eu-west-1",
            "set `AWS_REGION` to eu-west-1",
        ),
        (Answer::new(307, ""), Refused, "`shelf` is in another region", "AWS_REGION"),
        (
            error(
                400,
                "AuthorizationHeaderMalformed",
                "the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region><Message>",
            ),
            Refused,
            "`shelf` is in the region eu-west-1",
            "eu-west-1",
        ),
        (
            error(
                400,
                "IllegalLocationConstraintException",
                "The eu-west-1 location constraint is incompatible",
            ),
            Refused,
            "eu-west-1 location constraint",
            "AWS_REGION",
        ),
        (
            error(400, "ExpiredToken", "The provided token has expired."),
            Unauthorized,
            "the key for `shelf` has expired",
            "AWS_SESSION_TOKEN",
        ),
        (error(403, "RequestExpired", "Request has expired."), Unauthorized, "has expired", "AWS_"),
        (
            error(403, "InvalidAccessKeyId", "does not exist in our records"),
            Unauthorized,
            "is not accepted: InvalidAccessKeyId",
            "it expired",
        ),
        (
            error(403, "SignatureDoesNotMatch", "does not match"),
            Unauthorized,
            "is not accepted",
            "mistyped",
        ),
        (
            error(403, "RequestTimeTooSkewed", "The difference is too large"),
            Unauthorized,
            "of another time",
            "clock",
        ),
        (
            error(501, "NotImplemented", "A header you provided implies"),
            Unsupported,
            "`shelf` cannot put `team/hot/head.json` under a condition: NotImplemented",
            "",
        ),
        (
            error(400, "KMS.DisabledException", "the key is disabled"),
            Refused,
            "refuses to put `team/hot/head.json`: KMS.Disabled",
            "",
        ),
        (
            error(405, "MethodNotAllowed", "not against this resource"),
            Refused,
            "MethodNotAllowed",
            "",
        ),
    ]
}

#[tokio::test]
async fn an_answer_that_repeats_alike_is_an_error_and_says_what_is_needed() {
    for (answer, kind, message, hint) in lasting() {
        let (status, body) = (answer.status, answer.body.clone());
        let server = Canned::new(answer).await;
        let place = server.s3();
        for put in [create(&*place).await, replace(&*place).await] {
            let error = put.map(|put| panic!("{status} {body}: {put:?}")).unwrap_err();
            assert_eq!(error.kind(), kind, "{status} {body}: {error}");
            assert!(error.message().contains(message), "{status} {body}: {error}");
            assert!(
                error.hint().unwrap_or_default().contains(hint),
                "{status}: {:?}",
                error.hint()
            );
            assert!(!error.is_retryable());
        }
        assert_eq!(server.asked(), 2, "{status}: a put is asked once");
        // Reads say the same, with their own names.
        let listed = place.list("").await.unwrap_err();
        assert_eq!(listed.kind(), kind, "{status} {body}: {listed}");
        let read = place.get("hot/head.json").await.unwrap_err();
        assert_eq!(read.kind(), kind, "{status} {body}: {read}");
    }
}

#[tokio::test]
async fn an_answer_that_says_nothing_is_no_answer() {
    use ErrorKind::{RateLimited, Timeout, Unavailable};
    for (answer, kind) in [
        (Answer::error(500, "InternalError", "We encountered an internal error."), Unavailable),
        (Answer::error(503, "ServiceUnavailable", "later"), Unavailable),
        (Answer::error(503, "SlowDown", "Please reduce your request rate."), RateLimited),
        (Answer::error(429, "TooManyRequests", "once a second"), RateLimited),
        (Answer::error(400, "RequestTimeout", "was not read from"), Timeout),
        (Answer::new(502, "<html>a proxy</html>"), Unavailable),
    ] {
        let status = answer.status;
        let server = Canned::new(answer).await;
        let place = server.s3();
        for put in [create(&*place).await, replace(&*place).await] {
            let Put::Unknown(error) = put.unwrap() else { panic!("{status}") };
            assert_eq!(error.kind(), kind, "{status}: {error}");
            assert!(error.is_retryable());
        }
        assert_eq!(server.asked(), 2, "{status}: a put is asked once");
    }
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_refused() {
    for (status, code) in [
        (412, "PreconditionFailed"),
        (409, "ConditionalRequestConflict"),
        (409, "OperationAborted"),
    ] {
        let server = Canned::new(Answer::error(status, code, "no")).await;
        let place = server.s3();
        assert!(matches!(create(&*place).await.unwrap(), Put::Refused), "{status}");
        assert!(matches!(replace(&*place).await.unwrap(), Put::Refused), "{status}");
        assert_eq!(server.asked(), 2, "{status}: a put is asked once");
    }
    let server = Canned::new(Answer::error(404, "NoSuchKey", "no such key")).await;
    let place = server.s3();
    assert!(matches!(replace(&*place).await.unwrap(), Put::Refused));
    assert_eq!(create(&*place).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(place.get("a").await.unwrap().is_none());
}

/// It was written, and what came back is not what a put is answered with.
#[tokio::test]
async fn a_put_without_a_version_is_not_known_to_be_done() {
    let server = Canned::new(Answer::new(200, "")).await;
    let Put::Unknown(error) = create(&*server.s3()).await.unwrap() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[tokio::test]
async fn a_connection_that_is_cut_or_silent_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // Nobody takes what comes: the connection is made, and nothing is said.
    let settings = [
        ("AWS_ENDPOINT_URL", address.as_str()),
        ("AWS_ACCESS_KEY_ID", "the-id"),
        ("AWS_SECRET_ACCESS_KEY", "the-key"),
    ];
    let settings: BTreeMap<_, _> =
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let place = open("s3://shelf", &settings, Duration::from_millis(100)).unwrap();
    let Put::Unknown(error) = create(&*place).await.unwrap() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let error = place.get("a").await.unwrap_err();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Timeout, None));
    assert_eq!(place.list("").await.unwrap_err().kind(), ErrorKind::Timeout);
    // The same of a machine whose role is asked for, and answers no more.
    let settings = [("AWS_METADATA_ENDPOINT".to_owned(), address)].into();
    let place = open("s3://shelf", &settings, Duration::from_millis(100)).unwrap();
    let error = place.get("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.hint().unwrap().starts_with("no key is set"), "{:?}", error.hint());
    drop(listener);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let cut = tokio::spawn(async move {
        let mut begun = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut some = [0; 64];
            connection.read_exact(&mut some).await.unwrap();
            begun.push(some);
        }
    });
    let place = opened(&address, "s3://shelf");
    let Put::Unknown(error) = create(&*place).await.unwrap() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    cut.abort();
    assert!(cut.await.is_err());
    let Put::Unknown(error) = replace(&*place).await.unwrap() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Unavailable, "nobody listens: {error}");
}

/// Google wants the number of the generation, and Azure the tag.
#[tokio::test]
async fn each_service_is_asked_in_its_own_words() {
    for (uri, created, replaced) in [
        ("s3://shelf/team", ("if-none-match", "*"), ("if-match", "\"a\"")),
        ("az://shelf/team", ("if-none-match", "*"), ("if-match", "\"a\"")),
        (
            "gs://shelf/team",
            ("x-goog-if-generation-match", "0"),
            ("x-goog-if-generation-match", "7"),
        ),
    ] {
        let answer = Answer::new(200, "").with("etag", "\"b\"").with("x-goog-generation", "8");
        let server = Canned::new(answer).await;
        let place = opened(&server.address, uri);
        let Put::Done(version) = create(&*place).await.unwrap() else { panic!("{uri}") };
        assert_eq!(version.e_tag.as_deref(), Some("\"b\""));
        if uri.starts_with("gs") {
            assert_eq!(version.version.as_deref(), Some("8"));
        }
        assert!(matches!(replace(&*place).await.unwrap(), Put::Done(_)), "{uri}");
        let asked = server.asked.lock().unwrap();
        for ((method, path, headers), (name, value)) in asked.iter().zip([created, replaced]) {
            assert_eq!(method, Method::PUT);
            assert!(path.starts_with("/shelf/team"), "{path}");
            assert_eq!(headers.get(name).unwrap(), value, "{uri}: {headers:?}");
        }
    }
}

#[tokio::test]
async fn google_and_azure_say_what_is_missing() {
    use ErrorKind::{NotFound, Refused, Unauthorized};
    for (uri, answer, kind, message, hint) in [
        (
            "gs://shelf/team",
            Answer::error(403, "AccessDenied", "Access denied."),
            Unauthorized,
            "not allowed to put `team/hot/head.json` in `shelf`: AccessDenied: Access denied.",
            "`storage.objects.create` and `storage.objects.delete` on `shelf/team/*`",
        ),
        (
            "gs://shelf/team",
            Answer::error(404, "NoSuchBucket", "The specified bucket does not exist."),
            NotFound,
            "there is no bucket `shelf`",
            "",
        ),
        (
            "az://shelf/team",
            Answer::error(
                403,
                "AuthorizationPermissionMismatch",
                "This request is not authorized.\nRequestId:1\nTime:2",
            ),
            Unauthorized,
            "AuthorizationPermissionMismatch: This request is not authorized.",
            "`blobs/write` and `blobs/add/action` on the container `shelf`",
        ),
        (
            "az://shelf/team",
            Answer::error(
                403,
                "AuthenticationFailed",
                "Signature not valid in the specified time frame",
            ),
            Unauthorized,
            "is not accepted",
            "it expired",
        ),
        (
            "az://shelf/team",
            Answer::error(404, "ContainerNotFound", "The specified container does not exist."),
            NotFound,
            "there is no bucket `shelf`",
            "AZURE_STORAGE_ACCOUNT_NAME",
        ),
        (
            "az://shelf/team",
            Answer::error(412, "LeaseIdMissing", "There is currently a lease on the blob"),
            Refused,
            "LeaseIdMissing",
            "",
        ),
        (
            "az://shelf/team",
            Answer::error(
                409,
                "BlobImmutableDueToPolicy",
                "not permitted as the blob is immutable",
            ),
            Refused,
            "BlobImmutableDueToPolicy",
            "",
        ),
    ] {
        let server = Canned::new(answer).await;
        let error = replace(&*opened(&server.address, uri)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{uri}: {error}");
        assert!(error.message().contains(message), "{uri}: {error}");
        assert!(!error.message().contains("RequestId"), "{error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{uri}: {:?}", error.hint());
        assert_eq!(server.asked(), 1);
    }
}

/// A folder's own mark is no object, and names that cannot be read are not left out in silence.
#[tokio::test]
async fn what_others_keep_in_a_bucket() {
    let list = |keys: &[&str]| {
        let one = |key: &&str| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><Size>0</Size></Contents>"
            )
        };
        let all: String = keys.iter().map(one).collect();
        Answer::new(200, format!("<ListBucketResult>{all}</ListBucketResult>"))
    };
    let server = Canned::new(list(&["team/", "team/hot/", "team/hot/a"])).await;
    let listed = server.s3().list("hot").await.unwrap();
    assert_eq!(listed.iter().map(|one| &*one.key).collect::<Vec<_>>(), ["hot/a"]);
    let server = Canned::new(list(&["team/hot/a", "team/hot//b"])).await;
    let error = server.s3().list("hot").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.message().contains("hot//b"), "{error}");
}

/// What a bucket's policy demands of encryption goes with every write, small and large.
#[tokio::test]
async fn encryption_is_asked_for_in_every_write() {
    let body = "<r><UploadId>1</UploadId><ETag>a</ETag></r>";
    let server = Canned::new(Answer::new(200, body).with("etag", "\"a\"")).await;
    let encrypted =
        [("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms"), ("AWS_SSE_KMS_KEY_ID", "the-kms-key")];
    let place = opened_with(&server.address, "s3://shelf", &encrypted);
    create(&*place).await.unwrap();
    replace(&*place).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for length in [10, (8 << 20) + 1] {
        let file = folder.path().join("file");
        std::fs::write(&file, vec![0; length]).unwrap();
        place.upload(&format!("artifacts/{length}"), &file).await.unwrap();
    }
    let asked = server.asked.lock().unwrap();
    // Those that make an object: two puts, a small file, and the beginning of a large one.
    let encrypted = asked.iter().filter(|(_, _, headers)| {
        headers.get("x-amz-server-side-encryption").is_some_and(|kind| kind == "aws:kms")
            && headers
                .get("x-amz-server-side-encryption-aws-kms-key-id")
                .is_some_and(|key| key == "the-kms-key")
    });
    assert_eq!(encrypted.count(), 4, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_no_bucket_on_real_servers() {
    let store = servers::s3().await;
    let nowhere = open("s3://nowhere/a", &store.variables, Duration::from_secs(30)).unwrap();
    let error = probe(&*nowhere, "hot").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.message().contains("NoSuchBucket"), "{error}");
    look_at_keys(&store.server.address).await;
    let error = probe(&*store.open("a"), "hot").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.message().contains("put and get and list"), "{error}");
    assert!(error.message().contains("InvalidAccessKeyId"), "{error}");

    let store = servers::azure().await;
    let mut variables = store.variables.clone();
    variables.insert("AZURE_STORAGE_ACCOUNT_KEY".to_owned(), "a2V5".to_owned());
    let wrong = open("az://shelf/a", &variables, Duration::from_secs(30)).unwrap();
    let error = probe(&*wrong, "hot").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    let nowhere = open("az://nowhere/a", &store.variables, Duration::from_secs(30)).unwrap();
    let error = probe(&*nowhere, "hot").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Has moto look at keys from now on, of which it knows none.
async fn look_at_keys(address: &str) {
    let host = address.trim_start_matches("http://");
    let mut connection = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "POST /moto-api/reset-auth HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 1\r\n\r\n0"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
