use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::emulator::data::Reply;
use crate::emulator::error::{Answer, Refusal};

/// A success: its JSON and its headers.
pub(super) fn ok<T: Serialize>(reply: Reply<T>) -> Answer<Response<Body>> {
    let text =
        serde_json::to_vec(&reply.body).map_err(|error| Refusal::invalid(error.to_string()))?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, number) in reply.lsn.headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    Ok(response)
}
