//! Reads the segments of a run: packs where there are, and on by one segment after the other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, join_all, try_join_all};
use tokio::sync::Semaphore;

use super::asking::Asking;
use super::chain::Chain;
use super::head::Extent;
use super::json::damaged;
use super::layout::Layout;
use super::packs::{Pack, Piece, cover};
use super::segment::{Segment, split};
use crate::error::{Error, ErrorKind, Result};

/// The most requests at once.
const SIDE_BY_SIDE: usize = 32;
/// Requests for segments that may not be there: the second one says whether the first is missing or the end.
const AHEAD: usize = 2;
/// How often a segment is looked for that is not there although a later one is.
const LOOKS: u32 = 3;

/// Reads the log of one run.
pub(super) struct Reader<'a> {
    asking: &'a Asking,
    layout: &'a Layout,
    run: &'a str,
    permits: Semaphore,
    /// Packs that were not there.
    missing: Mutex<Vec<Pack>>,
}

/// A piece and what is in it.
type Fetched = (Piece, Bytes);

impl<'a> Reader<'a> {
    pub fn new(asking: &'a Asking, layout: &'a Layout, run: &'a str) -> Self {
        Self {
            asking,
            layout,
            run,
            permits: Semaphore::new(SIDE_BY_SIDE),
            missing: Mutex::default(),
        }
    }

    /// Returns whether the run has an event. One whose first segment is a fence never has: what goes on is another run.
    ///
    /// # Errors
    /// Those of [`Reader::read`].
    pub async fn has_begun(&self) -> Result<bool> {
        match self.segment(1).await? {
            Some(bytes) => {
                let key = self.layout.segment(self.run, 1);
                Ok(!Segment::parse(bytes, &key)?.entries.is_empty())
            }
            None => Ok(false),
        }
    }

    /// Reads the segments that are known to be there.
    ///
    /// # Errors
    /// `Conflict` for one that is missing or was changed, `Refused` for one of a newer version.
    pub async fn read(&self, extent: &Extent) -> Result<Chain> {
        Ok(self.read_all(extent).await?.0)
    }

    /// Reads the segments that are known to be there, and returns the packs of them that should be and are not.
    ///
    /// # Errors
    /// Those of [`Reader::read`].
    pub async fn read_whole(&self, extent: &Extent) -> Result<(Chain, Vec<(Pack, Bytes)>)> {
        let (chain, fetched) = self.read_all(extent).await?;
        let missing = std::mem::take(&mut *self.missing());
        let is_part = |pack: &Pack| {
            missing
                .iter()
                .any(|of| of != pack && of.first() <= pack.first() && pack.last() <= of.last())
        };
        let whole = |pack: &Pack| {
            let inside = |piece: &Piece| (pack.first()..=pack.last()).contains(&piece.last());
            let parts = fetched.iter().filter(|(piece, _)| inside(piece)).map(|(_, bytes)| bytes);
            (*pack, parts.flat_map(|bytes| bytes.iter().copied()).collect())
        };
        let packs = missing.iter().filter(|pack| !is_part(pack)).map(whole).collect();
        Ok((chain, packs))
    }

    async fn read_all(&self, extent: &Extent) -> Result<(Chain, Vec<Fetched>)> {
        let pieces = cover(1, extent.last_segment, extent.tail);
        let mut fetched = self.fetch_all(pieces).await?;
        loop {
            let (at, error) = match self.link(&fetched, extent).await {
                Ok(chain) => return Ok((chain, fetched)),
                Err(broken) => broken,
            };
            // The link is between this piece and the one before, and a pack may be wrong without the journal being so.
            let suspects = at.saturating_sub(1)..(at + 1).min(fetched.len());
            if fetched[suspects.clone()].iter().all(|(piece, _)| matches!(piece, Piece::Segment(_)))
            {
                return Err(error);
            }
            tracing::warn!(%error, "a pack is not what the journal says, which is read instead");
            let parts = fetched[suspects.clone()].iter().flat_map(|(piece, _)| match piece {
                Piece::Pack(pack) => (pack.first()..=pack.last()).map(Piece::Segment).collect(),
                Piece::Segment(_) => vec![*piece],
            });
            let parts = self.fetch_all(parts.collect()).await?;
            fetched.splice(suspects, parts);
        }
    }

