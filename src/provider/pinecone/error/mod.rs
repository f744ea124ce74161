//! Answers of the service and failures of the network as one [`Error`] with its kind and whether a retry helps.

mod stranger;

use std::error::Error as StdError;
use std::time::Duration;

use tonic::{Code, Status};

use super::channel::NotGrpc;
use crate::error::{Error, ErrorKind, Retry};
use crate::pinecone_wire as wire;
pub use stranger::of_success as from_stranger;

/// Longest text of an answer that is kept in a message.
const SHOWN_CHARS: usize = 500;

/// Longest wait a peer may ask for in a header before it is cut (Pinecone's own SDK cuts at 60 s too).
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Converts an HTTP answer that is not a success, from the server at `address`.
pub fn from_http(status: u16, headers: &http::HeaderMap, body: &str, address: &str) -> Error {
    if let Some(error) = stranger::of_answer(status, headers, body, address) {
        return error;
    }
    let (code, message) = read_body(status, body);
    let kind = http_kind(status, &message);
    let mut error = of(kind, message, address).with_context("status", status);
    if let Some(code) = code {
        error = error.with_context("code", code);
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(id) = wire::REQUEST_IDS.into_iter().find_map(text) {
        error = error.with_context("request_id", id);
    }
    finish(error, wait(None, text(wire::RETRY_AFTER)))
}

/// Makes the error of what the service said. That something is not there holds for one address, which is named.
fn of(kind: ErrorKind, message: String, address: &str) -> Error {
    let error = Error::new(kind, message);
    if kind == ErrorKind::NotFound { error.with_context("address", address) } else { error }
}

/// Converts a gRPC status, or what tonic made of a connection that failed.
pub fn from_status(status: &Status, address: &str) -> Error {
    if is_connect(status) {
        return unreachable(address, chain(status));
    }
    if let Some(answer) = find::<NotGrpc>(status) {
        return from_foreign(answer, address);
    }
    let message = match status.message() {
        "" => format!("the service answered {:?} without a message", status.code()),
        message => shown(message),
    };
    let error = of(grpc_kind(status.code(), &message), message, address)
        .with_context("code", wire::Code::of_grpc(status.code()).word());
    let text = |name: &str| status.metadata().get(name).and_then(|value| value.to_str().ok());
    finish(error, wait(text(wire::GRPC_PUSHBACK), text(wire::RETRY_AFTER)))
}

/// Converts an answer to a gRPC call that is not gRPC.
fn from_foreign(answer: &NotGrpc, address: &str) -> Error {
    if answer.is_lack() {
        Error::unsupported("the host answers, but not in gRPC")
            .with_context("status", answer.status)
            .with_context("address", address)
            .with_hint("let the data plane use REST")
    } else {
        from_http(answer.status, &answer.headers, &answer.text, address)
    }
}

/// Converts the error of a request that got no answer, or an answer that broke off.
pub fn from_reqwest(error: reqwest::Error, address: &str) -> Error {
    let error = error.without_url();
    if error.is_connect() {
        return unreachable(address, chain(&error));
    }
    if error.is_timeout() {
        return Error::new(ErrorKind::Timeout, "no answer in time")
            .with_context("address", address)
            .with_source(error);
    }
    if error.is_builder() {
        return Error::invalid("the request cannot be made")
            .with_context("address", address)
            .with_source(error);
    }
    let cause = chain(&error);
    if cause.contains("invalid HTTP version") {
        return unreachable(address, cause);
    }
    Error::new(ErrorKind::Unavailable, "the connection broke off")
        .with_context("address", address)
        .with_source(error)
}

/// Returns the error for an answer with a success status whose body is not what was promised. One that ends too early
/// is worth another try.
pub fn from_json(
    error: serde_json::Error,
    headers: &http::HeaderMap,
    body: &str,
    address: &str,
) -> Error {
    if error.is_eof() && !stranger::is_page(headers, body) {
        return Error::new(ErrorKind::Unavailable, "the answer ends too early")
            .with_context("address", address)
            .with_source(error);
    }
    from_stranger(headers, body, address).with_source(error)
}

/// Converts the error of an answer over gRPC that is not the message it should be.
pub fn undecodable(error: prost::DecodeError) -> Error {
    Error::new(ErrorKind::Protocol, "the answer cannot be decoded").with_source(error)
}

/// Returns whether nobody answered at all: a name that does not resolve, a connection that is refused or breaks off.
pub fn is_silence(error: &Error) -> bool {
    let answered = error.context().iter().any(|(name, _)| matches!(*name, "status" | "code"));
    error.kind() == ErrorKind::Unavailable && !answered
}

/// Returns whether a gRPC call failed because there is no gRPC at that address.
pub fn is_not_grpc(status: &Status) -> bool {
    is_connect(status)
        || status.code() == Code::Unimplemented
        || find::<NotGrpc>(status).is_some_and(NotGrpc::is_lack)
}

/// Returns whether a connection was refused or failed its handshake, or timed out while connecting (as in a network
/// that only lets a proxy out).
fn is_connect(status: &Status) -> bool {
    find::<tonic::ConnectError>(status).is_some()
        || find::<std::io::Error>(status)
            .is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
}

/// Returns the cause of type `E` behind a status.
fn find<E: StdError + 'static>(status: &Status) -> Option<&E> {
    let mut source = StdError::source(status);
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

/// Describes a connection that failed, in words about addresses and ports. The libraries below have only texts for it.
fn unreachable(address: &str, cause: String) -> Error {
    let says = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    let (why, hint, retry) = if says(&["certificate"]) {
        let hint = "set SSL_CERT_FILE to a PEM file with your network's certificate authority";
        (cause.as_str(), hint, Retry::Never)
    } else if says(&["InvalidContentType", "corrupt message"]) {
        let hint = "write the address with http://, or name the port that speaks TLS";
        ("that port speaks plain HTTP, and the address says https", hint, Retry::Never)
    } else if says(&["invalid HTTP version"]) {
        let hint = "write the address with https://, or name the port that speaks plain HTTP";
        ("that port does not speak plain HTTP, as the address says", hint, Retry::Never)
    } else if says(&["lookup address", "Name or service not known", "No such host"]) {
        let hint =
            "check the spelling of the host, the network, and HTTPS_PROXY where one is needed";
        ("no host is known by that name", hint, Retry::Later)
    } else if says(&["Connection refused"]) {
        let hint = "check the address and the port, and that the service runs";
        ("nothing listens there (connection refused)", hint, Retry::Later)
    } else {
        let hint = "check the address, the network, and HTTPS_PROXY where one is needed";
        (cause.as_str(), hint, Retry::Later)
    };
    Error::new(ErrorKind::Unavailable, format!("{address} cannot be reached: {why}"))
        .with_hint(hint)
        .with_retry(retry)
}

/// Returns the innermost cause, which says the most ("Connection refused").
fn chain(error: &dyn StdError) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    shown(&cause.to_string())
}

