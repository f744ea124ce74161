use std::sync::Arc;

use async_trait::async_trait;

use super::calls::Calls;
use super::{Describe, Limits, Opened, Reader, Refusal, Source, Store, Target, Upserted, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexDescription, IndexSpec, IndexStats, Namespace, Record, Token};

/// A target that nobody can look at, for an audit of the source alone: it describes itself as missing, and refuses records
/// by the rules of the index that is planned.
#[derive(Clone)]
pub struct Absent {
    /// What is not there, so that it cannot be looked at, for example `its API key`.
    pub lacks: &'static str,
    pub limits: Limits,
    /// Does the same as [`Write::rejects`].
    pub rules: fn(&Namespace, &Record, Option<&IndexSpec>) -> Option<Refusal>,
}

impl Absent {
    fn not_there<T>(&self, operation: &'static str) -> Result<T> {
        let message = format!("the target is not looked at: {} is not there", self.lacks);
        Err(Error::new(ErrorKind::NotFound, message).with_operation(operation))
    }
}

impl Opened for Absent {
    fn through(&self, _: Calls) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }
}

impl Source for Absent {
    fn limits(&self) -> Limits {
        self.limits
    }
}

impl Store for Absent {}

impl Target for Absent {
    fn write(&self) -> Option<Arc<dyn Write>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Describe for Absent {
    async fn describe(&self) -> Result<Option<IndexDescription>> {
        Ok(None)
    }

    async fn stats(&self) -> Result<IndexStats> {
        self.not_there("stats")
    }
}

#[async_trait]
impl Write for Absent {
    async fn upsert(&self, _: &Namespace, _: &[Record]) -> Result<Upserted> {
        self.not_there("upsert")
    }

    fn request_bytes(&self, _: &Record) -> usize {
        0
    }

    fn rejects(
        &self,
        namespace: &Namespace,
        record: &Record,
        planned: Option<&IndexSpec>,
    ) -> Option<Refusal> {
        (self.rules)(namespace, record, planned)
    }

    fn both(&self, _: Token, _: Token) -> Result<Token> {
        self.not_there("both")
    }

    async fn visible(&self, _: &Namespace, _: &Token, _: Reader) -> Result<Option<bool>> {
        Ok(None)
    }
}
