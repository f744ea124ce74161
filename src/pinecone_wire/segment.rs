//! Names in paths.

/// Returns a path segment in which everything is escaped that is not unreserved (RFC 3986, 2.3).
pub(crate) fn escape(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// Undoes percent-encoding; a malformed escape is left as it is.
pub(super) fn unescape(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| tail.get(..2)).flatten();
        let value = escaped
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = if value.is_some() { &tail[2..] } else { tail };
        bytes.push(value.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_from_its_segment() {
        assert_eq!(escape("a b/é"), "a%20b%2F%C3%A9");
        for name in ["a b/é", "100%", "__default__", "~", ""] {
            assert_eq!(unescape(&escape(name)), name);
        }
    }

    #[test]
    fn a_malformed_escape_stands_for_itself() {
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%zz%41"), "%zzA");
    }
}
