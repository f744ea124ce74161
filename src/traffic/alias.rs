//! A driver that points an alias of the store at one index or the other.

use std::sync::Arc;

use async_trait::async_trait;

use super::driver::{Driver, DriverContext, Seen};
use super::weight::check;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Share;
use crate::plan::file::AliasName;
use crate::store::{Alias, Pointed};

/// An alias and the two indexes that it may stand for. The store keeps it, so an application that asks by it needs no
/// change of its own.
pub(super) struct AliasDriver {
    store: Arc<dyn Alias>,
    name: String,
    source: String,
    target: String,
}

impl AliasDriver {
    /// # Errors
    /// `Unsupported` if the target keeps no aliases.
    pub fn new(alias: AliasName, context: DriverContext) -> Result<Self> {
        let DriverContext { alias: store, source, target, .. } = context;
        let none = || Error::unsupported("the target keeps no aliases");
        Ok(Self { store: store.ok_or_else(none)?, name: alias.name, source, target })
    }

    fn both(&self) -> [&str; 2] {
        [&self.source, &self.target]
    }
}

#[async_trait]
impl Driver for AliasDriver {
    async fn set(&self, weight: Share) -> Result<()> {
        check(weight)?;
        let index = match weight {
            weight if weight.is_same(Share(0.0)) => &self.source,
            weight if weight.is_same(Share(1.0)) => &self.target,
            _ => {
                let message = format!("an alias can only say 0% or 100%, not {weight}");
                return Err(Error::invalid(message));
            }
        };
        self.store.point(&self.name, index).await
    }

    async fn read(&self) -> Result<Seen> {
        Ok(match self.store.resolve(&self.name, &self.both()).await? {
            Pointed::At(0) => Seen::weight(Share(0.0)),
            Pointed::At(_) => Seen::weight(Share(1.0)),
            Pointed::Nowhere => Seen::Unset(format!("there is no `{}`", self.name)),
            Pointed::Elsewhere(what) => Seen::Foreign(format!("`{}` is {what}", self.name)),
        })
    }

    async fn check(&self) -> Vec<Error> {
        let mut problems = match self.store.obstacles(&self.name, &self.both()).await {
            Ok(problems) => problems,
            Err(error) => vec![error],
        };
        if let Ok(Seen::Foreign(what)) = self.read().await {
            let error = Error::new(ErrorKind::Refused, what);
            problems.push(error.with_hint("point it at the source, or name another in the plan"));
        }
        problems
    }

    fn describe(&self) -> String {
        format!("the alias {}", self.name)
    }
}
