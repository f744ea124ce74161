use async_trait::async_trait;

use super::read::{Ids, Pages, Reading};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, Namespace, Range, View};
use crate::plan::file::NamedEnumeration;

/// What pages of a scan may do while nothing writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// A record may come twice.
    pub repeats: bool,
    /// A record may not come at all.
    pub misses: bool,
}

impl Promise {
    /// Every record comes once.
    pub const ONCE: Self = Self { repeats: false, misses: false };

    /// Refuses a scan that a count of what it gave would not prove: where records repeat, one can hide another that is
    /// missed.
    ///
    /// # Errors
    /// `Refused` with what it may do.
    pub fn refuse_uncounted(self) -> Result<()> {
        let may = match (self.repeats, self.misses) {
            (false, false) => return Ok(()),
            (true, false) => "give a record twice",
            (false, true) => "leave a record out",
            (true, true) => "give a record twice and leave another out",
        };
        let message = format!("a scan of the source may {may}: its counts would prove nothing");
        Err(Error::new(ErrorKind::Refused, message)
            .with_hint("give the ids yourself: `enumerate: { manifest: ... }`"))
    }
}

/// The records of a namespace, and how many there are by the store's own count.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub namespace: &'a Namespace,
    pub records: u64,
}

/// How a namespace is to be split.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The plan's word for it.
    pub by: NamedEnumeration,
    /// The most counts to request; `None` for as many as needed.
    pub most_counts: Option<u64>,
    /// Whether a split that is known already will not do.
    pub is_anew: bool,
    /// The view that the ranges are to be read from; `None` for what is there now.
    pub view: Option<&'a View>,
}

impl Asked<'_> {
    /// However the store likes, asked of the store itself.
    pub fn anew() -> Self {
        Self { by: NamedEnumeration::Auto, most_counts: None, is_anew: true, view: None }
    }
}

/// How a namespace is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    pub ranges: Vec<Splitting>,
    /// The plan's word for how, and why it is done so.
    pub name: &'static str,
    pub why: &'static str,
    /// How it is cut, in words for the preview; `None` if it is read whole.
    pub detail: Option<String>,
    /// Why some records cannot be reached, and what can be done.
    pub gap: Option<(String, &'static str)>,
}

/// One range of a split and the records in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Splitting {
    pub range: Range,
    pub records: u64,
}

impl Split {
    /// A namespace that is read whole.
    pub fn whole(range: Range, records: u64, name: &'static str, why: &'static str) -> Self {
        Self { ranges: vec![Splitting { range, records }], name, why, detail: None, gap: None }
    }

    /// Explains why some records cannot be reached; `None` if all can.
    pub fn refusal(&self) -> Option<Error> {
        let (message, hint) = self.gap.as_ref()?;
        Some(Error::new(ErrorKind::Refused, message.clone()).with_hint(*hint))
    }
}

/// Reading whole records.
#[async_trait]
pub trait Scan: Send + Sync {
    fn promise(&self) -> Promise;

    /// Looks for what would break the promise that no record comes twice, where nothing else keeps ids apart. Who gets no
    /// error may ask for the promise again.
    ///
    /// # Behavior
    /// - Looks once, unless `is_anew`: then what may have been written since is looked at, too.
    ///
    /// # Errors
    /// `Conflict` with ids that are there twice, and where.
    async fn see_distinct(&self, _is_anew: bool) -> Result<()> {
        Ok(())
    }

    /// The range that is a whole namespace, whatever it holds; `None` where it has to be counted first.
    fn whole(&self) -> Option<Range>;

    /// Splits a namespace into ranges that can be read one by one and that hold every record once.
    ///
    /// # Errors
    /// `Refused` if it cannot be read as it is asked; `ViewLost` if the view that is asked for is not there any more.
    async fn split(&self, scope: Scope<'_>, asked: Asked<'_>) -> Result<Split>;

    /// Returns whether what is read of `range` is proven by the records it was split off with, so that it has to be split
    /// off again once there are more or fewer.
    fn is_bound(&self, range: &Range) -> bool;

    /// Counts the records of a range; `None` if it is as many as its namespace holds.
    async fn recount(&self, namespace: &Namespace, range: &Range) -> Result<Option<u64>>;

    /// Returns whether what was read of a range before a place need not be what stands there now, so that it has to be
    /// split off again. A place that only tells where it is among others is lost with them.
    async fn is_lost(&self, _: &Namespace, _: &Range, _: &Cursor) -> Result<bool> {
        Ok(false)
    }

    /// Begins to find the ids of a range behind a place.
    ///
    /// # Behavior
    /// - A missing namespace gives no ids.
    async fn ids(&self, scope: Scope<'_>, range: &Range, after: &Cursor) -> Result<Box<dyn Ids>>;

    /// Begins to read the records of a range behind a place, in an order that is the same each time.
    ///
    /// # Behavior
    /// - A missing namespace gives no records.
    /// - The cursor of a page stands behind it; that of the last is the end.
    /// - Reads from the view of `reading`, if it names one; `ViewLost` if that is not there any more.
    async fn read(
        &self,
        scope: Scope<'_>,
        range: &Range,
        after: &Cursor,
        reading: &Reading,
    ) -> Result<Pages>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_scan_that_gives_each_record_once_is_proven_by_counts() {
        assert!(Promise::ONCE.refuse_uncounted().is_ok());
        for (repeats, misses) in [(true, false), (false, true), (true, true)] {
            let error = Promise { repeats, misses }.refuse_uncounted().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused);
        }
    }
}
