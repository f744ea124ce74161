//! The fields of a message that is in one piece.

use prost::encoding::varint::decode_varint;
use prost::encoding::wire_type::WireType;
use prost::encoding::{DecodeContext, decode_key, skip_field};

/// Takes the next field of a message: its number, and what it holds if that has a length of its own.
pub(super) fn take<'a>(message: &mut &'a [u8]) -> Option<(u32, Option<&'a [u8]>)> {
    let (tag, wire_type) = decode_key(message).ok()?;
    if wire_type != WireType::LengthDelimited {
        skip_field(wire_type, tag, message, DecodeContext::default()).ok()?;
        return Some((tag, None));
    }
    delimited(message).map(|own| (tag, Some(own)))
}

/// Takes what stands behind its length.
pub(super) fn delimited<'a>(message: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(decode_varint(message).ok()?).ok()?;
    let (own, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(own)
}
