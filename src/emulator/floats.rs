//! Numbers as the service keeps them: 64-bit floats.

use crate::model::{Metadata, Value};

/// Rounds the numbers of metadata. One beyond all floats stays, and is refused by the checks.
pub(crate) fn rounded(mut metadata: Metadata) -> Metadata {
    for value in metadata.0.values_mut() {
        if let Some(number) = value.nearest_f64().filter(|number| number.is_finite()) {
            *value = Value::F64(number);
        }
    }
    metadata
}
