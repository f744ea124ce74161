use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;

use super::{env_file, exec, flagd, webhook};
use crate::error::{Error, Result};
use crate::model::Share;
use crate::plan::file::Traffic;

/// Moves traffic: sets the share of it that goes to the target, and reads it back.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Sets the target's share.
    ///
    /// # Behavior
    /// - Idempotent: setting what is set already succeeds.
    /// - When it returns, the weight is durable where the driver keeps it itself.
    /// - `Invalid` for a weight that the driver cannot set; nothing was changed then.
    /// - After any other error the weight may or may not be set: read it back.
    /// - Nothing else that the application may look at there is changed.
    async fn set(&self, weight: Share) -> Result<()>;

    /// What is there now.
    ///
    /// # Behavior
    /// - Changes nothing.
    /// - An error says that nobody knows, never that nothing changed.
    async fn read(&self) -> Result<Seen>;

    /// What would keep this driver from setting a weight, each with what to do about it.
    ///
    /// # Behavior
    /// - Changes nothing and leaves nothing behind.
    /// - Empty where the weight can be read and, as far as looking can say, set.
    async fn check(&self) -> Vec<Error>;

    /// Whether [`Driver::read`] can ever say what is there.
    fn can_read(&self) -> bool {
        true
    }

    /// Whether a set that fails has changed nothing.
    fn is_all_or_nothing(&self) -> bool {
        false
    }

    /// What is set where, for plans and reports: `flag use-serverless in flags/twin.flagd.json`. Never a secret.
    fn describe(&self) -> String;
}

/// What to do about a weight that cannot be read.
pub(super) const READ_HINT: &str =
    "make `read` say the target's share, 0 to 100, also while nothing is set";

/// What can be seen where a driver keeps the weight.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Weight {
        share: Share,
        /// A short digest of what else decides who gets what, where there is such.
        print: Option<String>,
    },
    /// No weight is set, so that the application's own default decides; in words: `the flag is disabled`.
    Unset(String),
    /// What is set is no weight of this driver, in words.
    Foreign(String),
    /// The driver cannot read back.
    Mute,
}

impl Seen {
    /// A weight and nothing else that decides.
    pub fn weight(share: Share) -> Self {
        Self::Weight { share, print: None }
    }

    /// The target's share, where one is set.
    pub fn share(&self) -> Option<Share> {
        match self {
            Self::Weight { share, .. } => Some(*share),
            _ => None,
        }
    }
}

/// What a driver needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct DriverContext {
    /// The plan's name: the salt of the buckets.
    pub plan: String,
    /// The folder relative paths start from.
    pub base: PathBuf,
    /// The environment, for secrets and for `PATH`.
    pub env: BTreeMap<String, String>,
}

/// The driver that a plan names.
///
/// # Errors
/// `Unsupported` for a driver that this version lacks.
pub fn open(traffic: &Traffic, context: DriverContext) -> Result<Box<dyn Driver>> {
    Ok(match traffic {
        Traffic::Flagd(flagd) => Box::new(flagd::FlagdDriver::new(flagd.clone(), &context)),
        Traffic::EnvFile(file) => Box::new(env_file::EnvFileDriver::new(file.clone(), &context)),
        Traffic::Webhook(hook) => Box::new(webhook::WebhookDriver::new(hook.clone(), context)),
        Traffic::Exec(exec) => Box::new(exec::ExecDriver::new(exec.clone(), context)),
        Traffic::Gateway(_) => {
            return Err(Error::unsupported("the `gateway` driver is not in this version")
                .with_hint("use `flagd`, `webhook`, `exec` or `env_file`"));
        }
    })
}
