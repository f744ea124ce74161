//! What a refused request is answered with, before it takes the shape of its wire.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use serde_json::json;

pub(crate) type Answer<T> = std::result::Result<T, Refusal>;

/// A refusal: one HTTP status, one code and a text; each wire renders it in its own shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    pub code: Code,
    pub message: String,
}

/// The codes Pinecone's errors carry: as a word on the control plane, as a gRPC number on the data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument,
    NotFound,
    AlreadyExists,
    Forbidden,
    ResourceExhausted,
    FailedPrecondition,
    OutOfRange,
    Internal,
    Unavailable,
    Unauthenticated,
    UnprocessableEntity,
}

impl Code {
    fn word(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::Forbidden => "FORBIDDEN",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::UnprocessableEntity => "UNPROCESSABLE_ENTITY",
        }
    }

    fn grpc(self) -> tonic::Code {
        match self {
            Self::InvalidArgument | Self::UnprocessableEntity => tonic::Code::InvalidArgument,
            Self::NotFound => tonic::Code::NotFound,
            Self::AlreadyExists => tonic::Code::AlreadyExists,
            Self::Forbidden => tonic::Code::PermissionDenied,
            Self::ResourceExhausted => tonic::Code::ResourceExhausted,
            Self::FailedPrecondition => tonic::Code::FailedPrecondition,
            Self::OutOfRange => tonic::Code::OutOfRange,
            Self::Internal => tonic::Code::Internal,
            Self::Unavailable => tonic::Code::Unavailable,
            Self::Unauthenticated => tonic::Code::Unauthenticated,
        }
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

    /// The shape of the control plane; 401 is plain text on both planes.
    pub fn control(&self) -> Response<Body> {
        let body = json!({
            "error": { "code": self.code.word(), "message": self.message },
            "status": self.status,
        });
        self.render(&body)
    }

    /// The shape of the data plane: a google `rpcStatus`.
    pub fn data(&self) -> Response<Body> {
        let code = self.code.grpc() as i32;
        self.render(&json!({ "code": code, "message": self.message, "details": [] }))
    }

    pub fn status(&self) -> tonic::Status {
        tonic::Status::new(self.code.grpc(), self.message.clone())
    }

    fn render(&self, body: &serde_json::Value) -> Response<Body> {
        let (kind, text) = match self.status {
            401 => ("text/plain", self.message.clone()),
            _ => ("application/json", body.to_string()),
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
