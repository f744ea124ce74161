//! Numbers, times and spans as people write them.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::Observed;

/// `1,204,311`
pub fn count(number: u64) -> String {
    Observed::count(number).to_string()
}

/// `15.1 GB`
pub(super) fn bytes(number: u64) -> String {
    Observed::Bytes(number as f64).to_string()
}

/// `1 namespace`, `12 namespaces`.
pub fn plural(number: u64, word: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {word}{ending}", count(number))
}

/// The two largest units: `0.4 s`, `4 s`, `2 min 5 s`, `73 h`, `7 d 2 h`.
pub fn duration(span: Duration) -> String {
    let seconds = whole_seconds(span);
    let two = |large: u64, unit: &str, small: u64, sub: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {sub}"),
    };
    match seconds {
        0 if span.is_zero() => "0 s".to_owned(),
        0..10 => format!("{} s", (span.as_secs_f64() * 10.0).round() / 10.0),
        10..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..360_000 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// One unit, for narrow columns: `0.4 s`, `95 s`, `12 min`, `73 h`, `7 d`.
pub(super) fn brief(span: Duration) -> String {
    let seconds = whole_seconds(span);
    match seconds {
        0..10 => duration(span),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..360_000 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Rounded from 10 s on: a bake of an hour is asked for a moment before it begins, and still is an hour.
fn whole_seconds(span: Duration) -> u64 {
    if span < Duration::from_secs(10) { span.as_secs() } else { span.as_secs_f64().round() as u64 }
}

/// `2026-11-22 14:03:07 UTC`
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `sha256:9c1f…e07a`: enough to recognise, never enough to compare by machine.
pub(super) fn short_digest(digest: &str) -> String {
    let (scheme, hex) = digest.split_once(':').unwrap_or(("", digest));
    match (hex.get(..4), hex.len().checked_sub(4).and_then(|start| hex.get(start..))) {
        (Some(first), Some(last)) if hex.len() > 12 => format!("{scheme}:{first}…{last}"),
        _ => digest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_their_two_largest_units() {
        let cases = [
            (0.0, "0 s"),
            (0.42, "0.4 s"),
            (4.0, "4 s"),
            (59.2, "59 s"),
            (3599.999, "1 h"),
            (125.0, "2 min 5 s"),
            (262_800.0, "73 h"),
            (612_000.0, "7 d 2 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), text);
        }
    }

    #[test]
    fn a_digest_is_shortened_in_the_middle() {
        assert_eq!(short_digest("sha256:9c1f0000000000e07a"), "sha256:9c1f…e07a");
        assert_eq!(short_digest("sha256:0"), "sha256:0");
    }
}
