//! How requests to buckets are sent.

use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use http::header::LOCATION;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};

use crate::error::{Error, Result};
use crate::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time without a byte after which a transfer is given up.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A connector that sends requests through this program's own TLS: the crate's client would want a provider set for
/// the process. Its clones share their connections.
#[derive(Clone, Debug)]
pub(super) struct Connector(reqwest::Client);

impl Connector {
    /// `is_own` for a custom endpoint, which is mostly on this machine, where no proxy is wanted.
    pub fn new(is_own: bool) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config()?)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT);
        if is_own {
            builder = builder.no_proxy();
        }
        let client = builder.build();
        client.map(Self).map_err(|error| Error::unexpected("no client").with_source(error))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = self.0.call(request).await?;
        let status = answer.status();
        let leads_nowhere = status.is_redirection() && !answer.headers().contains_key(LOCATION);
        match leads_nowhere && status != StatusCode::NOT_MODIFIED {
            true => elsewhere(answer).await,
            false => Ok(answer),
        }
    }
}

/// A redirection without an address is how S3 says that a bucket is in another region. The crate drops what such an
/// answer says, so it becomes one whose text is kept, with the region, which is only in a header.
async fn elsewhere(answer: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (mut parts, body) = answer.into_parts();
    let body = body.bytes().await?;
    let mut text = String::from_utf8_lossy(&body).into_owned();
    if !text.contains("<Code>") {
        text += "<Code>PermanentRedirect</Code><Message>the bucket is elsewhere</Message>";
    }
    let region = parts.headers.get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
    if let Some(region) = region.filter(|_| !text.contains("<Region>")) {
        text += &format!("<Region>{region}</Region>");
    }
    parts.status = StatusCode::BAD_REQUEST;
    parts.headers.remove(http::header::CONTENT_LENGTH);
    Ok(HttpResponse::from_parts(parts, text.into()))
}
