use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::{REMARK, named, named_in};

/// The process that runs a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub name: String,
    pub host: String,
    pub pid: u32,
    /// The page of the job that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Holder {
    pub fn new(name: impl Into<String>, host: impl Into<String>, pid: u32) -> Self {
        Self { name: name.into(), host: host.into(), pid, url: None }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{} (process {}", named(&self.name), named(&self.host), self.pid)?;
        match &self.url {
            Some(url) => write!(f, ", {})", named_in(url, REMARK)),
            None => f.write_str(")"),
        }
    }
}

/// The record beside the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockView {
    pub id: String,
    pub holder: Holder,
    pub since: Timestamp,
    pub until: Timestamp,
    /// True if the folder's file system has no locks: the lease alone decides, on the holder's machine too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_lease: bool,
}

impl LockView {
    /// Returns whether its lease is believed by a process on the machine `host`: a process there that is gone let go of the
    /// operating system's lock, where there is one.
    pub(crate) fn is_believed(&self, host: &str, now: Timestamp) -> bool {
        self.until > now && (self.holder.host != host || self.by_lease)
    }
}
