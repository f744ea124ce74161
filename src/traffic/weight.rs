//! Weights in the form that drivers use: 0 to 100.

use crate::error::{Error, ErrorKind, Result};
use crate::model::Share;

/// Formats a weight as a percentage without a sign: `5`, `0.5`.
pub(super) fn percent_text(weight: Share) -> String {
    percent(weight).to_string()
}

/// Returns a weight as a percentage, as an integer if it is whole.
pub(super) fn percent_json(weight: Share) -> serde_json::Value {
    let percent = percent(weight);
    if percent.fract() == 0.0 { (percent as u64).into() } else { percent.into() }
}

fn percent(weight: Share) -> f64 {
    (weight.percent() * 1e9).round() / 1e9
}

/// Parses a weight: `25`, `25.0` or `25%`.
pub(super) fn parse_percent(text: &str) -> Result<Share> {
    let text = text.trim();
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    from_percent(number.parse().unwrap_or(f64::NAN))
        .map_err(|error| error.with_context("read", text))
}

pub(super) fn from_percent(percent: f64) -> Result<Share> {
    if (0.0..=100.0).contains(&percent) {
        Ok(Share(percent / 100.0))
    } else {
        Err(Error::new(ErrorKind::Protocol, "what was read back is no weight from 0 to 100"))
    }
}

/// Refuses numbers that are not a share.
pub(super) fn check(weight: Share) -> Result<()> {
    if (0.0..=1.0).contains(&weight.0) {
        Ok(())
    } else {
        Err(Error::invalid(format!("{weight} is no weight from 0% to 100%")))
    }
}
