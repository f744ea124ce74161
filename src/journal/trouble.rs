use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// Details of an error beside its text. Each part is missing from journals of older versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_kind")]
    pub kind: Option<ErrorKind>,
    /// Advice on what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The hook of the whole run that failed; the stage that comes next has nothing to do with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
}

impl Trouble {
    /// Describes `error`, which occurred in a stage.
    pub fn of(error: &Error) -> Self {
        Self { kind: Some(error.kind()), hint: error.hint().map(str::to_owned), hook: None }
    }
}

/// Reads a kind; one that a newer version may have added becomes `None`.
fn known_kind<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<ErrorKind>, D::Error> {
    let name = Option::<String>::deserialize(from)?;
    Ok(name.and_then(|name| serde_json::from_value(name.into()).ok()))
}
