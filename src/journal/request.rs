//! Requests to a run from another terminal or job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answers::{Answers, claims};
use super::{Event, Gate};
use crate::model::{Namespace, Share, Side};

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    #[serde(flatten)]
    pub request: Request,
    /// The run that it is for; `None` where whoever asks could not read the journal, for the run that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The OpenID Connect token of the job that asks: the names in the request are only what somebody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Letter {
    /// A request to the run that is open.
    pub fn new(request: Request) -> Self {
        Self { request, run: None, token: None }
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
        let claims = self.letter.token.as_deref().map(claims).unwrap_or_default();
        Answers { id: self.id.clone(), claims }
    }
}

/// Formats a request as `approve canary step 3, asked by ada`.
pub fn request_words(request: &Request) -> String {
    match request {
        Request::Approve { gate, by } => format!("approve {gate}, asked by {by}"),
        Request::Pause { by } => format!("pause, asked by {by}"),
        Request::Resume { by } => format!("resume, asked by {by}"),
        Request::Abort { by } => format!("abort and roll back, asked by {by}"),
        Request::AcceptWeight { weight, by } => {
            format!("go on from {weight} of the traffic, asked by {by}")
        }
        Request::Erase { side, what, by, .. } => {
            format!("stand still for a deletion from the {}: {what}, asked by {by}", side.name())
        }
        Request::Erased { side, what } => {
            format!("go on after a deletion from the {}: {what}", side.name())
        }
    }
}
