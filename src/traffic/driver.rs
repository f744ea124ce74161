use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::Share;
use crate::store::Alias;

/// Moves traffic: sets the share of it that goes to the target, and reads it back.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Sets the target's share.
    ///
    /// # Behavior
    /// - Idempotent: setting the current weight again succeeds.
    /// - If the driver stores the weight itself, the weight is durable when this returns.
    /// - `Invalid` for a weight that the driver cannot set; nothing was changed then.
    /// - After any other error the weight may or may not be set; read it back.
    /// - Nothing else that the application may look at is changed.
    async fn set(&self, weight: Share) -> Result<()>;

    /// Reads the current weight.
    ///
    /// # Behavior
    /// - Changes nothing.
    /// - An error means that the weight is unknown, never that it is unchanged.
    async fn read(&self) -> Result<Seen>;

    /// Finds what would keep this driver from setting a weight, each with what to do about it.
    ///
    /// # Behavior
    /// - Changes nothing and leaves nothing behind.
    /// - Empty if the weight can be read and, as far as can be checked without writing, set.
    async fn check(&self) -> Vec<Error>;

    /// Returns whether [`Driver::read`] can read the weight at all.
    fn can_read(&self) -> bool {
        true
    }

    /// Returns whether a failed `set` has changed nothing.
    fn is_all_or_nothing(&self) -> bool {
        false
    }

    /// Describes what is set and where, for plans and reports: `flag use-serverless in flags/twin.flagd.json`. Never
    /// contains a secret.
    fn describe(&self) -> String;
}

/// Advice for a weight that cannot be read.
pub(super) const READ_HINT: &str =
    "make `read` say the target's share, 0 to 100, also while nothing is set";

/// The state that a driver finds where the weight is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Weight {
        share: Share,
        /// A short digest of anything else that decides who gets what, if there is such a thing.
        print: Option<String>,
    },
    /// No weight is set, so the application's own default applies. Contains the reason: `the flag is disabled`.
    Unset(String),
    /// Something other than a weight of this driver is set. Contains a description.
    Foreign(String),
    /// The driver cannot read the weight back.
    Mute,
}

impl Seen {
    /// Creates a weight without a digest.
    pub fn weight(share: Share) -> Self {
        Self::Weight { share, print: None }
    }

    /// Returns the target's share, if one is set.
    pub fn share(&self) -> Option<Share> {
        match self {
            Self::Weight { share, .. } => Some(*share),
            _ => None,
        }
    }
}

/// The surroundings of a driver.
#[derive(Clone, Default)]
pub struct DriverContext {
    /// The plan's name, used as the salt for bucketing.
    pub plan: String,
    /// The folder at which relative paths start.
    pub base: PathBuf,
    /// The environment, for secrets and for `PATH`.
    pub env: BTreeMap<String, String>,
    /// The names that stand for indexes where the target is, if it keeps such.
    pub alias: Option<Arc<dyn Alias>>,
    /// The two indexes, as the plan names them.
    pub source: String,
    pub target: String,
}
