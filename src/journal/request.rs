//! Requests to a run from another terminal or job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

/// The letter that an event answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// The letter's name. It is taken up once.
    pub id: String,
    /// What the token of the job says, which nobody has verified: `iss`, `sub`, `repository`, `actor` and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
}

impl Answers {
    /// Returns what an event says of the letter it answers.
    pub fn to(waiting: &Waiting) -> Self {
        let claims = waiting.letter.token.as_deref().map(claims).unwrap_or_default();
        Self { id: waiting.id.clone(), claims }
    }
}

/// The claims that say who asks, of those that the token of a CI job makes.
const KEPT: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "actor",
    "repository",
    "ref",
    "environment",
    "job_workflow_ref",
    "run_id",
    "user_login",
    "project_path",
    "pipeline_id",
];

/// Returns what a token says, unverified; nothing if it is no token.
fn claims(token: &str) -> BTreeMap<String, String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let read = |token: &str| {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&payload).ok()
    };
    let said = read(token).unwrap_or_default();
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    KEPT.iter().filter_map(|name| Some(((*name).to_owned(), text(said.get(*name)?)))).collect()
}
