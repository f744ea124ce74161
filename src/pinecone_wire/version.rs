//! Versions of the API and what differs between them.

/// A published version. `X-Pinecone-Api-Version` names it.
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

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 8] = [
        Self::V2024_04,
        Self::V2024_07,
        Self::V2024_10,
        Self::V2025_01,
        Self::V2025_04,
        Self::V2025_10,
        Self::V2026_04,
        Self::V2026_07,
    ];

    /// Returns the value of the header.
    pub fn word(self) -> &'static str {
        match self {
            Self::V2024_04 => "2024-04",
            Self::V2024_07 => "2024-07",
            Self::V2024_10 => "2024-10",
            Self::V2025_01 => "2025-01",
            Self::V2025_04 => "2025-04",
            Self::V2025_10 => "2025-10",
            Self::V2026_04 => "2026-04",
            Self::V2026_07 => "2026-07",
        }
    }

    /// Returns the version that a header's value names.
    pub fn read(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.word().as_bytes() == word)
    }

    /// Returns whether bodies have `schema` and `deployment` instead of `dimension`, `metric` and `spec`.
    pub fn has_schema(self) -> bool {
        self >= Self::V2026_07
    }

    /// Returns the default page size of backups and restore jobs.
    pub fn default_page(self) -> usize {
        if self.has_schema() { 100 } else { 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_a_version() {
        for version in Version::ALL {
            assert_eq!(Version::read(version.word().as_bytes()), Some(version));
        }
        for wrong in ["2026-01.alpha", "2025-07", "latest", ""] {
            assert_eq!(Version::read(wrong.as_bytes()), None, "{wrong}");
        }
        assert!(Version::ALL.is_sorted());
        assert!(Version::V2026_07.has_schema() && !Version::V2026_04.has_schema());
    }
}
