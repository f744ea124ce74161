//! What came of a step.

/// Whether a step has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Done,
    /// The world is not as far yet: the step is taken again.
    Again,
}

impl From<bool> for Taken {
    /// What was waited for ends the step once it is so.
    fn from(is_so: bool) -> Self {
        match is_so {
            true => Self::Done,
            false => Self::Again,
        }
    }
}

impl<T> From<Option<T>> for Taken {
    /// What was looked for ends the step once it was seen.
    fn from(seen: Option<T>) -> Self {
        match seen {
            Some(_) => Self::Done,
            None => Self::Again,
        }
    }
}
