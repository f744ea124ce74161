/// Reason why a message is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Values that are not whole 4-byte floats.
    CutShort,
    /// More or fewer sparse values than indices.
    Uneven,
}

/// A message that is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub id: String,
    pub fault: Fault,
}
