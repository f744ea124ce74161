//! Answers of something that is not Pinecone: a proxy's page, a firewall's, another service at the address.
//!
//! A 404 from such a stranger says nothing about an index, and a 200 is no description of one. Pinecone's answers are
//! JSON in one of two shapes: `{"error": {"code": "NOT_FOUND", "message": …}}` of the control plane, `{"code": 5,
//! "message": …}` of the data plane; its own answers also carry headers that begin with `x-pinecone`.

use http::HeaderMap;

use crate::error::{Error, ErrorKind};
use crate::pinecone_wire::{ErrorBody, OWN_PREFIX};

/// Most characters of a stranger's answer that are quoted.
const QUOTED_CHARS: usize = 120;

/// Advice if somebody else answers.
const HINT: &str = "check the address (PINECONE_CONTROLLER_HOST, `endpoint`), and whether a proxy or firewall answers in its place (HTTPS_PROXY, NO_PROXY)";

/// Returns the error for an answer that is not Pinecone's; `None` if it may be.
pub fn of_answer(status: u16, headers: &HeaderMap, body: &str, address: &str) -> Option<Error> {
    let is_own = headers.keys().any(|name| name.as_str().starts_with(OWN_PREFIX));
    // A 404 has to meet more: it is taken for "there is no such index".
    let is_strange = is_page(headers, body) || (status == 404 && !ErrorBody::read(body).is_own);
    if is_own || !is_strange {
        return None;
    }
    let kind = match status {
        408 => ErrorKind::Timeout,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    };
    let message = format!("{address} answered {status} with {}", describe(headers, body));
    Some(Error::new(kind, message).with_context("status", status).with_hint(HINT))
}

/// Returns the error for a success whose body is not what Pinecone would send.
pub fn of_success(headers: &HeaderMap, body: &str, address: &str) -> Error {
    let message = format!("{address} answered with {}", describe(headers, body));
    Error::new(ErrorKind::Protocol, message).with_hint(HINT)
}

/// Returns whether the body is a page for a browser.
pub fn is_page(headers: &HeaderMap, body: &str) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html")) || body.trim_start().starts_with('<')
}

fn describe(headers: &HeaderMap, body: &str) -> String {
    let what = match () {
        () if is_page(headers, body) => "a page that is not Pinecone's",
        () if body.trim().is_empty() => {
            return "nothing, which is not how Pinecone answers".to_owned();
        }
        () if body.trim_start().starts_with(['{', '[']) => "JSON that is not Pinecone's",
        () => "text that is not Pinecone's",
    };
    match quote(body) {
        text if text.is_empty() => what.to_owned(),
        text => format!("{what}: `{text}`"),
    }
}

/// Returns the answer's words without tags, in one line.
fn quote(body: &str) -> String {
    let mut text = String::new();
    let mut rest = shown_part(body);
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        text.push(' ');
        let tag = &rest[open..];
        let close = ["script", "style"].iter().find_map(|name| {
            tag[1..]
                .to_ascii_lowercase()
                .starts_with(name)
                .then(|| tag.find(&format!("</{name}")))
                .flatten()
        });
        let from = close.unwrap_or(0);
        rest = tag[from..].find('>').map_or("", |end| &tag[from + end + 1..]);
    }
    text.push_str(rest);
    let words: Vec<_> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Returns as much of a long page as the quoted words can come from.
fn shown_part(body: &str) -> &str {
    let end = body.char_indices().nth(8_000).map_or(body.len(), |(end, _)| end);
    &body[..end]
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PAGE: &str = "<html><head><style>a{}</style><title>Blocked</title></head><body>by <b>ACME</b></body></html>";

    fn answer(status: u16, body: &str) -> Option<Error> {
        of_answer(status, &HeaderMap::new(), body, "http://host:1")
    }

    #[test]
    fn a_page_is_nobodys_refusal_whatever_its_status() {
        for (status, kind) in [
            (401, ErrorKind::Protocol),
            (403, ErrorKind::Protocol),
            (404, ErrorKind::Protocol),
            (407, ErrorKind::Protocol),
            (502, ErrorKind::Unavailable),
        ] {
            let error = answer(status, PAGE).unwrap();
            assert_eq!(error.kind(), kind, "{status}");
            let said = format!(
                "http://host:1 answered {status} with a page that is not Pinecone's: `Blocked by ACME`"
            );
            assert_eq!(error.message(), said);
        }
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
        assert!(of_answer(404, &headers, "", "a").is_some());
    }

    #[test]
    fn a_404_means_that_there_is_none_only_in_pinecones_words() {
        for theirs in [
            "",
            "Not Found",
            r#"{"detail":"Not Found"}"#,
            r#"{"message":"no Route matched with those values"}"#,
            r#"{"error":"Not Found","status":404,"path":"/indexes/a"}"#,
            r#"{"error":{"code":404,"message":"none","status":"NOT_FOUND"}}"#,
        ] {
            assert!(answer(404, theirs).is_some(), "{theirs}");
        }
        for own in [
            r#"{"error":{"code":"NOT_FOUND","message":"Resource a not found"},"status":404}"#,
            r#"{"code":5,"message":"Namespace not found","details":[]}"#,
        ] {
            assert!(answer(404, own).is_none(), "{own}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-pinecone-request-id", HeaderValue::from_static("1"));
        assert!(of_answer(404, &headers, "", "a").is_none());
    }

    #[test]
    fn other_refusals_in_text_or_json_are_read_as_before() {
        assert!(answer(401, "Invalid API Key").is_none());
        assert!(answer(403, r#"{"message":"Forbidden"}"#).is_none());
        assert!(answer(503, "").is_none());
    }
}
