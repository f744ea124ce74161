//! Small YAML files: what is wrong with one, and mappings of names to scalars.

use std::collections::BTreeMap;

use serde_json::Value;

/// Describes what is wrong with a file, in one line and with the line in the file.
pub fn mistake(error: &serde_saphyr::Error) -> String {
    error.without_snippet().to_string()
}

/// Returns the texts of scalars.
///
/// # Errors
/// The name of one that is none.
pub fn scalars(values: BTreeMap<String, Value>) -> Result<BTreeMap<String, String>, String> {
    let scalar = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
        _ => Err(name),
    };
    values.into_iter().map(scalar).collect()
}
