//! A record's metadata.

use serde::{Deserialize, Serialize};

use super::value::fields_held;
use super::{Fields, Value};

/// The fields of a record, in order of their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(pub Fields);

impl Metadata {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Returns the bytes that it takes in memory beside its own, about.
    pub fn held_bytes(&self) -> usize {
        fields_held(&self.0)
    }
}
