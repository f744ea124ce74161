//! The version that a request is answered in.

use axum::http::HeaderMap;

use crate::pinecone_wire::{API_VERSION, Version};

use super::error::{Answer, Refusal};

/// The version of a request that names none. The service takes the oldest it still supports.
const DEFAULT: Version = Version::V2026_04;

/// Returns the version a request asks for.
pub(crate) fn asked(headers: &HeaderMap) -> Answer<Version> {
    let Some(word) = headers.get(API_VERSION) else { return Ok(DEFAULT) };
    Version::read(word.as_bytes()).ok_or_else(|| {
        Refusal::invalid(format!(
            "API version {} is not supported by the emulator: send one of {}",
            String::from_utf8_lossy(word.as_bytes()),
            Version::ALL.map(Version::word).join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_a_version() {
        let of = |word: &'static str| {
            asked(&HeaderMap::from_iter([(API_VERSION.parse().unwrap(), word.parse().unwrap())]))
        };
        assert_eq!(of("2025-10").unwrap(), Version::V2025_10);
        assert_eq!(asked(&HeaderMap::new()).unwrap(), DEFAULT);
        for wrong in ["2026-01.alpha", "2025-07", "latest", ""] {
            assert_eq!(of(wrong).unwrap_err().status, 400, "{wrong}");
        }
    }
}
