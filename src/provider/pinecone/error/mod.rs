//! Answers of the service and failures of the network as one [`crate::error::Error`] with its kind and whether a retry
//! helps.

mod absent;
mod answer;
mod kind;
mod network;
mod status;
mod stranger;
mod text;
mod wait;

pub use absent::or_empty;
pub use answer::{from_http, from_json};
pub use network::{from_reqwest, is_silence};
pub use status::{from_status, is_not_grpc, undecodable};
pub use stranger::of_success as from_stranger;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};
    use tonic::Status;

    use super::*;
    use crate::error::Retry;
    use crate::pinecone_wire::{GRPC_PUSHBACK, RETRY_AFTER};

    #[test]
    fn both_wires_say_when_to_come_back() {
        let headers =
            HeaderMap::from_iter([(RETRY_AFTER.parse().unwrap(), HeaderValue::from_static("2"))]);
        let retry = |status| from_http(status, &headers, "", "a").retry();
        assert_eq!(retry(429), Retry::After(Duration::from_secs(2)));
        assert_eq!(retry(400), Retry::Never);

        let mut status = Status::unavailable("busy");
        status.metadata_mut().insert(RETRY_AFTER, "3".parse().unwrap());
        let retry = |status: &Status| from_status(status, "a").retry();
        assert_eq!(retry(&status), Retry::After(Duration::from_secs(3)));
        status.metadata_mut().insert(GRPC_PUSHBACK, "250".parse().unwrap());
        assert_eq!(retry(&status), Retry::After(Duration::from_millis(250)));
    }
}
