//! Segments by the run of them, for readers: many requests become one. A pack is never the journal itself.

/// Segments in a small and in a large pack.
pub(super) const SMALL: u64 = 16;
pub(super) const LARGE: u64 = 256;

/// Segments in one object, one after the other. What is in it follows from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pack {
    /// 16 segments, by the number of the pack from 0.
    Small(u64),
    /// 256 segments, by the number of the pack from 0.
    Large(u64),
    /// From behind the last large pack to this segment: what a run leaves that lets go of its plan.
    Tail(u64),
}

/// An object with segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Segment(u64),
    Pack(Pack),
}

impl Pack {
    pub fn first(self) -> u64 {
        match self {
            Self::Small(index) => index * SMALL + 1,
            Self::Large(index) => index * LARGE + 1,
            Self::Tail(last) => begin(last),
        }
    }

    pub fn last(self) -> u64 {
        match self {
            Self::Small(index) => (index + 1) * SMALL,
            Self::Large(index) => (index + 1) * LARGE,
            Self::Tail(last) => last,
        }
    }

    /// Returns what to read where this pack is not there or not believed.
    pub fn parts(self) -> Vec<Piece> {
        match self {
            Self::Small(_) => (self.first()..=self.last()).map(Piece::Segment).collect(),
            Self::Large(index) => {
                let small = index * (LARGE / SMALL)..(index + 1) * (LARGE / SMALL);
                small.map(|index| Piece::Pack(Self::Small(index))).collect()
            }
            Self::Tail(last) => cover(self.first(), last, None),
        }
    }
}

impl Piece {
    pub fn last(self) -> u64 {
        match self {
            Self::Segment(number) => number,
            Self::Pack(pack) => pack.last(),
        }
    }
}

/// Returns the first segment behind the large packs that end before `number`.
pub(super) fn begin(number: u64) -> u64 {
    (number - 1) / LARGE * LARGE + 1
}

/// Returns the packs that a segment completes.
pub(super) fn completed(number: u64) -> impl Iterator<Item = Pack> {
    let small = number.is_multiple_of(SMALL).then(|| Pack::Small(number / SMALL - 1));
    let large = number.is_multiple_of(LARGE).then(|| Pack::Large(number / LARGE - 1));
    small.into_iter().chain(large)
}

/// Returns the fewest objects that hold the segments `first` to `last`. `tail` is the last segment of the tail that was left.
pub(super) fn cover(first: u64, last: u64, tail: Option<u64>) -> Vec<Piece> {
    let tail = tail.filter(|tail| *tail >= first && *tail <= last).map(Pack::Tail);
    let mut pieces = Vec::new();
    let mut next = first;
    while next <= last {
        let fits = |pack: &Pack| pack.first() == next && pack.last() <= last;
        let large = Some(Pack::Large((next - 1) / LARGE));
        let small = Some(Pack::Small((next - 1) / SMALL));
        let pack = [large, tail, small].into_iter().flatten().find(fits);
        let piece = pack.map_or(Piece::Segment(next), Piece::Pack);
        next = piece.last() + 1;
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_whole(pieces: &[Piece], first: u64, last: u64) {
        let mut next = first;
        for piece in pieces {
            let first = match piece {
                Piece::Segment(number) => *number,
                Piece::Pack(pack) => pack.first(),
            };
            assert_eq!(first, next, "{pieces:?}");
            next = piece.last() + 1;
        }
        assert_eq!(next, last + 1, "{pieces:?}");
    }

    #[test]
    fn every_stretch_is_covered_once() {
        for last in 0..600_u64 {
            for tail in [None, Some(last / 2), Some(last.saturating_sub(1)), Some(last)] {
                is_whole(&cover(1, last, tail), 1, last);
                is_whole(&cover(last / 3 + 1, last, tail), last / 3 + 1, last);
            }
        }
    }

    #[test]
    fn a_pack_is_its_parts() {
        for pack in [Pack::Small(3), Pack::Large(1), Pack::Tail(500), Pack::Tail(256)] {
            is_whole(&pack.parts(), pack.first(), pack.last());
        }
    }

    #[test]
    fn a_run_that_was_let_go_is_two_objects() {
        let two = [Piece::Pack(Pack::Large(0)), Piece::Pack(Pack::Tail(500))];
        assert_eq!(cover(1, 500, Some(500)), two);
        assert_eq!(cover(1, 500, None).len(), 1 + 15 + 4);
    }

    #[test]
    fn a_segment_completes_the_packs_that_end_with_it() {
        assert_eq!(completed(15).count(), 0);
        assert_eq!(completed(32).collect::<Vec<_>>(), [Pack::Small(1)]);
        assert_eq!(completed(512).collect::<Vec<_>>(), [Pack::Small(31), Pack::Large(1)]);
    }
}
