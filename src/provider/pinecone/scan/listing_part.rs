//! A part of a listing: the ids that begin alike.

use std::collections::VecDeque;

use crate::model::RecordId;
use crate::provider::pinecone::plane::IdPage;

/// The last character that an id can have.
const LAST: u8 = 0x7f;

/// Pages that are too few for a part.
const FEW: usize = 10;

/// Ids that begin alike, of which some pages were listed.
pub(super) struct Part {
    pub key: usize,
    /// How its ids begin.
    prefix: String,
    /// What is listed for it; shorter than the prefix where the part was cut from a longer listing.
    pub listed: String,
    /// The token of the next page.
    pub token: Option<String>,
    /// Pages that arrived, each with what it was asked for with.
    pub pages: VecDeque<(Option<String>, IdPage)>,
    /// A request is under way.
    pub is_asked: bool,
    pub is_done: bool,
    /// Pages since it was last cut, and the first id of them.
    arrived: usize,
    first: Option<RecordId>,
    is_begun_again: bool,
}

impl Part {
    /// The whole namespace, from a page on.
    pub fn all(token: Option<String>) -> Self {
        Self { token, ..Self::under(String::new(), 0) }
    }

    pub fn under(prefix: String, key: usize) -> Self {
        Self {
            key,
            listed: prefix.clone(),
            prefix,
            token: None,
            pages: VecDeque::new(),
            is_asked: false,
            is_done: false,
            arrived: 0,
            first: None,
            is_begun_again: false,
        }
    }

    /// Ids that wait to be taken.
    pub fn ids(&self) -> usize {
        self.pages.iter().map(|(_, page)| page.ids.len()).sum()
    }

    /// Pages since it was last cut.
    pub fn seen(&self) -> usize {
        self.arrived
    }

    /// Takes the next page and returns how many ids of it are its own. The part ends with the listing, or with the first
    /// id that sorts behind all that begin like its own; one that was cut and is listed again gives those before them, too.
    pub fn arrived(&mut self, mut page: IdPage) -> u64 {
        let is_own = |id: &&RecordId| {
            let id = id.text();
            *id < *self.prefix || id.starts_with(&self.prefix)
        };
        let own = page.ids.iter().take_while(is_own).count();
        let is_over = own < page.ids.len();
        page.ids.truncate(own);
        self.is_done = page.next.is_none() || is_over;
        let asked = std::mem::replace(&mut self.token, page.next.clone());
        self.arrived += 1;
        self.first = self.first.take().or_else(|| page.ids.first().cloned());
        self.pages.push_back((asked, page));
        own as u64
    }

    /// Whether listing from the beginning leads further: it came further than its first page, or was never begun.
    pub fn can_begin_again(&self) -> bool {
        self.token.is_some() && (self.arrived > 1 || !self.is_begun_again)
    }

    /// Lists from the beginning; what arrived and was not taken is listed again.
    pub fn begin_again(&mut self) {
        self.token = None;
        self.pages.clear();
        (self.arrived, self.first, self.is_begun_again) = (0, None, true);
    }

    /// Cuts it where `enough` pages of it were listed and more follow: it keeps the ids that begin like those that were
    /// listed, and how those begin that follow is returned, in order. Only where so many parts are worth it, most of which
    /// will be empty.
    pub fn cut(&mut self, enough: usize, are_worth: impl FnOnce(usize) -> bool) -> Vec<String> {
        let last = self.pages.back().and_then(|(_, page)| page.ids.last());
        let (Some(first), Some(last)) = (&self.first, last) else { return Vec::new() };
        if self.is_done || self.arrived < enough || !last.text().is_ascii() || first == last {
            return Vec::new();
        }
        let (first, last) = (first.text(), last.to_string());
        let alike = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
        // Few pages are less than a part should be, and those that follow are listed beside it; many are enough of one.
        let depth = if self.arrived < FEW { alike.saturating_sub(1) } else { alike };
        let depth = depth.max(self.prefix.len());
        let is_possible = depth < last.len() && first.is_ascii();
        if !is_possible || !are_worth(empty_parts(&last, self.prefix.len(), depth + 1)) {
            return Vec::new();
        }
        let behind = parts_behind(&last, self.prefix.len(), depth + 1).collect();
        self.prefix = last[..=depth].to_owned();
        (self.arrived, self.first) = (0, None);
        behind
    }
}

