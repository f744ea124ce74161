//! Versions of the API and what differs between them.

use axum::http::HeaderMap;

use super::error::{Answer, Refusal};

/// A version that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    V2024_04,
    V2024_07,
    V2024_10,
    V2025_01,
    V2025_04,
    V2025_10,
    V2026_04,
    V2026_07,
}

const WORDS: [(&str, Version); 8] = [
    ("2024-04", Version::V2024_04),
    ("2024-07", Version::V2024_07),
    ("2024-10", Version::V2024_10),
    ("2025-01", Version::V2025_01),
    ("2025-04", Version::V2025_04),
    ("2025-10", Version::V2025_10),
    ("2026-04", Version::V2026_04),
    ("2026-07", Version::V2026_07),
];

/// What is taken where a request names none.
const DEFAULT: Version = Version::V2026_04;

impl Version {
    /// The version a request asks for.
    pub fn of(headers: &HeaderMap) -> Answer<Self> {
        let Some(word) = headers.get("x-pinecone-api-version") else { return Ok(DEFAULT) };
        let known = WORDS.iter().find(|(name, _)| word == name);
        known.map(|(_, version)| *version).ok_or_else(|| {
            let words: Vec<_> = WORDS.iter().map(|(word, _)| *word).collect();
            Refusal::invalid(format!(
                "API version {} is not supported by the emulator: send one of {}",
                String::from_utf8_lossy(word.as_bytes()),
                words.join(", ")
            ))
        })
    }

    /// Whether bodies speak of `schema` and `deployment` instead of `dimension`, `metric` and `spec`.
    pub fn has_schema(self) -> bool {
        self >= Self::V2026_07
    }

    /// Results a page of backups and restore jobs has where nothing is said.
    pub fn default_page(self) -> usize {
        if self.has_schema() { 100 } else { 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_a_version() {
        let of = |word: &'static str| {
            Version::of(&HeaderMap::from_iter([(
                "x-pinecone-api-version".parse().unwrap(),
                word.parse().unwrap(),
            )]))
        };
        assert_eq!(of("2025-10").unwrap(), Version::V2025_10);
        assert!(of("2026-07").unwrap().has_schema() && !of("2026-04").unwrap().has_schema());
        assert_eq!(Version::of(&HeaderMap::new()).unwrap(), DEFAULT);
        for wrong in ["2026-01.alpha", "2025-07", "latest", ""] {
            assert_eq!(of(wrong).unwrap_err().status, 400, "{wrong}");
        }
    }
}
