use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;

use super::{env_file, exec, flagd, webhook, weight};
use crate::error::{Error, ErrorKind, Result};
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

    /// The target's share as it is now.
    ///
    /// # Behavior
    /// - `None` where the driver cannot read back; that is not an error.
    /// - `NotFound` where nothing was set yet.
    /// - `Conflict` where what is set is no weight of this driver.
    async fn read(&self) -> Result<Option<Share>>;

    /// What is set where, for plans and reports: `flag use-serverless in flags/twin.flagd.json`. Never a secret.
    fn describe(&self) -> String;
}

/// What a driver needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct DriverContext {
    /// The plan's name: the salt of the buckets.
    pub plan: String,
    /// Where relative paths start.
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

/// How sure a weight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It was read back.
    Actual,
    /// The driver cannot read back.
    Requested,
}

/// Sets a weight and reads it back.
///
/// # Errors
/// `Conflict` where another weight is read back; else what the driver says.
pub async fn shift(driver: &dyn Driver, weight: Share) -> Result<Confirmed> {
    weight::check(weight)?;
    driver.set(weight).await.map_err(|error| error.with_operation("set the weight"))?;
    let read = driver.read().await.map_err(|error| error.with_operation("read the weight"))?;
    match read {
        None => Ok(Confirmed::Requested),
        Some(actual) if weight::is_same(actual, weight) => Ok(Confirmed::Actual),
        Some(actual) => Err(Error::new(
            ErrorKind::Conflict,
            format!("{weight} was set, and {actual} is read back"),
        )
        .with_operation("read the weight")
        .with_context("driver", driver.describe())),
    }
}
