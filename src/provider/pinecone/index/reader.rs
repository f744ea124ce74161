use std::sync::atomic::{AtomicBool, Ordering};

/// The read that carries the readable LSN. A fetch is cheaper than a query (which costs by the namespace's
/// size), but whether it carries the number is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Fetch,
    Query,
}

/// The read that is asked: a fetch, until one carried no number and a query did.
#[derive(Debug, Default)]
pub(super) struct ReaderInUse {
    is_query: AtomicBool,
}

impl ReaderInUse {
    pub fn now(&self) -> Reader {
        if self.is_query.load(Ordering::Relaxed) { Reader::Query } else { Reader::Fetch }
    }

    pub fn settle_on_query(&self) {
        self.is_query.store(true, Ordering::Relaxed);
    }
}
