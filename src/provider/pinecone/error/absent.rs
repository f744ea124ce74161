use crate::error::{ErrorKind, Result};

/// Turns the error for a missing namespace into an empty result: a serverless index answers some calls with `NotFound`
/// and names the namespace. A missing index stays an error.
pub fn or_empty<T: Default>(result: Result<T>) -> Result<T> {
    match result {
        Err(error)
            if error.kind() == ErrorKind::NotFound
                && error.message().to_ascii_lowercase().contains("namespace") =>
        {
            Ok(T::default())
        }
        other => other,
    }
}
