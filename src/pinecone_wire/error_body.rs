//! The bodies of refusals: `{"error": {"code", "message"}, "status"}` of the control plane, a google `rpcStatus`
//! (`{"code", "message", "details"}`) of the data plane. A 401 is plain text on both (Pinecone's documents).

use serde_json::{Value, json};

use super::Code;

/// The body of a refusal, in the shape of either plane or in none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub code: Option<String>,
    pub message: Option<String>,
    /// True if it has exactly one of Pinecone's two shapes.
    pub is_own: bool,
}

impl ErrorBody {
    /// Reads as much of a body as can be read.
    pub fn read(body: &str) -> Self {
        let Ok(body) = serde_json::from_str::<Value>(body) else { return Self::default() };
        let inner = body.get("error").unwrap_or(&body);
        let message = match inner {
            Value::String(text) => Some(text.clone()),
            other => other.get("message").and_then(Value::as_str).map(str::to_owned),
        };
        let code = match inner.get("code") {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        Self { is_own: is_own(&body), code, message }
    }

    /// Writes the body of the control plane.
    pub fn control(status: u16, code: Code, message: &str) -> String {
        let error = json!({ "code": code.word(), "message": message });
        json!({ "error": error, "status": status }).to_string()
    }

    /// Writes the body of the data plane.
    pub fn data(code: Code, message: &str) -> String {
        json!({ "code": code.grpc() as i32, "message": message, "details": [] }).to_string()
    }
}

fn is_own(body: &Value) -> bool {
    let has_message = |of: &Value| of.get("message").is_some_and(Value::is_string);
    let control = |error: &Value| has_message(error) && error["code"].is_string();
    let data = |body: &Value| has_message(body) && body["code"].is_number();
    body.get("error").is_some_and(control) || data(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let control = ErrorBody::control(404, Code::NotFound, "Index x not found.");
        assert_eq!(
            control,
            r#"{"error":{"code":"NOT_FOUND","message":"Index x not found."},"status":404}"#
        );
        let data = ErrorBody::data(Code::NotFound, "Namespace not found");
        assert_eq!(data, r#"{"code":5,"message":"Namespace not found","details":[]}"#);
        for (body, code) in [(control, "NOT_FOUND"), (data, "5")] {
            let read = ErrorBody::read(&body);
            assert!(read.is_own && read.message.is_some(), "{body}");
            assert_eq!(read.code.as_deref(), Some(code));
        }
    }

    #[test]
    fn other_shapes_say_what_they_can() {
        let read = |body| {
            let ErrorBody { code, message, is_own } = ErrorBody::read(body);
            assert!(!is_own, "{body}");
            (code, message)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read("Invalid API Key"), (None, None));
        assert_eq!(read(r#"{"error":"Not Found","status":404}"#), (None, text("Not Found")));
        assert_eq!(read(r#"{"message":"Forbidden"}"#), (None, text("Forbidden")));
        let google = r#"{"error":{"code":404,"message":"none","status":"NOT_FOUND"}}"#;
        assert_eq!(read(google), (text("404"), text("none")));
    }
}
