//! Secrets while they are in use.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::plan::file::Secret;

/// A secret that cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Reads the secret named by `reference`; relative paths start at `base`.
    ///
    /// # Errors
    /// `Unauthorized` if it is missing or empty; the message names the reference.
    pub async fn read(
        reference: &Secret,
        env: &BTreeMap<String, String>,
        base: &Path,
    ) -> Result<Self> {
        let missing = |what: String| Error::new(ErrorKind::Unauthorized, what);
        let text = match reference {
            Secret::Env(name) => env.get(name).cloned().ok_or_else(|| {
                missing(format!("the environment variable {name} of a secret is not set"))
            })?,
            Secret::File(path) => {
                tokio::fs::read_to_string(base.join(path)).await.map_err(|error| {
                    missing(format!("the file {path} of a secret cannot be read"))
                        .with_source(error)
                })?
            }
        };
        match text.trim() {
            "" => {
                Err(missing("a secret is empty".into())
                    .with_context("reference", describe(reference)))
            }
            text => Ok(Self(text.to_owned())),
        }
    }

    /// Returns the secret itself, for the one place that sends it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns `text` without the secret.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "[secret]")
    }
}

fn describe(reference: &Secret) -> String {
    match reference {
        Secret::Env(name) => format!("env {name}"),
        Secret::File(path) => format!("file {path}"),
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}