/// Reads code and message from an error body, which may be any text (a 401 is).
fn read_body(status: u16, body: &str) -> (Option<String>, String) {
    let read = wire::ErrorBody::read(body);
    let message = match read.message.as_deref().unwrap_or(body).trim() {
        "" => format!("the service answered {status} without a message"),
        text => shown(text),
    };
    (read.code, message)
}

fn http_kind(status: u16, message: &str) -> ErrorKind {
    match status {
        400 | 422 if says_too_large(message) => ErrorKind::TooLarge,
        400 | 422 => ErrorKind::Invalid,
        401 => ErrorKind::Unauthorized,
        403 => forbidden(message),
        402 | 412 => ErrorKind::Refused,
        404 if is_lacking(message) => ErrorKind::Unsupported,
        404 => ErrorKind::NotFound,
        405 | 501 => ErrorKind::Unsupported,
        408 => ErrorKind::Timeout,
        409 => ErrorKind::AlreadyExists,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::Refused,
        _ => ErrorKind::Protocol,
    }
}

fn grpc_kind(code: Code, message: &str) -> ErrorKind {
    match code {
        Code::InvalidArgument | Code::OutOfRange | Code::ResourceExhausted
            if says_too_large(message) =>
        {
            ErrorKind::TooLarge
        }
        Code::InvalidArgument | Code::OutOfRange => ErrorKind::Invalid,
        Code::Unauthenticated => ErrorKind::Unauthorized,
        Code::PermissionDenied => forbidden(message),
        Code::NotFound if is_lacking(message) => ErrorKind::Unsupported,
        Code::NotFound => ErrorKind::NotFound,
        Code::AlreadyExists => ErrorKind::AlreadyExists,
        Code::FailedPrecondition => ErrorKind::Refused,
        Code::ResourceExhausted => ErrorKind::RateLimited,
        Code::DeadlineExceeded => ErrorKind::Timeout,
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::DataLoss => ErrorKind::Protocol,
        Code::Ok
        | Code::Unavailable
        | Code::Aborted
        | Code::Internal
        | Code::Unknown
        | Code::Cancelled => ErrorKind::Unavailable,
    }
}

