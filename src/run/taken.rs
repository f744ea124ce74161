//! What came of a step.

/// Whether a step has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Done,
    /// The world is not as far yet: the step is taken again.
    Again,
}
