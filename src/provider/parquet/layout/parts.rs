//! What is known of a file's rows, and where parts of a record are found.

use crate::model::{FieldName, Namespace};

/// Facts about a file's rows that its path gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The namespace if nothing else gives one.
    pub namespace: Namespace,
    /// Folders of the form `key=value`, which count as columns; `None` stands for null.
    pub columns: Vec<(String, Option<String>)>,
}

impl Default for Folders {
    fn default() -> Self {
        Self { namespace: Namespace::from(""), columns: Vec::new() }
    }
}

/// Treatment of columns that no part of a record is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider::parquet) enum Unread {
    Refused,
    /// Ignored, as a service's bulk import does.
    PassedOver,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::provider::parquet) enum NamespaceOf {
    Column(usize),
    Constant(Namespace),
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::provider::parquet) enum MetadataOf {
    Nothing,
    Whole(usize),
    Fields {
        columns: Vec<(FieldName, usize)>,
        /// Columns from the folders in the file's path.
        constants: Vec<(FieldName, String)>,
    },
}

/// Columns of a file that are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// Columns that the plan ignores.
    pub ignored: Vec<String>,
    /// Columns with nothing in them.
    pub empty: Vec<String>,
    /// Folders `key=value` whose key is also a column of the file, which counts.
    pub doubled: Vec<String>,
    /// Columns that were asked for and are not in this file.
    pub absent: Vec<String>,
}
