use std::sync::atomic::{AtomicBool, Ordering};

/// The read that carries the readable LSN. A fetch is cheaper than a query (which costs by the namespace's
/// size), but whether it carries the number is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Fetch,
    Query,
}

/// The read that is asked: a fetch, until one carried no number and a query did.
#[derive(Debug, Default)]
pub(super) struct AskedInUse {
    is_query: AtomicBool,
}

impl AskedInUse {
    pub fn now(&self) -> Asked {
        if self.is_query.load(Ordering::Relaxed) { Asked::Query } else { Asked::Fetch }
    }

    pub fn settle_on_query(&self) {
        self.is_query.store(true, Ordering::Relaxed);
    }
}
