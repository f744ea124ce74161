//! When to come back.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Retry};

/// Longest wait a peer may ask for in a header before it is cut (Pinecone's own SDK cuts at 60 s too).
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Returns the wait that the peer asks for: `grpc-retry-pushback-ms` first (negative means not at all), then seconds.
pub(super) fn wait(pushback_ms: Option<&str>, retry_after: Option<&str>) -> Option<Retry> {
    if let Some(ms) = pushback_ms.and_then(|text| text.trim().parse::<i64>().ok()) {
        return Some(match u64::try_from(ms) {
            Ok(ms) => Retry::After(Duration::from_millis(ms).min(LONGEST_WAIT)),
            Err(_) => Retry::Never,
        });
    }
    let seconds: f64 = retry_after?.trim().parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Retry::After(wait.min(LONGEST_WAIT)))
}

/// Adds a hint and, if a retry can help this kind, the wait that the peer asked for.
pub(super) fn finish(error: Error, wait: Option<Retry>) -> Error {
    let error = match wait {
        Some(retry) if error.is_retryable() => error.with_retry(retry),
        _ => error,
    };
    match error.kind() {
        ErrorKind::Unauthorized => error.with_hint(
            "check the API key: it must belong to the index's project and have the permission",
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_says_when_to_come_back() {
        let seconds = Duration::from_secs;
        assert_eq!(wait(None, Some("2")), Some(Retry::After(seconds(2))));
        assert_eq!(wait(None, Some("3600")), Some(Retry::After(LONGEST_WAIT)));
        let pushback = Some(Retry::After(Duration::from_millis(250)));
        assert_eq!(wait(Some("250"), Some("3")), pushback);
        assert_eq!(wait(Some("-1"), Some("3")), Some(Retry::Never));
        assert_eq!(wait(None, Some("Fri, 27 Nov 2026 00:00:00 GMT")), None);
        assert_eq!(wait(None, None), None);
    }

    #[test]
    fn it_is_listened_to_where_a_retry_can_help() {
        let of = |kind| finish(Error::new(kind, "m"), Some(Retry::After(LONGEST_WAIT))).retry();
        assert_eq!(of(ErrorKind::RateLimited), Retry::After(LONGEST_WAIT));
        assert_eq!(of(ErrorKind::Invalid), Retry::Never);
    }
}
