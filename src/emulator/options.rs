//! Options of an emulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;
use crate::pinecone_wire::limits;
use crate::plan::file::Faults;
use crate::storage::S3Options;

/// Options an emulator starts with. The default listens on a free loopback port, accepts any key, plays no faults and
/// applies the documented limits.
#[derive(Clone, Debug)]
pub struct EmulatorOptions {
    /// The address of the control plane and, as the module's text says, the data plane; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The key that requests must carry; `None` accepts any key and none.
    pub api_key: Option<String>,
    /// Faults to play.
    pub faults: Faults,
    /// Applies the documented rate limits of serverless indexes.
    pub rate_limits: bool,
    /// Number of serverless indexes a project can have: 200 on the largest plan.
    pub indexes: usize,
    /// Number of namespaces a serverless index can have: 100,000 on the larger plans.
    pub namespaces: usize,
    /// Seed for the order of equal scores, which each index draws for itself; `None` orders them by id. The service
    /// does not promise which of several equals comes first.
    pub ties: Option<u64>,
    /// Time a created index stays `Initializing`.
    pub ready_after: Duration,
    /// Time a created collection stays `Initializing`.
    pub collection_ready_after: Duration,
    /// Time a created backup stays `Initializing`.
    pub backup_ready_after: Duration,
    /// Time a restore takes, and with it the index it makes.
    pub restore_ready_after: Duration,
    /// Time a deleted index is still listed as `Terminating`.
    pub terminating_for: Duration,
    /// Value of `Retry-After` in answers with 429 and 503, in whole seconds; `None` leaves the header out.
    pub retry_after: Option<Duration>,
    /// Time an import stays `Pending` before it begins to read.
    pub import_starts_after: Duration,
    /// Access of imports to `s3:` buckets.
    pub s3: S3Options,
    /// Folder that keeps indexes and records over a restart; `None` keeps nothing.
    pub persist: Option<PathBuf>,
    /// Clock for readiness, lag, rate limits and latencies.
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
            persist: None,
            clock: Clock::system(),
        }
    }
}
