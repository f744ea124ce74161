use std::time::Duration;

use super::{RetryOptions, TimeoutOptions};

/// Options of the usual layers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CallOptions {
    pub retry: RetryOptions,
    /// Whether the rates are kept to that the store's provider knows to be documented.
    pub keeps_to_rates: bool,
    /// Records fetched per second: the user's own limit.
    pub fetched_records: Option<f64>,
    /// The most requests under way at once that move records, of each kind; `None`: as many as are asked for.
    pub in_flight: Option<usize>,
    pub timeout: TimeoutOptions,
}

impl CallOptions {
    /// Returns the options for measuring: few and quick retries, no throttle, a deadline.
    pub fn probe(deadline: Duration) -> Self {
        Self {
            retry: RetryOptions::query(),
            timeout: TimeoutOptions { data: deadline, control: deadline },
            ..Self::default()
        }
    }

    /// Returns the options for what is read from this machine or through it: no limits, and time enough to look
    /// through every file.
    pub fn files() -> Self {
        let long = Duration::from_secs(24 * 3600);
        Self { timeout: TimeoutOptions { data: long, control: long }, ..Self::default() }
    }

    /// Returns the options that keep to the documented rates.
    pub fn within_rates() -> Self {
        Self { keeps_to_rates: true, ..Self::default() }
    }
}
