//! The answer to a refused request, before it takes the shape of its wire.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};

use crate::pinecone_wire::{ErrorBody, Fault, Malformed};

pub(crate) use crate::pinecone_wire::Code;

pub(crate) type Answer<T> = std::result::Result<T, Refusal>;

/// A refusal: one HTTP status, one code and a text; each wire renders it in its own shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    pub code: Code,
    pub message: String,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::invalid(match fault {
            Fault::CutShort => "Vector values are cut short",
            Fault::Uneven => "Sparse vector must have as many indices as values",
        })
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        malformed.fault.into()
    }
}

impl Refusal {
    pub fn new(status: u16, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, Code::InvalidArgument, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, Code::NotFound, message)
    }

    pub fn unreadable(message: impl std::fmt::Display) -> Self {
        let message =
            format!("Failed to deserialize the JSON body into the target type: {message}");
        Self::new(422, Code::UnprocessableEntity, message)
    }

    pub fn unauthenticated() -> Self {
        Self::new(401, Code::Unauthenticated, "Invalid API Key")
    }

    pub fn rate_limited(message: impl Into<String>) -> Self {
        Self::new(429, Code::ResourceExhausted, message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, Code::Unavailable, message)
    }

    /// Renders the refusal for the control plane; 401 is plain text on both planes.
    pub fn control(&self) -> Response<Body> {
        self.render(ErrorBody::control(self.status, self.code, &self.message))
    }

    /// Renders the refusal for the data plane.
    pub fn data(&self) -> Response<Body> {
        self.render(ErrorBody::data(self.code, &self.message))
    }

    pub fn status(&self) -> tonic::Status {
        tonic::Status::new(self.code.grpc(), self.message.clone())
    }

    fn render(&self, body: String) -> Response<Body> {
        let (kind, text) = match self.status {
            401 => ("text/plain", self.message.clone()),
            _ => ("application/json", body),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(response: Response<Body>) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn each_plane_has_its_shape() {
        let refusal = Refusal::not_found("Index x not found.");
        assert_eq!(
            text(refusal.control()).await,
            r#"{"error":{"code":"NOT_FOUND","message":"Index x not found."},"status":404}"#
        );
        assert_eq!(
            text(refusal.data()).await,
            r#"{"code":5,"message":"Index x not found.","details":[]}"#
        );
        assert_eq!(refusal.status().code(), tonic::Code::NotFound);
    }

    #[tokio::test]
    async fn a_wrong_key_is_plain_text_everywhere() {
        for response in [Refusal::unauthenticated().control(), Refusal::unauthenticated().data()] {
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain");
            assert_eq!(text(response).await, "Invalid API Key");
        }
    }
}
