//! What vecshift notes in the footer of a file that it writes: which columns hold which vectors, and of which kind the ids
//! are. Whoever reads the file without the note finds the same records, with ids of text.

use parquet::file::metadata::{FileMetaData, KeyValue};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Element, IdKind, Metric, VectorField, VectorKind, VectorName};

/// The key of the note among the words of a footer.
const KEY: &str = "vecshift";

/// The note of a file; fields are only ever added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// All vectors that records may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<NotedVector>,
    /// The kind of every id whose text has a form of it; none says that ids are what their column is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<IdKind>,
    /// True if values that JSON has not stand under tags.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tagged: bool,
    /// The sum of what the records hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

/// A vector field, and the column that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NotedVector {
    pub column: String,
    pub name: String,
    pub kind: VectorKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// What the store kept a component as; the file has 32-bit floats, which keep each of these but `f64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<Element>,
}

impl NotedVector {
    pub fn new(column: &str, field: &VectorField) -> Self {
        Self {
            column: column.to_owned(),
            name: field.name.to_string(),
            kind: field.kind,
            dimension: field.dimension,
            metric: field.metric,
            element: Some(field.element),
        }
    }

    /// Returns the field as it was noted; which are the only ones of their kind is not decided yet.
    pub fn field(&self) -> VectorField {
        let usual = VectorField::usual(VectorName::of_several(&self.name), self.kind);
        let element = self.element.unwrap_or(usual.element);
        VectorField { dimension: self.dimension, metric: self.metric, element, ..usual }
    }
}

impl Note {
    /// Reads the note of a file; an empty one if it has none.
    ///
    /// # Errors
    /// `Invalid` if it cannot be read.
    pub fn read(footer: &FileMetaData) -> Result<Self> {
        let words = footer.key_value_metadata().map_or(&[][..], Vec::as_slice);
        let own = words.iter().find(|word| word.key == KEY).and_then(|word| word.value.as_deref());
        own.map_or_else(|| Ok(Self::default()), serde_json::from_str).map_err(|error| {
            Error::invalid("the footer's note of what the columns hold cannot be read")
                .with_source(error)
                .with_hint("a newer version wrote the file, or it was changed since: get it again, or write it anew without the word `vecshift` in its footer")
        })
    }

    /// Returns the note as a word of the footer.
    ///
    /// # Errors
    /// `Unexpected` if it cannot be written.
    pub fn word(&self) -> Result<KeyValue> {
        let text = serde_json::to_string(self)
            .map_err(|error| Error::unexpected("a note is no JSON").with_source(error))?;
        Ok(KeyValue::new(KEY.to_owned(), text))
    }
}
