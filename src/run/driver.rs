//! Opens the traffic driver of a run, or in a rehearsal one that moves nothing outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::context::outputs::below;
use crate::blocking::blocking;
use crate::error::{Error, Result};
use crate::fs::{Access, replace};
use crate::model::{Share, Side};
use crate::plan::Plan;
use crate::plan::file::Traffic;
use crate::provider::Environment;
use crate::provider::registry::{connector, is_same_project, open};
use crate::store::Alias;
use crate::store::calls::Calls;
use crate::traffic::{self, Driver, DriverContext, Seen};

/// Opens the driver named in the plan; `None` if it names none.
///
/// # Errors
/// Any error of [`traffic::open`].
pub fn open_driver(plan: &Plan, environment: &Environment) -> Result<Option<Arc<dyn Driver>>> {
    let Some(asked) = &plan.traffic else { return Ok(None) };
    let alias = match asked {
        Traffic::Alias(_) => alias_of(plan, environment)?,
        _ => None,
    };
    let env = environment.variables.clone();
    let context = DriverContext { env, alias, ..surroundings(plan, &plan.base) };
    traffic::open(asked, context).map(|driver| Some(driver.into()))
}

/// Returns what keeps aliases where both indexes are.
fn alias_of(plan: &Plan, environment: &Environment) -> Result<Option<Arc<dyn Alias>>> {
    if !is_same_project(plan, environment)? {
        let message = "the two indexes are not in one place, so no alias can stand for either";
        return Err(Error::invalid(message));
    }
    let calls = Calls::new(connector(&plan.target.provider)?.calls());
    Ok(open(&plan.target, Side::Target, environment)?.through(calls).alias())
}

fn surroundings(plan: &Plan, base: &Path) -> DriverContext {
    DriverContext {
        plan: plan.name.clone(),
        base: base.to_owned(),
        env: BTreeMap::new(),
        alias: None,
        source: plan.source.index.clone(),
        target: plan.target.index.clone(),
    }
}

/// Opens the driver for a rehearsal: files go below `folder`, and instead of sending requests, running commands or
/// pointing aliases the weight is kept in a file there.
///
/// # Errors
/// Any error of [`traffic::open`].
pub fn rehearsed_driver(plan: &Plan, folder: &Path) -> Result<Option<Arc<dyn Driver>>> {
    let Some(asked) = &plan.traffic else { return Ok(None) };
    let mut asked = asked.clone();
    let rehearsed = |file: &str| below(file).display().to_string();
    match &mut asked {
        Traffic::Flagd(flagd) => flagd.file = rehearsed(&flagd.file),
        Traffic::EnvFile(file) => file.file = rehearsed(&file.file),
        Traffic::Webhook(_) => return Ok(Some(Arc::new(Remembered::new("webhook", folder)))),
        Traffic::Exec(_) => return Ok(Some(Arc::new(Remembered::new("exec", folder)))),
        Traffic::Alias(_) => return Ok(Some(Arc::new(Remembered::new("alias", folder)))),
        Traffic::Gateway(_) => {}
    }
    traffic::open(&asked, surroundings(plan, folder)).map(|driver| Some(driver.into()))
}

/// A driver that keeps the weight in a file, so that the next process of the rehearsal finds it.
struct Remembered {
    kind: &'static str,
    path: PathBuf,
}

impl Remembered {
    fn new(kind: &'static str, folder: &Path) -> Self {
        Self { kind, path: folder.join(format!("{kind}.weight")) }
    }
}

fn failed(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::io(what, error).with_context("file", path.display())
}

#[async_trait]
impl Driver for Remembered {
    async fn set(&self, weight: Share) -> Result<()> {
        let path = self.path.clone();
        blocking(move || {
            replace(&path, weight.0.to_string().as_bytes(), Access::Usual)
                .map_err(|error| failed(&path, "the weight cannot be kept", error))
        })
        .await
    }

    async fn read(&self) -> Result<Seen> {
        match tokio::fs::read_to_string(&self.path).await {
            Ok(text) => Ok(match text.trim().parse() {
                Ok(share) => Seen::weight(Share(share)),
                Err(_) => Seen::Foreign(format!("`{}` is no weight", text.trim())),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Seen::Unset("no weight was set".to_owned()))
            }
            Err(error) => Err(failed(&self.path, "the weight cannot be read", error)),
        }
    }

    async fn check(&self) -> Vec<Error> {
        Vec::new()
    }

    fn describe(&self) -> String {
        format!("{}, not sent in a rehearsal", self.kind)
    }
}
