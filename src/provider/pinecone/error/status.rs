//! Answers over gRPC, and what tonic makes of a connection that failed.

use std::error::Error as StdError;

use tonic::{Code, Status};

use super::answer::from_http;
use super::kind::{grpc_kind, of};
use super::network::{innermost, unreachable};
use super::text::shown;
use super::wait::{finish, wait};
use crate::error::{Error, ErrorKind};
use crate::pinecone_wire as wire;
use crate::provider::pinecone::channel::NotGrpc;

/// Converts a gRPC status, or what tonic made of a connection that failed.
pub fn from_status(status: &Status, address: &str) -> Error {
    if is_connect(status) {
        return unreachable(address, innermost(status));
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

/// Converts the error of an answer over gRPC that is not the message it should be.
pub fn undecodable(error: prost::DecodeError) -> Error {
    Error::new(ErrorKind::Protocol, "the answer cannot be decoded").with_source(error)
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
