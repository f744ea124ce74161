//! The steps of a snapshot stage, and which of them comes next.

use crate::run::view::{Next, View};

/// A step of a snapshot stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes every record to files and reads them back. One step, because half a snapshot is none: what is written
    /// counts only if the index is the same at its end as at its beginning.
    Write,
}

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
        }
    }
}

pub fn next(view: View<'_>) -> Next<Step> {
    view.first_left(&[Step::Write], Step::name).map_or(Next::Done, Next::Take)
}
