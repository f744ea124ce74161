//! Sends a templated request.

use std::time::Duration;

use minijinja::{Environment, UndefinedBehavior};
use reqwest::StatusCode;

use super::secret::Hidden;
use super::tail::Tail;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::file::HttpCall;

/// The most bytes of an answer that are read; the rest is dropped.
const ANSWER_BYTES: usize = 1024 * 1024;

/// The answer to a request that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    /// The body, up to 1 MiB, with the secret that was sent redacted.
    pub body: String,
}

impl HttpAnswer {
    /// Returns the last 4 KiB of the body.
    pub fn tail(&self) -> String {
        let mut tail = Tail::default();
        tail.push(self.body.as_bytes());
        tail.text()
    }
}

/// Renders and sends `call`. Address and body are templates over `context` in which undefined names are errors.
///
/// Redirects are not followed, because a changed method would look like success.
///
/// # Errors
/// - `Invalid` if the call does not have exactly one method, or a template does not render.
/// - According to the status if it is not 2xx, with the end of the answer.
/// - `Timeout` or `Unavailable` if there was no answer. The address is never part of an error, since it may be a
///   secret.
pub async fn send_http(
    call: &HttpCall,
    context: &serde_json::Value,
    bearer: Option<&Hidden>,
    timeout: Duration,
) -> Result<HttpAnswer> {
    let send = async {
        let response = request(call, context, bearer, timeout)?.send().await.map_err(no_answer)?;
        let status = response.status();
        let body = read(response).await?;
        let body = bearer.map_or_else(|| body.clone(), |secret| secret.redact(&body));
        let answer = HttpAnswer { status: status.as_u16(), body };
        if status.is_success() { Ok(answer) } else { Err(refused(status, &answer)) }
    };
    send.await.map_err(|error: Error| error.with_operation("http"))
}

/// Builds the request without sending it.
///
/// # Errors
/// Any error of [`send_http`] other than those of an answer.
pub fn check_http(
    call: &HttpCall,
    context: &serde_json::Value,
    bearer: Option<&Hidden>,
) -> Result<()> {
    let made = request(call, context, bearer, Duration::from_secs(1))?.build();
    made.map(drop).map_err(no_answer)
}

fn request(
    call: &HttpCall,
    context: &serde_json::Value,
    bearer: Option<&Hidden>,
    timeout: Duration,
) -> Result<reqwest::RequestBuilder> {
    let target = call.method().ok_or_else(|| {
        Error::invalid("a request needs exactly one of `get`, `post`, `put` and `patch`")
    })?;
    let method = reqwest::Method::from_bytes(target.method.as_bytes())
        .map_err(|error| Error::unexpected("unknown method").with_source(error))?;
    let url = render(target.url, context)?;
    let mut request = client(timeout)?.request(method, url);
    if let Some(body) = &call.body {
        let body = render(body, context)?;
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
        let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        request = request.header(http::header::CONTENT_TYPE, kind).body(body);
    }
    Ok(match bearer {
        Some(secret) => request.bearer_auth(secret.expose()),
        None => request,
    })
}

fn client(timeout: Duration) -> Result<reqwest::Client> {
    // Fails only if another part of the process has installed a provider already, which is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("vecshift/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::unexpected("no HTTP client can be made").with_source(error))
}

fn render(template: &str, context: &serde_json::Value) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.render_str(template, minijinja::value::Serde(context)).map_err(|error| {
        Error::invalid("a template of the request cannot be rendered").with_source(error)
    })
}

fn no_answer(error: reqwest::Error) -> Error {
    let kind = match &error {
        error if error.is_timeout() => ErrorKind::Timeout,
        error if error.is_builder() => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "the request got no answer").with_source(error.without_url())
}

async fn read(mut response: reqwest::Response) -> Result<String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        let room = ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == ANSWER_BYTES {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn refused(status: StatusCode, answer: &HttpAnswer) -> Error {
    let kind = match status.as_u16() {
        401 | 403 => ErrorKind::Unauthorized,
        404 | 410 => ErrorKind::NotFound,
        408 => ErrorKind::Timeout,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Failed,
    };
    let mut error = Error::new(kind, format!("the request was answered with {status}"));
    let said = answer.tail();
    if !said.trim().is_empty() {
        error = error.with_context("answer", said.trim());
    }
    error
}
