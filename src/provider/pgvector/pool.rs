//! Connections that wait for their next use.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use super::scan::Reader;
use super::session::Session;
use super::write::Writer;
use crate::error::Result;

/// Something with a connection of its own.
pub trait Connected {
    /// Whether its connection has ended.
    fn is_closed(&self) -> bool;
}

impl Connected for Session {
    fn is_closed(&self) -> bool {
        Self::is_closed(self)
    }
}

impl Connected for Reader {
    fn is_closed(&self) -> bool {
        self.session().is_closed()
    }
}

impl Connected for Writer {
    fn is_closed(&self) -> bool {
        self.session().is_closed()
    }
}

/// Sessions, readers of one view and scope, or writers of one table, to be lent one by one. It holds as many as were in use
/// at once; how many that may be is for the caller to limit.
#[derive(Debug)]
pub struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// A value of a pool, in use. Unless it is given back it is closed, with whatever was under way: so a call that fails or is
/// dropped leaves nothing half done to the next.
#[derive(Debug)]
pub struct Lent<'a, T: Connected> {
    pool: &'a Pool<T>,
    value: T,
}

impl<T: Connected> Pool<T> {
    /// Takes one that waits, or opens another.
    ///
    /// # Errors
    /// Those of `open`.
    pub async fn take(&self, open: impl Future<Output = Result<T>>) -> Result<Lent<'_, T>> {
        let value = match self.waiting() {
            Some(value) => value,
            None => open.await?,
        };
        Ok(Lent { pool: self, value })
    }

    fn waiting(&self) -> Option<T> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|value| !value.is_closed());
        waiting.pop()
    }
}

impl<T: Connected> Lent<'_, T> {
    /// Gives it back for the next use.
    pub fn give_back(self) {
        let Self { pool, value } = self;
        if !value.is_closed() {
            pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
        }
    }
}

impl<T: Connected> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Connected> DerefMut for Lent<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