/// Returns the kind of a 403, which is deletion protection or a quota (refused) as well as a missing permission
/// (unauthorized).
fn forbidden(message: &str) -> ErrorKind {
    let message = message.to_ascii_lowercase();
    let refused = ["protection", "quota", "limit", "max ", "maximum", "capacity", "not ready"];
    if refused.iter().any(|word| message.contains(word)) {
        ErrorKind::Refused
    } else {
        ErrorKind::Unauthorized
    }
}

/// Returns whether a pod refuses an operation that only serverless indexes have. Its answer is not documented;
/// somebody else's test double models it as 404.
fn is_lacking(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("not supported") || message.contains("unsupported")
}

/// Returns whether a size limit was hit: that comes as 400 with a text, as 413, and over gRPC as a limit of the
/// message layer.
fn says_too_large(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let texts = [
        "larger than max",
        "length too large",
        "too large",
        "size limit",
        "exceeds the maximum supported size",
        "exceeds the limit",
        "too many vectors",
        "batch size",
    ];
    // Limits of one record, which a smaller request does not change.
    let of_one_record = ["metadata size", "sparse vector"];
    texts.iter().any(|text| message.contains(text))
        && !of_one_record.iter().any(|text| message.contains(text))
}

/// Returns the wait that the peer asks for: `grpc-retry-pushback-ms` first (negative means not at all), then seconds.
fn wait(pushback_ms: Option<&str>, retry_after: Option<&str>) -> Option<Retry> {
    if let Some(ms) = pushback_ms.and_then(|text| text.trim().parse::<i64>().ok()) {
        return Some(match u64::try_from(ms) {
            Ok(ms) => Retry::After(Duration::from_millis(ms).min(LONGEST_WAIT)),
            Err(_) => Retry::Never,
        });
    }
    let seconds: f64 = retry_after?.trim().parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Retry::After(wait.min(LONGEST_WAIT)))
}

