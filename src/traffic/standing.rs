//! Compares where the traffic is now with where a run left it.

use serde::Serialize;

use super::driver::{Driver, Seen};
use crate::error::{Error, Result};
use crate::journal::TrafficState;
use crate::model::{Share, TrafficChange};

/// The current traffic, compared with what a run left.
#[derive(Debug)]
pub struct TrafficNow {
    /// The place where the weight is stored.
    pub place: String,
    /// The state read by the driver, or the error if it could not be read.
    pub seen: Result<Seen>,
    pub standing: Standing,
}

/// The comparison of the current traffic with what a run left.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// The weight is what the run left, or what it last asked for.
    AsLeft,
    /// Somebody else has changed it.
    Changed(TrafficChange),
    /// The driver cannot read the weight back, or failed to.
    Unknown,
}

impl TrafficNow {
    /// Asks the driver; changes nothing.
    pub async fn look(driver: &dyn Driver, left: &TrafficState) -> Self {
        let place = driver.describe();
        let seen = driver.read().await.map_err(|error| error.with_operation("read the weight"));
        let standing = match &seen {
            Ok(seen) => compare(left, seen, &place),
            Err(_) => Standing::Unknown,
        };
        Self { place, seen, standing }
    }

    /// Returns the target's share now; `None` if there is none or it is unknown.
    pub fn share(&self) -> Option<Share> {
        self.seen.as_ref().ok().and_then(Seen::share)
    }

    /// Returns the digest of what else decides who gets what, if the driver has one.
    pub fn print(&self) -> Option<String> {
        match &self.seen {
            Ok(Seen::Weight { print, .. }) => print.clone(),
            _ => None,
        }
    }

    /// Describes the current traffic: `25% goes to the target`.
    pub fn words(&self) -> String {
        match &self.seen {
            Ok(Seen::Weight { share, .. }) => format!("{share} goes to the target"),
            Ok(Seen::Unset(what) | Seen::Foreign(what)) => what.clone(),
            Ok(Seen::Mute) => "unknown: the driver cannot read the weight back".to_owned(),
            Err(error) => format!("unknown: {error}"),
        }
    }

    /// Returns the error of a driver that can read but failed to.
    pub fn into_failure(self) -> Option<Error> {
        self.seen.err()
    }
}

/// The current traffic as data, for previews and `status`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrafficView {
    /// The place where the weight is stored.
    pub place: String,
    /// The weight that the run left, if it set one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Share>,
    /// The current weight; `None` if there is none or it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Share>,
    /// `as_left`, `changed` or `unknown`.
    pub standing: &'static str,
    /// A description in words.
    pub text: String,
}

impl TrafficNow {
    pub fn view(&self, left: &TrafficState) -> TrafficView {
        let (standing, text) = match &self.standing {
            Standing::AsLeft => {
                let is_left = match (left.weight(), self.share()) {
                    (Some(left), Some(now)) => Some(left.is_same(now)),
                    _ => None,
                };
                let by = match is_left {
                    Some(true) => ", as the run left it",
                    Some(false) => ", which the run asked for last",
                    None => "",
                };
                ("as_left", format!("{}{by}", self.words()))
            }
            Standing::Changed(change) => ("changed", change.to_string()),
            Standing::Unknown => ("unknown", self.words()),
        };
        let (place, now) = (self.place.clone(), self.share());
        TrafficView { place, left: left.weight(), now, standing, text }
    }
}

/// Compares. A weight that was asked for and never confirmed does not count as somebody else's change.
fn compare(state: &TrafficState, seen: &Seen, place: &str) -> Standing {
    let from = state.left.as_ref().map(|mark| mark.weight);
    let changed = |to: Option<Share>, now: String| {
        Standing::Changed(TrafficChange { place: place.to_owned(), from, to, now })
    };
    match seen {
        Seen::Mute => Standing::Unknown,
        Seen::Unset(_) if state.left.is_none() => Standing::AsLeft,
        Seen::Unset(what) | Seen::Foreign(what) => changed(None, what.clone()),
        Seen::Weight { share, print } => {
            let is_asked = state.asked.as_ref().is_some_and(|asked| asked.weight.is_same(*share));
            let is_left = from.unwrap_or(Share(0.0)).is_same(*share);
            let known = state.left.as_ref().and_then(|mark| mark.print.as_ref());
            let is_print_other =
                matches!((known, print), (Some(known), Some(print)) if known != print);
            match () {
                () if is_print_other && (is_asked || is_left) => {
                    let now = format!(
                        "the weight is {share}, but what its variants stand for was changed"
                    );
                    changed(Some(*share), now)
                }
                () if is_asked || is_left => Standing::AsLeft,
                () => changed(Some(*share), format!("the weight is {share}")),
            }
        }
    }
}
