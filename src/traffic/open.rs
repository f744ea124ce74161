//! The drivers that a plan can name.

use super::alias::AliasDriver;
use super::driver::{Driver, DriverContext};
use super::env_file::EnvFileDriver;
use super::exec::ExecDriver;
use super::flagd::FlagdDriver;
use super::webhook::WebhookDriver;
use crate::error::{Error, Result};
use crate::plan::file::Traffic;

/// Opens the driver named in a plan.
///
/// # Errors
/// `Unsupported` if this version does not have the driver, or the target no aliases.
pub fn open(traffic: &Traffic, context: DriverContext) -> Result<Box<dyn Driver>> {
    Ok(match traffic {
        Traffic::Flagd(flagd) => Box::new(FlagdDriver::new(flagd.clone(), &context)),
        Traffic::EnvFile(file) => Box::new(EnvFileDriver::new(file.clone(), &context)),
        Traffic::Webhook(hook) => Box::new(WebhookDriver::new(hook.clone(), context)),
        Traffic::Exec(exec) => Box::new(ExecDriver::new(exec.clone(), context)),
        Traffic::Alias(alias) => Box::new(AliasDriver::new(alias.clone(), context)?),
        Traffic::Gateway(_) => {
            return Err(Error::unsupported("the `gateway` driver is not in this version")
                .with_hint("use `flagd`, `webhook`, `exec`, `env_file` or `alias`"));
        }
    })
}
