//! Requests to a run from another terminal or job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answers::{Answers, claims, is_for};
use super::{Event, Gate};
use crate::model::{Namespace, Share, Side};
use crate::text::{REMARK, named, named_in};

/// A request to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    Approve {
        gate: Gate,
        by: String,
    },
    Pause {
        by: String,
    },
    Resume {
        by: String,
    },
    Abort {
        by: String,
    },
    /// Go on from a weight that somebody else set.
    AcceptWeight {
        weight: Share,
        by: String,
    },
    /// Stand still while somebody's data is deleted from one side.
    Erase {
        side: Side,
        what: String,
        by: String,
        namespaces: BTreeMap<Namespace, u64>,
    },
    /// The deletion is done.
    Erased {
        side: Side,
        what: String,
    },
}

impl Request {
    /// Returns the event that says the request was taken up.
    pub fn into_event(self) -> Event {
        match self {
            Self::Approve { gate, by } => Event::Approved { gate, by },
            Self::Pause { by } => Event::Paused { by },
            Self::Resume { by } => Event::Resumed { by },
            Self::Abort { by } => Event::AbortRequested { by },
            Self::AcceptWeight { weight, by } => Event::WeightAcceptAsked { by, weight },
            Self::Erase { side, what, by, namespaces } => {
                Event::EraseIntended { side, what, by, namespaces }
            }
            Self::Erased { side, what } => Event::Erased { side, what },
        }
    }
}

/// A request as it lies in an inbox.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    #[serde(flatten)]
    pub request: Request,
    /// The run that it is for; `None` where whoever asks could not read the journal, for the run that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The OpenID Connect token of the job that asks: the names in the request are only what somebody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What that token says, where it is not kept itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
}

impl Letter {
    /// A request to the run that is open.
    pub fn new(request: Request) -> Self {
        Self { request, run: None, token: None, claims: BTreeMap::new() }
    }

    /// Returns the letter with the token of the job that asks. One that is not made out to `audience` opens something else to
    /// whoever can read the inbox: of that only what it says is kept.
    pub fn signed(self, token: &str, audience: &str) -> Self {
        match is_for(token, audience) {
            true => Self { token: Some(token.to_owned()), ..self },
            false => Self { claims: claims(token), ..self },
        }
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { request, run, token, claims } = self;
        f.debug_struct("Letter")
            .field("request", request)
            .field("run", run)
            .field("token", &token.as_ref().map(|_| "not shown"))
            .field("claims", claims)
            .finish()
    }
}

/// A letter in an inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Its name, unique in the inbox.
    pub id: String,
    pub letter: Letter,
}

impl Waiting {
    /// Returns what an event says of the letter that it answers.
    pub fn answers(&self) -> Answers {
        let claims = match &self.letter.token {
            Some(token) => claims(token),
            None => self.letter.claims.clone(),
        };
        Answers { id: self.id.clone(), claims }
    }
}

/// Formats a request as `approve canary step 3, asked by ada`.
pub fn request_words(request: &Request) -> String {
    match request {
        Request::Approve { gate, by } => format!("approve {gate}, asked by {}", named(by)),
        Request::Pause { by } => format!("pause, asked by {}", named(by)),
        Request::Resume { by } => format!("resume, asked by {}", named(by)),
        Request::Abort { by } => format!("abort and roll back, asked by {}", named(by)),
        Request::AcceptWeight { weight, by } => {
            format!("go on from {weight} of the traffic, asked by {}", named(by))
        }
        Request::Erase { side, what, by, .. } => {
            let (what, by) = (named_in(what, REMARK), named(by));
            format!("stand still for a deletion from the {}: {what}, asked by {by}", side.name())
        }
        Request::Erased { side, what } => {
            format!("go on after a deletion from the {}: {}", side.name(), named_in(what, REMARK))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(audience: &str) -> String {
        use base64::Engine as _;
        let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let payload = format!(r#"{{"sub":"repo:a/b","actor":"ada"{audience}}}"#);
        format!("{}.{}.{}", part("{}"), part(&payload), part("signature"))
    }

    #[test]
    fn only_a_token_that_opens_nothing_else_is_kept_and_none_is_printed() {
        let pause = || Letter::new(Request::Pause { by: "ada".into() });
        for (audience, is_kept) in [
            (r#","aud":"vecshift""#, true),
            (r#","aud":["sts.amazonaws.com","vecshift"]"#, true),
            (r#","aud":"sts.amazonaws.com""#, false),
            (r#","aud":["vecshift.example"]"#, false),
            ("", false),
        ] {
            let token = token(audience);
            let letter = pause().signed(&token, "vecshift");
            assert_eq!(letter.token.is_some(), is_kept, "{audience}");
            let written = serde_json::to_string(&letter).unwrap();
            assert_eq!(written.contains(&token), is_kept, "{audience}");
            let waiting = Waiting { id: "1".into(), letter };
            assert!(!format!("{waiting:?}").contains(&token), "{audience}");
            let claims = waiting.answers().claims;
            assert_eq!((claims["sub"].as_str(), claims["actor"].as_str()), ("repo:a/b", "ada"));
        }
        let nothing = pause().signed("no token", "vecshift");
        assert_eq!(nothing, pause());
    }
}
