use std::time::Duration;

/// Writes a length of time for people, in its two largest units: `250 ms`, `0.4 s`, `4 s`, `2 min 5 s`, `73 h`,
/// `7 d 2 h`.
///
/// Plans write theirs without the gap, as [`Span`](super::Span) reads them.
pub fn duration(span: Duration) -> String {
    let seconds = whole_seconds(span);
    let two = |large: u64, unit: &str, small: u64, sub: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {sub}"),
    };
    match seconds {
        0 if span.is_zero() => "0 s".to_owned(),
        0 if span < Duration::from_millis(100) => format!("{} ms", span.as_millis().max(1)),
        0..10 => format!("{} s", (span.as_secs_f64() * 10.0).round() / 10.0),
        10..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..360_000 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// Rounds to seconds from 10 s on: a bake of an hour is requested a moment before it begins, and still is an hour.
fn whole_seconds(span: Duration) -> u64 {
    if span < Duration::from_secs(10) { span.as_secs() } else { span.as_secs_f64().round() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_their_two_largest_units() {
        let cases = [
            (0.0, "0 s"),
            (0.025, "25 ms"),
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
}
