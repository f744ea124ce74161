//! Keeps the end of an output of any length.

use std::collections::VecDeque;

/// The number of bytes kept.
pub(super) const TAIL_BYTES: usize = 4096;

/// Keeps the last [`TAIL_BYTES`] of what is pushed.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    is_cut: bool,
}

impl Tail {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        if let Some(excess @ 1..) = self.bytes.len().checked_sub(TAIL_BYTES) {
            self.bytes.drain(..excess);
            self.is_cut = true;
        }
    }

    /// Returns the text, without a character that was cut in two.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let is_continuation = |byte: &u8| (0x80..0xC0).contains(byte);
        let start = if self.is_cut {
            bytes.iter().take(3).take_while(|byte| is_continuation(byte)).count()
        } else {
            0
        };
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        let mut tail = Tail::default();
        tail.push("é".repeat(4000).as_bytes());
        tail.push(b"end");
        let text = tail.text();
        assert!(text.len() <= TAIL_BYTES);
        assert!(text.starts_with('é') && text.ends_with("éend"), "{}", &text[..4]);
    }
}
