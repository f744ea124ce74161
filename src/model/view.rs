use serde::{Deserialize, Serialize};

/// The name of a view: what a store shows unchanged while others write. Any machine can read from it by its name, which
/// only the store reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct View(String);

impl View {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}
