//! What an emulator keeps over a restart: a file of entries, each on the disk before its request is answered.
//!
//! A request that changes an index appends an entry under the lock of the index, so that the file has the order in which
//! the records changed, and is answered when the disk has it; requests that wait together share one wait. At start the
//! entries are folded into indexes again ([`Image`]). What a process left half-written at the end was never answered and is
//! cut off; anything else that cannot be read is damage, and refused. A file that is mostly of the past is written anew
//! before anything is served. Why it is a file of entries and no database: `docs/decisions/0049-ledger-of-the-emulator.md`.

mod entry;
mod folder;
mod frame;
mod image;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use entry::{Entry, Head};
pub(crate) use image::{Image, Kept};
pub(crate) use writer::{Ledger, Receipt};
