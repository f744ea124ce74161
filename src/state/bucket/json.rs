//! Objects as JSON that says its version.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::journal::AS_DAMAGED;

/// Returns a value as one line.
pub(super) fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value).map_err(|error| {
        Error::unexpected("an object of the state cannot be written as JSON").with_source(error)
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a value whose version, as `version` has it, is at most `format`.
///
/// # Errors
/// `Refused` for a newer version, `Conflict` for anything else.
pub(super) fn read<T: DeserializeOwned>(
    bytes: &[u8],
    key: &str,
    format: u32,
    version: impl Fn(&T) -> u32,
) -> Result<T> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let (v, error) = match serde_json::from_slice(bytes) {
        Ok(value) if version(&value) <= format => return Ok(value),
        Ok(value) => (version(&value), None),
        // A newer one may have other fields.
        Err(error) => {
            let v = serde_json::from_slice(bytes).map_or(0, |Version { v }| v);
            (v, Some(error))
        }
    };
    match error {
        Some(error) if v <= format => Err(damaged(format!("`{key}` is damaged: {error}"))),
        _ => {
            let message = format!("`{key}` has format {v}; this program reads up to {format}");
            Err(Error::new(ErrorKind::Refused, message).with_hint(
                "nothing was changed; use the vecshift that wrote it, which may be newer",
            ))
        }
    }
}

/// Returns the error for what no run wrote.
pub(super) fn damaged(message: String) -> Error {
    Error::new(ErrorKind::Conflict, message).with_hint(AS_DAMAGED)
}
