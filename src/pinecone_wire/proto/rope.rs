//! A message in the pieces that it came in.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Pieces that are read as if they were one. What lies within a piece shares its bytes; only what spans two is copied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rope {
    /// None of them is empty.
    pieces: VecDeque<Bytes>,
    remaining: usize,
}

impl Rope {
    pub fn push(&mut self, piece: Bytes) {
        self.remaining += piece.len();
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }
}

impl Buf for Rope {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map(AsRef::as_ref).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.remaining, "a rope ends before {count} bytes");
        self.remaining -= count;
        let mut left = count;
        while let Some(piece) = self.pieces.front_mut() {
            if left < piece.len() {
                return piece.advance(left);
            }
            left -= piece.len();
            self.pieces.pop_front();
        }
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        match self.pieces.front_mut() {
            Some(piece) if count < piece.len() => {
                self.remaining -= count;
                return piece.split_to(count);
            }
            Some(piece) if count == piece.len() => {
                self.remaining -= count;
                return self.pieces.pop_front().unwrap_or_default();
            }
            _ => {}
        }
        let mut copy = BytesMut::with_capacity(count);
        while copy.len() < count {
            let part = self.chunk();
            let length = part.len().min(count - copy.len());
            assert!(length > 0, "a rope ends before {count} bytes");
            copy.extend_from_slice(&part[..length]);
            self.advance(length);
        }
        copy.freeze()
    }
}

impl From<Bytes> for Rope {
    fn from(piece: Bytes) -> Self {
        let mut rope = Self::default();
        rope.push(piece);
        rope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope(pieces: &[&'static str]) -> Rope {
        let mut rope = Rope::default();
        pieces.iter().for_each(|piece| rope.push(Bytes::from_static(piece.as_bytes())));
        rope
    }

    #[test]
    fn it_reads_as_one() {
        let mut read = rope(&["abc", "", "d", "efgh"]);
        assert_eq!((read.remaining(), read.chunk()), (8, &b"abc"[..]));
        read.advance(1);
        assert_eq!(read.copy_to_bytes(1), "b");
        assert_eq!(read.copy_to_bytes(4), "cdef");
        assert_eq!((read.remaining(), read.chunk()), (2, &b"gh"[..]));
        read.advance(2);
        assert_eq!((read.remaining(), read.chunk()), (0, &b""[..]));
        assert_eq!(read.copy_to_bytes(0), "");
    }

    #[test]
    fn what_lies_within_a_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; 100]);
        let range = piece.as_ptr_range();
        let mut read = Rope::from(piece);
        read.advance(10);
        assert!(range.contains(&read.copy_to_bytes(50).as_ptr()));
    }
}
