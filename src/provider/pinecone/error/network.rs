//! Requests that got no answer.

use std::error::Error as StdError;

use super::text::shown;
use crate::error::{Error, ErrorKind, Retry};

/// Converts the error of a request that got no answer, or an answer that broke off.
pub fn from_reqwest(error: reqwest::Error, address: &str) -> Error {
    let error = error.without_url();
    if error.is_connect() {
        return unreachable(address, innermost(&error));
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
    let cause = innermost(&error);
    if cause.contains("invalid HTTP version") {
        return unreachable(address, cause);
    }
    Error::new(ErrorKind::Unavailable, "the connection broke off")
        .with_context("address", address)
        .with_source(error)
}

/// Returns whether nobody answered at all: a name that does not resolve, a connection that is refused or breaks off.
pub fn is_silence(error: &Error) -> bool {
    let answered = error.context().iter().any(|(name, _)| matches!(*name, "status" | "code"));
    error.kind() == ErrorKind::Unavailable && !answered
}

/// Describes a connection that failed, in words about addresses and ports. The libraries below have only texts for it.
pub(super) fn unreachable(address: &str, cause: String) -> Error {
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
pub(super) fn innermost(error: &dyn StdError) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    shown(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

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
