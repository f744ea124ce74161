/// Something that the target has acknowledged.
///
/// Only the end of the pipeline that settles chunks creates one, and only such a value becomes a checkpoint event:
/// nothing can be marked as copied that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acked<T>(T);

impl<T> Acked<T> {
    pub(super) fn new(value: T) -> Self {
        Self(value)
    }

    pub fn into_inner(self) -> T {
        self.0
    }

    pub fn get(&self) -> &T {
        &self.0
    }
}