/// How ids begin that sort behind every id that begins with the first `to` characters of `id`, and that begin with its
/// first `from` characters; in order.
pub(super) fn parts_behind(id: &str, from: usize, to: usize) -> impl Iterator<Item = String> {
    let id = id.to_owned();
    (from..to).rev().flat_map(move |depth| {
        let (shared, own) = (id[..depth].to_owned(), id.as_bytes()[depth]);
        (own + 1..=LAST).map(move |next| format!("{shared}{}", char::from(next)))
    })
}

/// How many parts [`parts_behind`] gives, most of which are empty as a rule.
pub(super) fn empty_parts(id: &str, from: usize, to: usize) -> usize {
    id.as_bytes()[from..to].iter().map(|byte| usize::from(LAST.saturating_sub(*byte))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(ids: &[&str], next: Option<&str>) -> IdPage {
        let ids = ids.iter().map(|id| RecordId::from(*id)).collect();
        IdPage { ids, next: next.map(str::to_owned) }
    }

    fn held(part: &Part) -> Vec<&str> {
        part.pages.iter().flat_map(|(_, page)| &page.ids).filter_map(RecordId::as_text).collect()
    }

    #[test]
    fn a_part_ends_where_ids_begin_otherwise() {
        let mut part = Part::all(None);
        part.arrived(page(&["a00", "a01", "a09"], Some("1")));
        let behind = part.cut(1, |_| true);
        assert_eq!(part.prefix, "a0");
        assert_eq!(
            (behind[0].as_str(), behind[78].as_str(), behind[79].as_str()),
            ("a1", "a\u{7f}", "b")
        );
        assert_eq!(behind.last().unwrap(), "\u{7f}");
        assert!(behind.is_sorted_by(|a, b| a.starts_with('a') && !b.starts_with('a') || a < b));
        part.arrived(page(&["a0x", "a10", "b"], Some("2")));
        assert!(part.is_done);
        assert_eq!(held(&part), ["a00", "a01", "a09", "a0x"]);
    }

    #[test]
    fn a_part_that_was_cut_and_is_listed_again_gives_all_that_it_had() {
        let mut part = Part::all(Some("5".to_owned()));
        part.arrived(page(&["a00", "a01", "a09"], Some("6")));
        part.arrived(page(&["a0a", "b00", "b01"], Some("7")));
        assert!(!part.cut(1, |_| true).is_empty() && part.prefix == "b");
        part.begin_again();
        assert!(part.listed.is_empty());
        // It is listed from the beginning, which is before what it has by now.
        part.arrived(page(&["a00", "a01", "a09"], Some("1")));
        part.arrived(page(&["a0a", "b00", "b01"], Some("2")));
        part.arrived(page(&["b02", "c00"], Some("3")));
        assert!(part.is_done);
        assert_eq!(held(&part), ["a00", "a01", "a09", "a0a", "b00", "b01", "b02"]);
    }

    #[test]
    fn a_listing_that_ends_is_not_cut() {
        let mut part = Part::all(None);
        part.arrived(page(&["a", "b"], None));
        assert!(part.is_done && part.cut(1, |_| true).is_empty());
        let mut part = Part::under("x".into(), 1);
        part.arrived(page(&["x", "xa"], Some("1")));
        assert!(part.cut(2, |_| true).is_empty(), "one page is not two");
        let mut foreign = Part::all(None);
        foreign.arrived(page(&["a", "é"], Some("1")));
        assert!(foreign.cut(1, |_| true).is_empty());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            failure_persistence: None,
            ..Default::default()
        })]

        /// Whatever ids there are: those behind one are in just one of the parts behind it, in the order of the parts.
        #[test]
        fn no_id_lies_between_the_parts(
            ids in proptest::collection::btree_set("[ -~\u{1}\u{7f}]{1,6}", 2..60), at in 0usize..60,
        ) {
            let ids: Vec<&String> = ids.iter().collect();
            let id = ids[at % ids.len()];
            let mut parts: Vec<String> = parts_behind(id, 0, id.len()).collect();
            proptest::prop_assert_eq!(parts.len(), empty_parts(id, 0, id.len()));
            parts.insert(0, id.clone());
            let found: Vec<&String> = parts
                .iter()
                .flat_map(|part| ids.iter().copied().filter(move |id| id.starts_with(part.as_str())))
                .collect();
            let expected: Vec<&String> = ids.iter().copied().filter(|other| *other >= id).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
