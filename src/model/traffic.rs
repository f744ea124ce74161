use serde::{Deserialize, Serialize};

use super::Share;

/// A change to the traffic since a run left it that the run did not make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficChange {
    /// The place the weight is kept in: `flag use-new in flag.json`.
    pub place: String,
    /// The weight the run left; `None` if it had set none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Share>,
    /// The weight that is there now; `None` if what is there is no weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Share>,
    /// Present state in words: `the flag is disabled`.
    pub now: String,
}

impl std::fmt::Display for TrafficChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.now, self.left())?;
        write!(f, " ({}; the run did not change it)", self.place)
    }
}

impl TrafficChange {
    /// Returns what the run left, in words.
    pub fn left(&self) -> String {
        match self.from {
            Some(weight) => format!("where the run left {weight}"),
            None => "where the run has set nothing yet".to_owned(),
        }
    }

    /// Returns how to take the change back, in words.
    pub fn way_back(&self) -> String {
        match self.from {
            Some(weight) => format!("put it back to {weight} as it was"),
            None => "put it back to 0%".to_owned(),
        }
    }
}
