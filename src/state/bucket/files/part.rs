//! The parts of files in the bucket, and what of them makes up the newest of each file.

use std::collections::BTreeMap;

use crate::storage::objects::Listed;

/// What stands in place of the offset of a file that was removed, and of the group on which a holder builds.
pub(super) const GONE: &str = "gone";
pub(super) const BASE: &str = "base";

/// What makes up a file: keys in order, each with the bytes that count of it; none of a file that was removed.
pub(super) type Pieces = Vec<(String, u64)>;

/// A part of a file in the bucket: `…/<epoch>-<group>/<offset>-<total>/<path>`, where a group that came
/// from elsewhere has its sum behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub group: String,
    pub what: What,
    pub path: String,
    pub key: String,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// The first group of a holder: which one it builds on.
    Base,
    Gone,
    /// `total` is the length of the file once its group is whole.
    Bytes {
        offset: u64,
        total: u64,
    },
}

impl Part {
    pub fn read(below: &str, listed: Listed) -> Option<Self> {
        let name = listed.key.strip_prefix(below)?.trim_start_matches('/');
        let mut words = name.splitn(3, '/');
        let (group, place, path) = (words.next()?, words.next()?, words.next()?);
        let (what, bytes) = match place {
            BASE => (What::Base, 0),
            GONE => (What::Gone, 0),
            _ => {
                let (offset, total) = place.split_once('-')?;
                let (offset, total): (u64, u64) = (offset.parse().ok()?, total.parse().ok()?);
                // It may have grown while it was written.
                (What::Bytes { offset, total }, listed.bytes.min(total.checked_sub(offset)?))
            }
        };
        let (group, path) = (group.to_owned(), path.to_owned());
        Some(Self { group, what, path, key: listed.key, bytes })
    }

    /// Returns the number of its group, if that is one of this epoch.
    pub fn number_of(&self, epoch: u64) -> Option<u64> {
        let mut words = self.group.split('-');
        (words.next()?.parse() == Ok(epoch)).then(|| words.next()?.parse().ok())?
    }

    fn epoch(&self) -> &str {
        self.group.split('-').next().unwrap_or_default()
    }
}

/// Returns what makes up the newest of each file.
pub(super) fn newest_of(mut parts: Vec<Part>) -> BTreeMap<String, Pieces> {
    let bases: Vec<Part> = parts.iter().filter(|part| part.what == What::Base).cloned().collect();
    // What a holder wrote after another had begun to build on what was there.
    parts.retain(|part| {
        let is_late = |base: &Part| {
            part.epoch() < base.epoch() && (base.path == "nothing" || part.group > base.path)
        };
        part.what != What::Base && !bases.iter().any(is_late)
    });
    let mut groups: BTreeMap<(String, String), Vec<Part>> = BTreeMap::new();
    for part in parts {
        groups.entry((part.path.clone(), part.group.clone())).or_default().push(part);
    }
    let mut files: BTreeMap<String, Pieces> = BTreeMap::new();
    for ((path, _), parts) in groups {
        let Some(What::Bytes { offset: first, total }) =
            parts.first().map(|part| part.what.clone())
        else {
            files.insert(path, Vec::new());
            continue;
        };
        let end = parts.iter().try_fold(first, |at, part| match part.what {
            What::Bytes { offset, .. } if offset == at => Some(at + part.bytes),
            _ => None,
        });
        let length: u64 = files.get(&path).into_iter().flatten().map(|(_, bytes)| bytes).sum();
        // Not whole, or behind something that is not there.
        if end != Some(total) || first > length {
            continue;
        }
        let pieces = files.entry(path).or_default();
        cut(pieces, first);
        pieces.extend(parts.into_iter().map(|part| (part.key, part.bytes)));
    }
    files
}

/// Leaves the first bytes of a file.
fn cut(pieces: &mut Pieces, length: u64) {
    let mut left = length;
    pieces.retain_mut(|(_, bytes)| {
        *bytes = left.min(*bytes);
        left -= *bytes;
        *bytes > 0
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(group: &str, offset: u64, total: u64, bytes: u64) -> Part {
        let what = What::Bytes { offset, total };
        of(group, what, "f", bytes)
    }

    fn of(group: &str, what: What, path: &str, bytes: u64) -> Part {
        let key = match &what {
            What::Bytes { offset, .. } => format!("{group}/{offset}"),
            what => format!("{group}/{what:?}"),
        };
        Part { group: group.into(), what, path: path.into(), key, bytes }
    }

    fn newest(parts: &[&[Part]]) -> String {
        let pieces = newest_of(parts.concat()).remove("f").unwrap_or_default();
        let word = |(key, bytes): &(String, u64)| format!("{key}:{bytes}");
        pieces.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_file_is_its_last_whole_group_and_what_was_put_behind_it() {
        let whole = [part("1-1", 0, 8, 5), part("1-1", 5, 8, 3)];
        assert_eq!(newest(&[&whole]), "1-1/0:5 1-1/5:3");
        let grown = [&whole[..], &[part("1-2", 8, 10, 2)]].concat();
        assert_eq!(newest(&[&grown]), "1-1/0:5 1-1/5:3 1-2/8:2");
        // Another holder goes on from less than the first one kept.
        assert_eq!(newest(&[&grown, &[part("2-1", 6, 9, 3)]]), "1-1/0:5 1-1/5:1 2-1/6:3");
        assert_eq!(newest(&[&grown, &[part("2-1", 0, 4, 4)]]), "2-1/0:4");
        assert_eq!(newest(&[&grown, &[of("1-3", What::Gone, "f", 0)]]), "");
        let again = [of("1-3", What::Gone, "f", 0), part("1-4", 0, 1, 1)];
        assert_eq!(newest(&[&grown, &again]), "1-4/0:1");
    }

    #[test]
    fn a_group_that_is_not_whole_or_behind_nothing_does_not_count() {
        let old = [part("1-1", 0, 4, 4)];
        assert_eq!(newest(&[&old, &[part("1-2", 0, 9, 5)]]), "1-1/0:4");
        assert_eq!(newest(&[&old, &[part("1-2", 6, 9, 3)]]), "1-1/0:4");
        assert_eq!(newest(&[&old, &[part("1-2", 0, 9, 5), part("1-2", 6, 9, 3)]]), "1-1/0:4");
    }

    /// A holder that was frozen while it wrote goes on after another has taken over.
    #[test]
    fn what_comes_late_from_an_earlier_holder_does_not_count() {
        let old = [part("1-1", 0, 4, 4)];
        let late = [part("1-2", 0, 2, 2)];
        let next = [of("2-0", What::Base, "1-1", 0), part("2-1", 4, 6, 2)];
        assert_eq!(newest(&[&old, &next]), "1-1/0:4 2-1/4:2");
        assert_eq!(newest(&[&old, &late, &next]), "1-1/0:4 2-1/4:2");
        let from_nothing = [of("2-0", What::Base, "nothing", 0), part("2-1", 0, 6, 6)];
        assert_eq!(newest(&[&late, &from_nothing]), "2-1/0:6");
    }
}
