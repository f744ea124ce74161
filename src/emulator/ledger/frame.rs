//! The bytes of the file: a header, then frames, each with its length and sums of it and of what it holds.
//!
//! The length has a sum of its own: a wrong one would otherwise look like a frame that was never finished, and everything
//! behind it would be cut off.

use std::io::{self, BufReader, Read};

use twox_hash::XxHash3_128;

/// What the file begins with: whose it is, and its version.
pub(super) const HEADER: &[u8] = b"vecshift emulator 1\n";

/// Length of a frame's payload (4 bytes), the sum of the length (4) and the sum of the payload (8), little-endian.
const PREFIX: usize = 16;

/// Writes a payload as a frame; `None` if it is too large for one.
pub(super) fn framed(payload: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    let mut frame = Vec::with_capacity(PREFIX + payload.len());
    frame.extend_from_slice(&length);
    frame.extend_from_slice(&sum(&length).to_le_bytes()[..4]);
    frame.extend_from_slice(&sum(payload).to_le_bytes());
    frame.extend_from_slice(payload);
    Some(frame)
}

fn sum(bytes: &[u8]) -> u64 {
    XxHash3_128::oneshot(bytes) as u64
}

/// What stands at a place of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Payload(Vec<u8>),
    End,
    /// A frame that was not finished before the process ended: nothing follows it.
    Torn,
    /// Neither a frame nor the beginning of one.
    Damaged,
}

/// Frames of a file of a known size, in their order.
pub(super) struct Frames<R> {
    input: BufReader<R>,
    /// The place behind the last whole frame.
    pub at: u64,
    size: u64,
}

impl<R: Read> Frames<R> {
    /// Begins behind the header.
    pub fn new(input: R, size: u64) -> Self {
        Self { input: BufReader::with_capacity(1 << 20, input), at: HEADER.len() as u64, size }
    }

    pub fn next(&mut self) -> io::Result<Next> {
        let left = self.size.saturating_sub(self.at);
        if left == 0 {
            return Ok(Next::End);
        }
        if left < PREFIX as u64 {
            return Ok(Next::Torn);
        }
        let mut prefix = [0; PREFIX];
        self.input.read_exact(&mut prefix)?;
        let ([length, length_sum], payload_sum) = split(prefix);
        if sum(&length).to_le_bytes()[..4] != length_sum {
            // A file system may lengthen a file before it has the bytes.
            let is_unwritten = prefix == [0; PREFIX] && self.is_zero_to_the_end()?;
            return Ok(if is_unwritten { Next::Torn } else { Next::Damaged });
        }
        let length = u32::from_le_bytes(length);
        let end = PREFIX as u64 + u64::from(length);
        if end > left {
            return Ok(Next::Torn);
        }
        let mut payload = vec![0; length as usize];
        self.input.read_exact(&mut payload)?;
        if sum(&payload) == payload_sum {
            self.at += end;
            return Ok(Next::Payload(payload));
        }
        Ok(if end == left { Next::Torn } else { Next::Damaged })
    }

    fn is_zero_to_the_end(&mut self) -> io::Result<bool> {
        let mut part = [0; 4096];
        loop {
            match self.input.read(&mut part)? {
                0 => return Ok(true),
                read if part[..read].iter().any(|byte| *byte != 0) => return Ok(false),
                _ => {}
            }
        }
    }
}

fn split(prefix: [u8; PREFIX]) -> ([[u8; 4]; 2], u64) {
    let [a, b, c, d, e, f, g, h, sum @ ..] = prefix;
    ([[a, b, c, d], [e, f, g, h]], u64::from_le_bytes(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let frames = [&b"one"[..], b"", b"three"].map(|payload| framed(payload).unwrap());
        [HEADER.to_vec(), frames.concat()].concat()
    }

    /// Reads a file to its end; what was read, how it ended, and where.
    fn read(file: &[u8]) -> (Vec<Vec<u8>>, Next, u64) {
        let mut frames = Frames::new(&file[HEADER.len()..], file.len() as u64);
        let mut found = Vec::new();
        loop {
            match frames.next().unwrap() {
                Next::Payload(payload) => found.push(payload),
                end => return (found, end, frames.at),
            }
        }
    }

    #[test]
    fn a_file_cut_anywhere_keeps_its_whole_frames() {
        let whole = file();
        let ends = [0, 19, 35, 56].map(|end| end + HEADER.len());
        assert_eq!(ends[3], whole.len());
        for cut in HEADER.len()..=whole.len() {
            let (found, end, at) = read(&whole[..cut]);
            let complete = ends.iter().rposition(|end| *end <= cut).unwrap();
            assert_eq!((found.len(), at as usize), (complete, ends[complete]), "{cut}");
            assert_eq!(end, if ends.contains(&cut) { Next::End } else { Next::Torn }, "{cut}");
        }
        let longer = [whole.clone(), vec![0; 5000]].concat();
        assert_eq!(read(&longer), (read(&whole).0, Next::Torn, whole.len() as u64));
    }

    #[test]
    fn a_changed_byte_before_the_last_frame_is_damage_and_never_an_end() {
        let whole = file();
        for at in HEADER.len()..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x20;
            let (found, end, _) = read(&changed);
            // The payload of the last frame may not have been written when the power went.
            let last = whole.len() - "three".len() - 8;
            let expected = if at >= last { Next::Torn } else { Next::Damaged };
            assert_eq!(end, expected, "{at}: {found:?}");
        }
    }
}
