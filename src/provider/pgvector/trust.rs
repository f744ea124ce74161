//! How far a server is trusted to be the one that is meant.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// How far the server's certificate is trusted (PostgreSQL, "SSL Support": libpq's words and their meaning).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// No encryption.
    Disable,
    /// Encryption where the server offers it, to whoever answers.
    Prefer,
    /// Encryption, to whoever answers.
    Require,
    /// A certificate of a known authority, for any name.
    VerifyCa,
    /// A certificate of a known authority for the name in the URL.
    VerifyFull,
}

impl Trust {
    pub(super) fn read(word: &str) -> Result<Self> {
        Ok(match word {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            other => {
                let hint = "it is one of disable, prefer, require, verify-ca and verify-full";
                return Err(
                    Error::invalid(format!("sslmode `{other}` is not known")).with_hint(hint)
                );
            }
        })
    }

    pub fn is_verified(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

/// Where the certificates of known authorities come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    System,
    File(PathBuf),
}
