//! Things with an id, kept in the order they were made and listed in pages.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Something that a [`Shelf`] keeps.
pub(crate) trait Kept {
    fn id(&self) -> &str;
}

pub(crate) struct Shelf<T> {
    things: RwLock<BTreeMap<u64, Arc<T>>>,
    /// The last place given out. Places are never reused, so a page token stays right when things are removed.
    last: AtomicU64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { things: RwLock::default(), last: AtomicU64::new(0) }
    }
}

impl<T: Kept> Shelf<T> {
    pub fn put(&self, thing: T) -> Arc<T> {
        let mut things = self.things.write().unwrap_or_else(PoisonError::into_inner);
        let next = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        let thing = Arc::new(thing);
        things.insert(next, Arc::clone(&thing));
        thing
    }

    pub fn find(&self, id: &str) -> Option<Arc<T>> {
        self.all().into_iter().find(|thing| thing.id() == id)
    }

    pub fn remove(&self, id: &str) {
        let mut things = self.things.write().unwrap_or_else(PoisonError::into_inner);
        things.retain(|_, thing| thing.id() != id);
    }

    pub fn all(&self) -> Vec<Arc<T>> {
        self.things.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Returns at most `limit` things that are `wanted` and were made after the place `after`, and the place of the
    /// last one if more follow.
    pub fn page(
        &self,
        wanted: impl Fn(&T) -> bool,
        after: u64,
        limit: usize,
    ) -> (Vec<Arc<T>>, Option<u64>) {
        let things = self.things.read().unwrap_or_else(PoisonError::into_inner);
        let rest = things.range(after.saturating_add(1)..).filter(|(_, thing)| wanted(thing));
        let found: Vec<_> = rest.take(limit + 1).collect();
        let next = found.get(limit).and(found.get(limit.saturating_sub(1))).map(|(at, _)| **at);
        (found.into_iter().take(limit).map(|(_, thing)| Arc::clone(thing)).collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Kept for String {
        fn id(&self) -> &str {
            self
        }
    }

    #[test]
    fn pages_go_on_where_the_last_ended_whatever_was_removed() {
        let shelf = Shelf::default();
        for name in ["a", "b", "c", "d"] {
            shelf.put(name.to_owned());
        }
        let (page, next) = shelf.page(|_| true, 0, 2);
        assert_eq!(page.len(), 2);
        shelf.remove("b");
        let (page, next) = shelf.page(|_| true, next.unwrap(), 2);
        assert_eq!(page.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["c", "d"]);
        assert_eq!(next, None);
        shelf.remove("d");
        shelf.put("e".to_owned());
        assert_eq!(shelf.page(|_| true, 4, 2).0.len(), 1);
        assert!(shelf.find("b").is_none() && shelf.find("c").is_some());
    }
}
