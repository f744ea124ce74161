//! The kind of a refusal, by its status or code and, where these do not tell, by its words.

use tonic::Code;

use crate::error::{Error, ErrorKind};

/// Makes the error of what the service said. That something is not there holds for one address, which is named.
pub(super) fn of(kind: ErrorKind, message: String, address: &str) -> Error {
    let error = Error::new(kind, message);
    if kind == ErrorKind::NotFound { error.with_context("address", address) } else { error }
}

pub(super) fn http_kind(status: u16, message: &str) -> ErrorKind {
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

pub(super) fn grpc_kind(code: Code, message: &str) -> ErrorKind {
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(http_kind(status, ""), kind, "{status}");
        }
    }

    #[test]
    fn forbidden_is_a_refusal_or_a_missing_permission() {
        let kind = |message: &str| http_kind(403, message);
        assert_eq!(kind("Deletion protection is enabled"), ErrorKind::Refused);
        assert_eq!(kind("max serverless indexes reached; quota"), ErrorKind::Refused);
        assert_eq!(kind("Forbidden"), ErrorKind::Unauthorized);
    }

    #[test]
    fn too_large_is_told_by_text_where_the_status_does_not() {
        let size = "Request size 3MB exceeds the maximum supported size of 2097152 bytes";
        assert_eq!(http_kind(400, size), ErrorKind::TooLarge);
        let message = "Received message larger than max (5 vs. 4)";
        assert_eq!(grpc_kind(Code::ResourceExhausted, message), ErrorKind::TooLarge);
        let limited = "rate limit reached";
        assert_eq!(grpc_kind(Code::ResourceExhausted, limited), ErrorKind::RateLimited);
        let metadata =
            "metadata size is 41000 bytes, which exceeds the limit of 40960 bytes per vector";
        assert_eq!(http_kind(400, metadata), ErrorKind::Invalid);
    }
}
