//! Answers that break off in the middle.

use std::io;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Response, header};
use futures::stream;

use super::server::Peer;

/// Sends the first half of the answer and ends the stream without the rest. An answer without a body has no half, so
/// the connection is reset instead.
pub(crate) async fn truncated(response: Response<Body>, peer: &Peer) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if body.is_empty() {
        peer.reset();
        return std::future::pending().await;
    }
    // The length is that of the whole answer, so that an HTTP/1.1 client can see that a part is missing.
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let parts: [io::Result<Bytes>; 2] = [Ok(half), Err(io::ErrorKind::BrokenPipe.into())];
    Response::from_parts(head, Body::from_stream(stream::iter(parts)))
}
