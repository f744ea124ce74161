//! The file while an emulator has it: entries are appended, and waited for until the disk has them.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::entry::{Entry, Head, Written, decode, encode};
use super::folder::Folder;
use super::frame::{Frames, HEADER, Next, framed};
use super::image::{Image, whole};
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::store::{self, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Access, Replacement};
use crate::model::Namespace;
use crate::pinecone_wire::proto;

/// The ledger of a running emulator.
pub(crate) struct Ledger {
    file: File,
    /// Length of the file, or why nothing can be appended any more.
    written: Mutex<std::result::Result<u64, String>>,
    /// Length of what the disk has.
    settled: Mutex<u64>,
    folder: Folder,
}

/// The end of an entry in the file.
#[derive(Clone, Copy, Debug)]
#[must_use = "the disk may not have it yet"]
pub(crate) struct Receipt(u64);

impl Ledger {
    /// Opens the ledger of a folder, or begins one; returns what it holds, and how many bytes of an entry that was never
    /// finished were cut off its end.
    ///
    /// # Errors
    /// `Refused` if the folder or the file is somebody else's, the file is of a newer version, or damaged; `Locked` while
    /// another emulator has it; those of the disk.
    pub fn open(folder: &Path) -> Result<(Self, Image, u64)> {
        let folder = Folder::take(folder)?;
        let path = folder.ledger.clone();
        let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
        let file = File::open(&path).map_err(cannot)?;
        let size = file.metadata().map_err(cannot)?.len();
        let (image, end) = read(file, size, &path)?;
        let cannot = |error| Error::io(format!("cannot write {}", path.display()), error);
        let appended = || OpenOptions::new().append(true).open(&path).map_err(cannot);
        let mut file = appended()?;
        if end < size {
            file.set_len(end).and_then(|()| file.sync_all()).map_err(cannot)?;
        }
        if image.is_mostly_past(end) {
            anew(&image, &path)?;
            file = appended()?;
        }
        let length = file.metadata().map_err(cannot)?.len();
        let (written, settled) = (Mutex::new(Ok(length)), Mutex::new(length));
        Ok((Self { file, written, settled, folder }, image, size - end))
    }

    /// Appends an entry; the disk may not have it before [`Ledger::settle`]. What the disk refuses is not there.
    pub fn note(&self, entry: &Entry, records: Vec<proto::Vector>) -> Answer<Receipt> {
        let frame = encode(entry, records).and_then(|payload| framed(&payload));
        let frame = frame.ok_or_else(|| cannot("it is too large for an entry"))?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let length = written.as_ref().map_err(cannot)?;
        let end = length + frame.len() as u64;
        if let Err(error) = (&self.file).write_all(&frame) {
            // Half an entry would hide what comes after it.
            if let Err(error) = self.file.set_len(*length) {
                *written = Err(error.to_string());
            }
            return Err(cannot(error));
        }
        *written = Ok(end);
        Ok(Receipt(end))
    }

    /// Appends a write to an index.
    pub fn note_write(
        &self,
        index: &str,
        namespace: &Namespace,
        write: &store::Write,
    ) -> Answer<Receipt> {
        let (what, records) = Written::of(write);
        let (index, namespace) = (index.to_owned(), namespace.clone());
        self.note(&Entry::Written { index, namespace, what }, records)
    }

    /// Appends a whole index, and waits until the disk has it.
    pub fn keep(&self, given_ids: u64, head: &Head, store: &Store) -> Answer<()> {
        let mut last = self.note(&Entry::Ids(given_ids), Vec::new())?;
        whole(head, store, |entry, records| {
            self.note(&entry, records).map(|receipt| last = receipt)
        })?;
        self.settle(last)
    }

    /// Waits until the disk has an entry and everything before it. Who waits meanwhile finds it there, too.
    pub fn settle(&self, Receipt(end): Receipt) -> Answer<()> {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if *settled >= end {
            return Ok(());
        }
        let length = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let length = length.map_err(cannot)?;
        if let Err(error) = self.file.sync_data() {
            // Nobody knows what the disk has of it, now or after another try.
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            *written = Err(error.to_string());
            return Err(cannot(error));
        }
        *settled = length;
        Ok(())
    }

    /// Waits until the disk has everything, takes nothing more, and lets go of the folder, whoever still has a hand on this.
    pub fn close(&self) -> Answer<()> {
        let end = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *written, Err("it has ended".to_owned()))
        };
        let synced = self.file.sync_data();
        self.folder.release();
        end.map_err(cannot)?;
        synced.map_err(cannot)
    }
}

fn cannot(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(500, Code::Internal, format!("The emulator cannot keep this: {why}"))
}

/// Reads the file up to its end, or to an entry that was never finished; returns where that is.
fn read(mut file: File, size: u64, path: &Path) -> Result<(Image, u64)> {
    let refused = |what: &str| {
        Error::new(ErrorKind::Refused, format!("{} {what}", path.display()))
            .with_hint("nothing was changed; name another folder, or move this file away")
    };
    let unread = |error| Error::io(format!("cannot read {}", path.display()), error);
    let mut header = [0; HEADER.len()];
    let is_long = size >= HEADER.len() as u64;
    if is_long {
        file.read_exact(&mut header).map_err(unread)?;
    }
    if header != HEADER {
        let of_another = header.starts_with(b"vecshift emulator ");
        return Err(refused(match of_another {
            true => "is of another version of the emulator",
            false => "was not written by an emulator",
        }));
    }
    let (mut frames, mut image) = (Frames::new(file, size), Image::default());
    loop {
        let at = frames.at;
        let damaged = || refused(&format!("is damaged at byte {at}"));
        match frames.next().map_err(unread)? {
            Next::End | Next::Torn => return Ok((image, at)),
            Next::Damaged => return Err(damaged()),
            Next::Payload(payload) => {
                let (entry, records) = decode(&payload).ok_or_else(damaged)?;
                image.take(entry, records).ok_or_else(damaged)?;
            }
        }
    }
}

/// Writes the file anew, with nothing of the past.
fn anew(image: &Image, path: &Path) -> Result<()> {
    let unwritten = |error| Error::io(format!("cannot write {}", path.display()), error);
    let mut file = Replacement::begin(path, Access::Usual).map_err(unwritten)?;
    file.write_all(HEADER).map_err(unwritten)?;
    image.entries(|entry, records| {
        let frame = encode(&entry, records).and_then(|payload| framed(&payload));
        let frame = frame.ok_or_else(|| Error::unexpected("an entry is too large"))?;
        file.write_all(&frame).map_err(unwritten)
    })?;
    file.commit().map_err(unwritten)
}
