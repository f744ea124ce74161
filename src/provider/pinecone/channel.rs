//! A gRPC channel that distinguishes an answer that is not gRPC from a gRPC answer that broke off: a proxy or a plain
//! web server answers in HTML, text or JSON.

use std::fmt;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response};
use tonic::body::Body;
use tonic::transport::Channel;
use tower::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Most bytes of a foreign answer that are read for its message.
const READ_BYTES: usize = 16 * 1024;

/// An answer that is not gRPC.
#[derive(Debug)]
pub struct NotGrpc {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl fmt::Display for NotGrpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {} and no gRPC", self.status)
    }
}

impl std::error::Error for NotGrpc {}

impl NotGrpc {
    /// Returns whether the host lacks gRPC. A missing key, a rate limit or a server in trouble is no reason to think
    /// so.
    pub fn is_lack(&self) -> bool {
        matches!(self.status, 200..=399 | 400 | 404..=406 | 411 | 415 | 426 | 464 | 501 | 505)
    }
}

/// A channel whose answers are gRPC or an error.
#[derive(Clone)]
pub struct GrpcOnly(pub Channel);

impl Service<Request<Body>> for GrpcOnly {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move { check(answer.await?).await })
    }
}

async fn check(response: Response<Body>) -> Result<Response<Body>, BoxError> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_grpc = kind.is_some_and(|kind| kind.starts_with("application/grpc"))
        || response.headers().contains_key("grpc-status");
    if is_grpc {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(axum::body::Body::new(body), READ_BYTES).await;
    let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    Err(Box::new(NotGrpc { status: parts.status.as_u16(), headers: parts.headers, text }))
}
