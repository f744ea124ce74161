use jiff::Timestamp;

use super::{Aftermath, Event, Hold};
use crate::model::Share;

/// State of the traffic by a run's journal. Only the driver knows where the traffic is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrafficState {
    /// The weight the run left, as far as that is known.
    pub left: Option<Mark>,
    /// A weight that was requested after that and never confirmed.
    pub asked: Option<Asked>,
    /// A weight that somebody asked to go on from, and who.
    pub accepting: Option<(Share, String)>,
}

/// A weight as it was last known.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub weight: Share,
    /// True if it was read back and not only requested.
    pub is_read: bool,
    /// Fingerprint of everything else that decided who got what.
    pub print: Option<String>,
    pub at: Timestamp,
}

/// A weight that was requested and is not known to be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub weight: Share,
    /// Reason why it is not known; `None` if the process ended in the middle.
    pub error: Option<String>,
    /// True if another weight was read afterwards, so that only a late effect would bring this one.
    pub is_refuted: bool,
}

impl TrafficState {
    /// Returns whether the traffic may have been moved at all.
    pub fn is_touched(&self) -> bool {
        self.left.is_some() || self.asked.is_some()
    }

    /// Returns the weight that was last known.
    pub fn weight(&self) -> Option<Share> {
        self.left.as_ref().map(|mark| mark.weight)
    }

    /// Returns the requested weight while it is unknown whether it was set.
    pub fn open(&self) -> Option<&Asked> {
        self.asked.as_ref().filter(|asked| !asked.is_refuted)
    }

    pub(super) fn update(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::WeightIntended { weight, .. } => {
                self.asked = Some(Asked { weight: *weight, error: None, is_refuted: false });
            }
            Event::WeightSet { weight, actual, print, .. } => {
                let (weight, is_read) = (actual.unwrap_or(*weight), actual.is_some());
                self.leave(Mark { weight, is_read, print: print.clone(), at });
            }
            Event::WeightNotSet { weight, error, after, .. } => {
                self.not_set(*weight, error, after, at)
            }
            Event::WeightAcceptAsked { by, weight } => self.accepting = Some((*weight, by.clone())),
            Event::WeightAccepted { weight, print, .. } => {
                self.leave(Mark { weight: *weight, is_read: true, print: print.clone(), at });
            }
            Event::StageHeld { hold: Hold::Traffic { .. }, .. } => self.accepting = None,
            _ => {}
        }
    }

    fn leave(&mut self, mark: Mark) {
        *self = Self { left: Some(mark), ..Self::default() };
    }

    fn not_set(&mut self, weight: Share, error: &str, after: &Aftermath, at: Timestamp) {
        let asked = Asked { weight, error: Some(error.to_owned()), is_refuted: false };
        match after {
            Aftermath::Unchanged => self.asked = None,
            Aftermath::Unknown => self.asked = Some(asked),
            Aftermath::Read { weight, print } => {
                self.leave(Mark { weight: *weight, is_read: true, print: print.clone(), at });
                self.asked = Some(Asked { is_refuted: true, ..asked });
            }
        }
    }
}
