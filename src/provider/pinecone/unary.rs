//! One gRPC call with one message either way.
//!
//! Tonic's own client copies: a request into a buffer that it grows on the way, an answer out of the pieces that it comes
//! in. At the rates of a copy that is a good part of all there is to do, so here both stay what they are.

use std::pin::Pin;

use axum::body::HttpBody;
use bytes::{Buf, Bytes};
use futures::future::{poll_fn, ready};
use futures::stream;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use http::{Method, Request, Response, Uri, Version};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

use super::channel::GrpcOnly;
use crate::pinecone_wire::proto::{FRAME, MESSAGE_BYTES, Rope};

/// A request to `path` with a framed message; the caller adds its own headers.
pub fn request(path: &'static str, framed: Bytes) -> Request<Body> {
    let body = stream::once(ready(Ok::<_, std::convert::Infallible>(framed)));
    let mut request = Request::new(Body::new(axum::body::Body::from_stream(body)));
    *request.version_mut() = Version::HTTP_2;
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(path);
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    request
}

/// Sends it; the message of the answer, and its headers with those that follow the message.
///
/// # Errors
/// What the peer says, with all headers; or why there is no answer.
pub async fn call(
    mut channel: GrpcOnly,
    request: Request<Body>,
) -> Result<(Rope, HeaderMap), Status> {
    poll_fn(|context| channel.poll_ready(context)).await.map_err(Status::from_error)?;
    let response = channel.call(request).await.map_err(Status::from_error)?;
    let is_success = response.status().is_success();
    let (mut answer, headers) = read(response).await?;
    match Status::from_header_map(&headers) {
        Some(status) if status.code() != Code::Ok => return Err(status),
        // What ends without a status broke off, unless the whole message is there.
        None if !is_success => return Err(Status::unknown("an answer without a status")),
        _ => {}
    }
    if answer.remaining() < FRAME {
        return Err(Status::internal("the answer has no message"));
    }
    if answer.get_u8() != 0 {
        return Err(Status::internal("the answer is compressed, which was not asked for"));
    }
    if answer.get_u32() as usize != answer.remaining() {
        return Err(Status::internal("the answer broke off"));
    }
    Ok((answer, headers))
}

async fn read(response: Response<Body>) -> Result<(Rope, HeaderMap), Status> {
    let (head, mut body) = response.into_parts();
    let (mut answer, mut headers) = (Rope::default(), head.headers);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        match frame?.into_data() {
            Ok(piece) => answer.push(piece),
            Err(frame) => headers.extend(frame.into_trailers().unwrap_or_default()),
        }
        if answer.remaining() > FRAME + MESSAGE_BYTES {
            return Err(Status::out_of_range("the answer is larger than any may be"));
        }
    }
    Ok((answer, headers))
}
