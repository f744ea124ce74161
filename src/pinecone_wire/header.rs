//! Names of headers, which over gRPC are the metadata, and the numbers some of them carry.

/// The key of a project.
pub(crate) const API_KEY: &str = "api-key";

/// The version a request is in; the name is case-insensitive.
pub(crate) const API_VERSION: &str = "x-pinecone-api-version";

/// Prefix of the service's own headers.
pub(crate) const OWN_PREFIX: &str = "x-pinecone";

/// Names of the header that identifies a request, the service's own first.
pub(crate) const REQUEST_IDS: [&str; 2] = ["x-pinecone-request-id", "x-request-id"];

/// Wait before coming back, in seconds. No document promises it; Pinecone's Python SDK 10 honours it.
pub(crate) const RETRY_AFTER: &str = "retry-after";

/// Wait before coming back over gRPC, in milliseconds; a negative number means never.
pub(crate) const GRPC_PUSHBACK: &str = "grpc-retry-pushback-ms";

const WRITTEN: &str = "x-pinecone-request-lsn";
const READABLE: &str = "x-pinecone-max-indexed-lsn";

/// Log sequence numbers of an answer; each namespace has its own, growing with every write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lsn {
    /// The number of the write that was answered.
    pub written: Option<u64>,
    /// Number of the last write that can be read.
    pub readable: Option<u64>,
}

impl Lsn {
    /// Reads the headers of an answer. The first name of each is the one the service sends today, the second one that
    /// Pinecone's Python SDK 10 also looks for.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let number =
            |names: [&str; 2]| names.into_iter().find_map(|name| header(name)?.trim().parse().ok());
        Self {
            written: number([WRITTEN, "x-pinecone-lsn-committed"]),
            readable: number([READABLE, "x-pinecone-lsn-reconciled"]),
        }
    }

    /// Returns the headers that carry the numbers.
    pub fn headers(self) -> impl Iterator<Item = (&'static str, u64)> {
        let named = [(WRITTEN, self.written), (READABLE, self.readable)];
        named.into_iter().filter_map(|(name, number)| Some((name, number?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for lsn in [
            Lsn::default(),
            Lsn { written: Some(7), readable: None },
            Lsn { written: Some(7), readable: Some(5) },
        ] {
            let headers: HashMap<_, _> =
                lsn.headers().map(|(name, number)| (name, number.to_string())).collect();
            assert_eq!(Lsn::read(|name| headers.get(name).map(String::as_str)), lsn);
        }
    }

    #[test]
    fn the_names_of_the_sdk_are_read_too() {
        let lsn = Lsn::read(|name| (name == "x-pinecone-lsn-committed").then_some(" 9 "));
        assert_eq!(lsn, Lsn { written: Some(9), readable: None });
    }
}
