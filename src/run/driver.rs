//! The traffic driver of a run; in a rehearsal one that moves nothing outside.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::Result;
use crate::model::Share;
use crate::plan::Plan;
use crate::plan::file::Traffic;
use crate::traffic::{self, Driver, DriverContext};

/// The driver the plan names; `None` where it names none.
///
/// # Errors
/// As [`traffic::open`].
pub fn open_driver(
    plan: &Plan,
    environment: &BTreeMap<String, String>,
) -> Result<Option<Arc<dyn Driver>>> {
    let Some(asked) = &plan.file.traffic else { return Ok(None) };
    let context = DriverContext {
        plan: plan.file.name.clone(),
        base: plan.base.clone(),
        env: environment.clone(),
    };
    traffic::open(asked, context).map(|driver| Some(driver.into()))
}

/// The driver for a rehearsal: files go under `folder`, requests and commands are not sent and their weight is kept
/// in memory.
///
/// # Errors
/// As [`traffic::open`].
pub fn rehearsed_driver(plan: &Plan, folder: &Path) -> Result<Option<Arc<dyn Driver>>> {
    let Some(asked) = &plan.file.traffic else { return Ok(None) };
    let mut asked = asked.clone();
    match &mut asked {
        Traffic::Flagd(flagd) => flagd.file = under(&flagd.file),
        Traffic::EnvFile(file) => file.file = under(&file.file),
        Traffic::Webhook(_) => return Ok(Some(Arc::new(Remembered::new("webhook")))),
        Traffic::Exec(_) => return Ok(Some(Arc::new(Remembered::new("exec")))),
        Traffic::Gateway(_) => {}
    }
    let context = DriverContext {
        plan: plan.file.name.clone(),
        base: folder.to_owned(),
        env: BTreeMap::new(),
    };
    traffic::open(&asked, context).map(|driver| Some(driver.into()))
}

/// The path without what leads out of a folder.
fn under(path: &str) -> String {
    let parts = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
    parts.collect::<PathBuf>().display().to_string()
}

/// Keeps the weight in memory.
struct Remembered {
    kind: &'static str,
    weight: Mutex<Option<Share>>,
}

impl Remembered {
    fn new(kind: &'static str) -> Self {
        Self { kind, weight: Mutex::new(None) }
    }
}

#[async_trait]
impl Driver for Remembered {
    async fn set(&self, weight: Share) -> Result<()> {
        *self.weight.lock().unwrap_or_else(PoisonError::into_inner) = Some(weight);
        Ok(())
    }

    async fn read(&self) -> Result<Option<Share>> {
        Ok(*self.weight.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn describe(&self) -> String {
        format!("{}, not sent in a rehearsal", self.kind)
    }
}