/// Adds a hint and, if a retry can help this kind, the wait that the peer asked for.
fn finish(error: Error, wait: Option<Retry>) -> Error {
    let error = match wait {
        Some(retry) if error.is_retryable() => error.with_retry(retry),
        _ => error,
    };
    match error.kind() {
        ErrorKind::Unauthorized => error.with_hint(
            "check the API key: it must belong to the index's project and have the permission",
        ),
        _ => error,
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn http(status: u16, body: &str) -> Error {
        from_http(status, &HeaderMap::new(), body, "a")
    }

    #[test]
    fn every_status_has_its_kind() {
        let cases = [
            (400, ErrorKind::Invalid),
            (401, ErrorKind::Unauthorized),
            (402, ErrorKind::Refused),
            (408, ErrorKind::Timeout),
            (409, ErrorKind::AlreadyExists),
            (412, ErrorKind::Refused),
            (413, ErrorKind::TooLarge),
            (418, ErrorKind::Refused),
            (422, ErrorKind::Invalid),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (501, ErrorKind::Unsupported),
            (503, ErrorKind::Unavailable),
            (302, ErrorKind::Protocol),
        ];
        for (status, kind) in cases {
            assert_eq!(http(status, "{}").kind(), kind, "{status}");
        }
    }

    #[test]
    fn a_404_of_the_service_is_that_there_is_none() {
        let body = r#"{"status":404,"error":{"code":"NOT_FOUND","message":"none"}}"#;
        assert_eq!(http(404, body).kind(), ErrorKind::NotFound);
        let of_grpc = from_status(&Status::new(Code::NotFound, "none"), "a");
        for error in [http(404, body), of_grpc] {
            assert!(error.context().contains(&("address", "a".to_owned())), "{error}");
        }
        assert_eq!(http(404, "{}").kind(), ErrorKind::Protocol);
    }

    #[test]
    fn every_body_shape_is_read() {
        let control =
            http(409, r#"{"status":409,"error":{"code":"ALREADY_EXISTS","message":"taken"}}"#);
        assert_eq!(control.message(), "taken");
        assert!(control.context().contains(&("code", "ALREADY_EXISTS".into())));
        assert_eq!(http(400, r#"{"code":3,"message":"bad","details":[]}"#).message(), "bad");
        assert_eq!(http(401, "Invalid API Key\n").message(), "Invalid API Key");
        assert_eq!(http(500, "").message(), "the service answered 500 without a message");
    }

    #[test]
    fn forbidden_is_a_refusal_or_a_missing_permission() {
        let kind = |message: &str| http(403, message).kind();
        assert_eq!(kind("Deletion protection is enabled"), ErrorKind::Refused);
        assert_eq!(kind("max serverless indexes reached; quota"), ErrorKind::Refused);
        assert_eq!(kind("Forbidden"), ErrorKind::Unauthorized);
    }

    #[test]
    fn too_large_is_recognised_by_text_where_the_status_does_not_say() {
        let body = r#"{"code":3,"message":"Request size 3MB exceeds the maximum supported size of 2097152 bytes"}"#;
        assert_eq!(http(400, body).kind(), ErrorKind::TooLarge);
        let status = Status::resource_exhausted("Received message larger than max (5 vs. 4)");
        assert_eq!(from_status(&status, "a").kind(), ErrorKind::TooLarge);
        let limited = Status::resource_exhausted("rate limit reached");
        assert_eq!(from_status(&limited, "a").kind(), ErrorKind::RateLimited);
        let metadata = r#"{"message":"metadata size is 41000 bytes, which exceeds the limit of 40960 bytes per vector"}"#;
        assert_eq!(http(400, metadata).kind(), ErrorKind::Invalid);
    }

    #[test]
    fn the_peer_says_when_to_come_back() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("2"));
        let error = from_http(429, &headers, "", "a");
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(2)));
        let refused = from_http(400, &headers, "", "a");
        assert_eq!(refused.retry(), Retry::Never);

        let mut status = Status::unavailable("busy");
        status.metadata_mut().insert("retry-after", "3".parse().unwrap());
        status.metadata_mut().insert("grpc-retry-pushback-ms", "250".parse().unwrap());
        let retry = from_status(&status, "a").retry();
        assert_eq!(retry, Retry::After(Duration::from_millis(250)));
        status.metadata_mut().insert("grpc-retry-pushback-ms", "-1".parse().unwrap());
        assert_eq!(from_status(&status, "a").retry(), Retry::Never);
    }

    #[test]
    fn a_cut_answer_is_worth_another_try_and_a_wrong_one_is_not() {
        let cut = serde_json::from_str::<serde_json::Value>(r#"{"a":"#).unwrap_err();
        assert!(from_json(cut, &HeaderMap::new(), r#"{"a":"#, "a").is_retryable());
        let wrong = serde_json::from_str::<serde_json::Value>("<html>Hello</html>").unwrap_err();
        let wrong = from_json(wrong, &HeaderMap::new(), "<html>Hello</html>", "http://host");
        assert_eq!(wrong.kind(), ErrorKind::Protocol);
        assert_eq!(
            wrong.message(),
            "http://host answered with a page that is not Pinecone's: `Hello`"
        );
    }

    #[test]
    fn a_connection_that_runs_out_of_time_is_no_grpc_here() {
        let timed_out = std::io::Error::from(std::io::ErrorKind::TimedOut);
        let status = Status::from_error(Box::new(timed_out));
        assert!(is_not_grpc(&status));
        let error = from_status(&status, "https://host");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("https://host cannot be reached"), "{error}");
        assert!(!is_not_grpc(&Status::unavailable("busy")));
        assert!(is_not_grpc(&Status::unimplemented("no such method")));
    }

    #[test]
    fn long_answers_are_cut() {
        assert!(http(400, &"é".repeat(2_000)).message().chars().count() <= SHOWN_CHARS + 1);
    }

    #[test]
    fn a_connection_that_fails_is_described_by_address_and_port() {
        let cases = [
            (
                "received corrupt message of type InvalidContentType",
                "speaks plain HTTP",
                Retry::Never,
            ),
            ("invalid HTTP version parsed", "https://", Retry::Never),
            (
                "failed to lookup address information: Name or service not known",
                "name",
                Retry::Later,
            ),
            ("Connection refused (os error 111)", "nothing listens", Retry::Later),
            ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE", Retry::Never),
            ("No route to host", "No route to host", Retry::Later),
        ];
        for (cause, words, retry) in cases {
            let error = unreachable("https://localhost:5080", cause.to_owned());
            let text = format!("{error} {}", error.hint().unwrap_or_default());
            assert!(text.contains("https://localhost:5080") && text.contains(words), "{text}");
            assert_eq!(error.retry(), retry, "{cause}");
        }
    }
}