    /// Reads the segments behind those that were read, until there is none.
    ///
    /// # Errors
    /// Those of [`Reader::read`].
    pub async fn go_on(&self, chain: &mut Chain) -> Result<()> {
        let (mut width, mut looks) = (AHEAD, 0);
        loop {
            let next = chain.number + 1;
            let numbers = next..next + width as u64;
            let found = try_join_all(numbers.map(|number| self.segment(number))).await?;
            let there = found.iter().take_while(|segment| segment.is_some()).count();
            let is_later_there = found[there..].iter().any(Option::is_some);
            for bytes in found.into_iter().take(there).flatten() {
                chain.add(self.layout, bytes)?;
            }
            match there == width {
                true => width = (width * 2).min(SIDE_BY_SIDE),
                false if !is_later_there => return Ok(()),
                // It may have been written between the two looks.
                false if there > 0 => looks = 0,
                false => looks += 1,
            }
            if looks == LOOKS {
                return Err(self.gone(chain.number + 1));
            }
        }
    }

    async fn link(&self, fetched: &[Fetched], extent: &Extent) -> Result<Chain, (usize, Error)> {
        let mut chain = Chain::new(self.run);
        for (at, (piece, bytes)) in fetched.iter().enumerate() {
            let segments = match piece {
                Piece::Segment(_) => vec![bytes.clone()],
                Piece::Pack(_) => split(bytes),
            };
            for segment in segments {
                chain.add(self.layout, segment).map_err(|error| (at, error))?;
            }
            if chain.number != piece.last() {
                let message = format!("a pack up to segment {} ends elsewhere", piece.last());
                return Err((at, damaged(message)));
            }
            // Parsing is work, and a runtime has other things to do.
            tokio::task::yield_now().await;
        }
        chain.check(self.layout, extent).map_err(|error| (fetched.len(), error))?;
        Ok(chain)
    }

    async fn fetch_all(&self, pieces: Vec<Piece>) -> Result<Vec<Fetched>> {
        let fetched = join_all(pieces.into_iter().map(|piece| self.fetch(piece))).await;
        Ok(fetched.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// Fetches a piece, or its parts where it is not there.
    fn fetch(&self, piece: Piece) -> BoxFuture<'_, Result<Vec<Fetched>>> {
        async move {
            let found = match piece {
                Piece::Segment(number) => self.segment(number).await?,
                Piece::Pack(pack) => self.pack(pack).await?,
            };
            match (piece, found) {
                (piece, Some(bytes)) => Ok(vec![(piece, bytes)]),
                (Piece::Pack(pack), None) => {
                    if !matches!(pack, Pack::Tail(_)) {
                        self.missing().push(pack);
                    }
                    self.fetch_all(pack.parts()).await
                }
                (Piece::Segment(number), None) => Err(self.gone(number)),
            }
        }
        .boxed()
    }

    async fn segment(&self, number: u64) -> Result<Option<Bytes>> {
        self.get(&self.layout.segment(self.run, number)).await
    }

    async fn pack(&self, pack: Pack) -> Result<Option<Bytes>> {
        self.get(&self.layout.pack(self.run, pack)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let _permit =
            self.permits.acquire().await.map_err(|error| {
                Error::unexpected("the journal is read no more").with_source(error)
            })?;
        Ok(self.asking.read(key).await?.map(|read| read.bytes))
    }

    fn missing(&self) -> MutexGuard<'_, Vec<Pack>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self, number: u64) -> Error {
        let key = self.layout.segment(self.run, number);
        let message = format!("`{key}` is missing: what comes behind it was written");
        Error::new(ErrorKind::Conflict, message).with_hint(
            "put it back, from an older version of the bucket or a copy; nothing else is changed until then",
        )
    }
}
