//! Answers over HTTP.

use http::HeaderMap;

use super::kind::{http_kind, of};
use super::stranger;
use super::text::shown;
use super::wait::{finish, wait};
use crate::error::{Error, ErrorKind};
use crate::pinecone_wire as wire;

/// Converts an HTTP answer that is not a success, from the server at `address`.
pub fn from_http(status: u16, headers: &HeaderMap, body: &str, address: &str) -> Error {
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

/// Returns the error for an answer with a success status whose body is not what was promised. One that ends too early
/// is worth another try.
pub fn from_json(
    error: serde_json::Error,
    headers: &HeaderMap,
    body: &str,
    address: &str,
) -> Error {
    if error.is_eof() && !stranger::is_page(headers, body) {
        return Error::new(ErrorKind::Unavailable, "the answer ends too early")
            .with_context("address", address)
            .with_source(error);
    }
    stranger::of_success(headers, body, address).with_source(error)
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

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;
    use crate::provider::pinecone::error::from_status;
    use crate::provider::pinecone::error::text::SHOWN_CHARS;

    fn http(status: u16, body: &str) -> Error {
        from_http(status, &HeaderMap::new(), body, "a")
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
    fn long_answers_are_cut() {
        assert!(http(400, &"é".repeat(2_000)).message().chars().count() <= SHOWN_CHARS + 1);
    }
}
