use crate::model::{Namespace, Record};

/// One call of a provider as a layer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The trait method, for example `upsert`.
    pub name: &'static str,
    pub namespace: Option<&'a Namespace>,
    /// Records or ids in the request.
    pub records: usize,
    /// True if it changes an index.
    pub is_write: bool,
    /// True if it goes to the control plane.
    pub is_control: bool,
    /// True if making it twice is the same as making it once.
    pub is_idempotent: bool,
    payload: &'a [Record],
}

impl<'a> Operation<'a> {
    pub fn read(name: &'static str) -> Self {
        Self {
            name,
            namespace: None,
            records: 0,
            is_write: false,
            is_control: false,
            is_idempotent: true,
            payload: &[],
        }
    }

    pub fn write(name: &'static str) -> Self {
        Self { is_write: true, ..Self::read(name) }
    }

    pub fn control(self) -> Self {
        Self { is_control: true, ..self }
    }

    pub fn not_idempotent(self) -> Self {
        Self { is_idempotent: false, ..self }
    }

    pub fn within(self, namespace: &'a Namespace) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    pub fn of(self, records: usize) -> Self {
        Self { records, ..self }
    }

    pub fn carrying(self, payload: &'a [Record]) -> Self {
        Self { payload, records: payload.len(), ..self }
    }

    /// Returns the bytes of the records to be written, each as large as `size` says; computed on request.
    pub fn bytes(&self, size: impl Fn(&Record) -> usize) -> usize {
        self.payload.iter().map(size).sum()
    }
}
