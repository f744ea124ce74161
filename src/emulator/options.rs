//! How an emulator is started.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::clock::Clock;
use crate::pinecone_wire::limits;
use crate::plan::file::Faults;
use crate::provider::storage::S3Options;

/// How an emulator is started. The default listens on a free loopback port, takes any key, plays no faults
/// and applies the documented limits.
#[derive(Clone, Debug)]
pub struct EmulatorOptions {
    /// The address of the control plane and, as the module's text says, the data plane; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The key requests must carry; `None` takes any and none.
    pub api_key: Option<String>,
    /// What goes wrong.
    pub faults: Faults,
    /// Whether the documented rate limits of serverless indexes are applied.
    pub rate_limits: bool,
    /// The serverless indexes a project can have: 200 on the largest plan.
    pub indexes: usize,
    /// The namespaces a serverless index can have: 100,000 on the larger plans.
    pub namespaces: usize,
    /// Where scores are equal, answers come in an order that each index draws from this seed; `None` orders them by
    /// their ids. Which one of equals comes first is no promise of the service's.
    pub ties: Option<u64>,
    /// How long an index that is created stays `Initializing`.
    pub ready_after: Duration,
    /// How long a collection that is created stays `Initializing`.
    pub collection_ready_after: Duration,
    /// How long a backup that is created stays `Initializing`.
    pub backup_ready_after: Duration,
    /// How long a restore takes, and with it the index it makes.
    pub restore_ready_after: Duration,
    /// How long an index that is deleted is still listed as `Terminating`.
    pub terminating_for: Duration,
    /// What answers with 429 and 503 say in `Retry-After`, in whole seconds; `None`: they have no such header.
    pub retry_after: Option<Duration>,
    /// How long an import stays `Pending` before it begins to read.
    pub import_starts_after: Duration,
    /// How imports reach `s3:` buckets.
    pub s3: S3Options,
    /// The clock of readiness, lag, rate limits and latencies.
    pub clock: Clock,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: None,
            faults: Faults::default(),
            rate_limits: true,
            indexes: limits::INDEXES,
            namespaces: limits::NAMESPACES,
            ties: None,
            ready_after: Duration::from_millis(200),
            collection_ready_after: Duration::from_millis(500),
            backup_ready_after: Duration::from_millis(500),
            restore_ready_after: Duration::from_millis(500),
            terminating_for: Duration::ZERO,
            retry_after: None,
            import_starts_after: Duration::from_millis(200),
            s3: S3Options::default().or_unsigned(),
            clock: Clock::system(),
        }
    }
}
