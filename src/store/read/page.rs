//! Pages of whole records.

use std::sync::Arc;

use futures::stream::BoxStream;

use super::ids::Picks;
use super::page_size::PageSize;
use super::room::{Held, Room};
use crate::error::Result;
use crate::model::{Contents, Cursor, Record, View};

/// Whole records of a range, and the place behind them.
pub struct Page {
    pub records: Vec<Record>,
    /// What they hold.
    pub contents: Contents,
    /// Ids that were found, whether or not they were picked.
    pub found: u64,
    /// Ids that were picked; those that have no record are not in the source.
    pub asked: u64,
    pub after: Cursor,
    /// The room that they take, for as long as any of them is held.
    pub held: Held,
}

impl Page {
    /// Ids that were picked and that the source does not have.
    pub fn missing(&self) -> u64 {
        self.asked - self.records.len() as u64
    }
}

/// Pages, in order, several of them on their way.
pub type Pages = BoxStream<'static, Result<Page>>;

/// How records are read. Cloning shares the room and what is learned of the records' sizes.
#[derive(Clone)]
pub struct Reading {
    pub room: Room,
    pub size: Arc<PageSize>,
    /// Records that are held for each that is read.
    pub weight: usize,
    /// `None` for all.
    pub picks: Option<Picks>,
    /// The view that is read; `None` for what is there at the time of each page.
    pub view: Option<View>,
}

impl Reading {
    pub fn new(room: Room, size: PageSize) -> Self {
        Self { room, size: Arc::new(size), weight: 1, picks: None, view: None }
    }

    /// Takes room for another record beside each that is read, for what is compared with it.
    pub fn with_others(self) -> Self {
        Self { weight: 2, ..self }
    }

    /// Makes a page of records that were read, `asked` of the ids that were `found` having been picked: what they weigh is
    /// learned, and settled with the room that was taken for them.
    pub fn page(
        &self,
        records: Vec<Record>,
        (found, asked): (u64, u64),
        after: Cursor,
        mut held: Held,
    ) -> Page {
        let bytes = records.iter().map(Record::held_bytes).sum();
        self.size.read(records.len(), bytes);
        self.room.settle(&mut held, bytes * self.weight);
        Page { contents: Contents::of(&records), records, found, asked, after, held }
    }

    /// Reads only some records.
    pub fn picking(self, picks: Picks) -> Self {
        Self { picks: Some(picks), ..self }
    }
}
