//! A driver that sends requests to set and read the weight.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::action::{Hidden, HttpAnswer, check_http, send_http};
use super::driver::{Driver, DriverContext, READ_HINT, Seen};
use super::weight::{check, from_percent, parse_percent, percent_json};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Share;
use crate::plan::file::{HttpCall, Webhook};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends one request to set and one to read. Templates can use `weight` (0 to 100, only to set), `plan` and `salt`,
/// which is the plan's name.
pub(super) struct WebhookDriver {
    webhook: Webhook,
    context: DriverContext,
}

impl WebhookDriver {
    pub fn new(webhook: Webhook, context: DriverContext) -> Self {
        Self { webhook, context }
    }

    async fn send(&self, call: &HttpCall, weight: Option<Share>) -> Result<HttpAnswer> {
        let bearer = self.bearer(call).await?;
        send_http(call, &self.known(weight), bearer.as_ref(), TIMEOUT).await
    }

    /// Builds the context for templates.
    fn known(&self, weight: Option<Share>) -> Value {
        let mut known = json!({ "plan": self.context.plan, "salt": self.context.plan });
        if let Some(weight) = weight {
            known["weight"] = percent_json(weight);
        }
        known
    }

    async fn bearer(&self, call: &HttpCall) -> Result<Option<Hidden>> {
        match &call.bearer {
            Some(reference) => {
                Hidden::read(reference, &self.context.env, &self.context.base).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Builds the request that sets a weight without sending it.
    async fn check_set(&self) -> Result<()> {
        let call = &self.webhook.set;
        let bearer = self.bearer(call).await?;
        check_http(call, &self.known(Some(Share(0.0))), bearer.as_ref())
    }
}

#[async_trait]
impl Driver for WebhookDriver {
    async fn set(&self, weight: Share) -> Result<()> {
        check(weight)?;
        self.send(&self.webhook.set, Some(weight)).await.map(drop)
    }

    async fn read(&self) -> Result<Seen> {
        let Some(call) = &self.webhook.read else { return Ok(Seen::Mute) };
        let answer = self.send(call, None).await?;
        weight_in(&answer.body, self.webhook.pointer.as_deref().unwrap_or_default())
            .map(Seen::weight)
    }

    async fn check(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        problems.extend(self.check_set().await.err());
        if let Err(error) = self.read().await {
            problems.push(error.with_operation("read the weight").with_hint(READ_HINT));
        }
        problems
    }

    fn can_read(&self) -> bool {
        self.webhook.read.is_some()
    }

    fn describe(&self) -> String {
        let url = self.webhook.set.method().map_or("", |target| target.url);
        format!("webhook {}", host(url))
    }
}

/// Returns the part of an address that shows where it leads; paths and queries may contain secrets.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// Returns the weight at a JSON pointer; without a pointer the whole answer is the weight.
fn weight_in(body: &str, pointer: &str) -> Result<Share> {
    let unreadable = |what: &str| {
        Error::new(ErrorKind::Protocol, format!("the answer to reading the weight {what}"))
            .with_context("pointer", pointer)
    };
    let answer: Value = match serde_json::from_str(body) {
        Ok(answer) => answer,
        Err(_) if pointer.is_empty() => return parse_percent(body),
        Err(_) => return Err(unreadable("is not JSON")),
    };
    match answer.pointer(pointer) {
        Some(Value::Number(number)) => from_percent(number.as_f64().unwrap_or(f64::NAN)),
        Some(Value::String(text)) => parse_percent(text),
        Some(_) => Err(unreadable("has no number there")),
        None => Err(unreadable("has nothing there")),
    }
}
