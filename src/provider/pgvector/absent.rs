//! A target that is not looked at, for an audit of the source alone.

use std::sync::Arc;

use async_trait::async_trait;

use super::keys::Row;
use super::made::planned;
use super::name::TableName;
use super::peer::LIMITS;
use super::refuse::rejects;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexDescription, IndexSpec, IndexStats, Namespace, Record};
use crate::store::calls::Calls;
use crate::store::{Describe, Limits, Opened, Refusal, Source, Store, Target, Upserted, Write};

/// A target that describes itself as missing and refuses what the table that is planned would refuse.
#[derive(Clone)]
pub(super) struct Absent;

fn not_there<T>(operation: &'static str) -> Result<T> {
    let message = "the target is not looked at: its URL is not there";
    Err(Error::new(ErrorKind::NotFound, message).with_operation(operation))
}

impl Opened for Absent {
    fn through(&self, _: Calls) -> Arc<dyn Store> {
        Arc::new(Self)
    }
}

impl Source for Absent {
    fn limits(&self) -> Limits {
        LIMITS
    }
}

impl Store for Absent {}

impl Target for Absent {
    fn write(&self) -> Option<Arc<dyn Write>> {
        Some(Arc::new(Self))
    }
}

#[async_trait]
impl Describe for Absent {
    async fn describe(&self) -> Result<Option<IndexDescription>> {
        Ok(None)
    }

    async fn stats(&self) -> Result<IndexStats> {
        not_there("stats")
    }
}

#[async_trait]
impl Write for Absent {
    async fn upsert(&self, _: &Namespace, _: &[Record]) -> Result<Upserted> {
        not_there("upsert")
    }

    fn request_bytes(&self, _: &Record) -> usize {
        0
    }

    fn rejects(&self, record: &Record, planned_as: Option<&IndexSpec>) -> Option<Refusal> {
        let (mapping, names) = planned(&TableName::new("", ""), &Row::default(), planned_as?)?;
        rejects(&mapping, &names, record)
    }

    async fn is_visible(&self, _: &Namespace, _: u64) -> Result<Option<bool>> {
        Ok(None)
    }
}
