//! The API version this client uses, and the older one it can fall back to.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;
use crate::pinecone_wire::Version;

/// The newest version that knows pods, collections and `spec` (2026-07 refuses all three).
pub const PINNED: Version = Version::V2026_04;

/// The version for a server that refuses [`PINNED`].
pub const FALLBACK: Version = Version::V2025_10;

/// Most characters of an answer that are shown.
const SHOWN_CHARS: usize = 300;

/// The version in use; shared by the control and the data plane of one index.
#[derive(Debug, Default)]
pub struct InUse {
    old: AtomicBool,
}

impl InUse {
    pub fn version(&self) -> Version {
        if self.old.load(Ordering::Relaxed) { FALLBACK } else { PINNED }
    }

    /// Stays on [`FALLBACK`] from now on; `false` if it was there already.
    pub fn fall_back(&self) -> bool {
        !self.old.swap(true, Ordering::Relaxed)
    }
}

/// Returns whether an answer says that the API version itself is refused. The service's words for it are not
/// documented, so any client error that mentions the API version counts; asking again with an older version does no
/// harm.
pub fn is_refused(status: u16, body: &str) -> bool {
    if !matches!(status, 400 | 404 | 406 | 410 | 422) {
        return false;
    }
    let body = body.to_ascii_lowercase();
    body.contains("api-version") || body.contains("api version")
}

/// Describes a server that accepts none of the versions this client uses.
pub fn unspoken(answer: &str) -> Error {
    let answer: String = answer.chars().take(SHOWN_CHARS).collect();
    Error::unsupported(format!(
        "the server takes neither API version {} nor {}, which are those this program speaks; it says: {answer}",
        PINNED.word(),
        FALLBACK.word(),
    ))
    .with_hint("use a newer vecshift; versions since 2026-07 know neither pods nor collections")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_given_up_once() {
        let used = InUse::default();
        assert_eq!(used.version(), Version::V2026_04);
        assert!(used.fall_back());
        assert!(!used.fall_back());
        assert_eq!(used.version(), Version::V2025_10);
    }

    #[test]
    fn only_an_answer_about_the_version_counts() {
        assert!(is_refused(400, "Unsupported X-Pinecone-API-Version 2026-04"));
        assert!(!is_refused(400, "dimension must be positive"));
        assert!(!is_refused(500, "api version"));
    }
}
