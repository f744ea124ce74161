//! What a store said of a request that it did not do. The crate hides most of it behind a text.

use object_store::client::{HttpError, HttpErrorKind};

#[derive(Debug, Default)]
pub(super) struct Said {
    /// The HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// The server's own code, as in `NoSuchBucket`.
    pub code: Option<String>,
    /// The server's code and message (`NoSuchBucket: The specified bucket does not exist`); else all of the error.
    pub text: String,
    /// The region that the server named.
    pub region: Option<String>,
    /// Why there was no answer.
    pub cut: Option<HttpErrorKind>,
}

impl Said {
    pub fn of(error: &object_store::Error) -> Self {
        let all = error.to_string();
        let part = |name: &str| {
            let (_, rest) = all.split_once(&format!("<{name}>"))?;
            rest.split_once(&format!("</{name}>")).map(|(part, _)| unescaped(part))
        };
        let status = all
            .split_once("non-2xx status code: ")
            .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        let code = part("Code");
        let text = match (&code, part("Message")) {
            // Azure adds the request's id and time on lines of their own.
            (Some(code), Some(message)) => {
                format!("{code}: {}", message.lines().next().unwrap_or_default().trim_end())
            }
            _ => all.clone(),
        };
        Self { status, code, text, region: part("Region"), cut: cut(error) }
    }
}

fn cut(error: &object_store::Error) -> Option<HttpErrorKind> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

fn unescaped(text: &str) -> String {
    let pairs = [("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">")];
    let text = pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("&amp;", "&")
}
