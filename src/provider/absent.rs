//! A target that does not exist and cannot be reached, for an audit of the source alone.

use async_trait::async_trait;

use super::pinecone::{LIMITS, refusal};
use super::{
    Admin, Capabilities, Collection, Filter, IdPage, Import, IndexChange, Match, Query, Refusal,
    Source, Target, Upserted,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexDescription, IndexSpec, IndexStats, Namespace, Record, RecordId};

/// A target that describes itself as missing and refuses records by the rules of the index that is planned.
pub struct Absent;

fn not_there<T>(operation: &'static str) -> Result<T> {
    let message = "the target is not looked at: its API key is not there";
    Err(Error::new(ErrorKind::NotFound, message).with_operation(operation))
}

#[async_trait]
impl Source for Absent {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            list: false,
            filtered_count: false,
            lsn: false,
            sparse: true,
            query: false,
            limits: LIMITS,
        }
    }

    async fn describe(&self) -> Result<Option<IndexDescription>> {
        Ok(None)
    }

    async fn stats(&self) -> Result<IndexStats> {
        not_there("stats")
    }

    async fn filtered_stats(&self, _: &Filter) -> Result<IndexStats> {
        not_there("filtered_stats")
    }

    async fn list(&self, _: &Namespace, _: &str, _: Option<&str>) -> Result<IdPage> {
        not_there("list")
    }

    async fn fetch(&self, _: &Namespace, _: &[RecordId]) -> Result<Vec<Record>> {
        not_there("fetch")
    }

    async fn query(&self, _: &Namespace, _: &Query) -> Result<Vec<Match>> {
        not_there("query")
    }

    async fn is_visible(&self, _: &Namespace, _: u64) -> Result<Option<bool>> {
        Ok(None)
    }
}

#[async_trait]
impl Target for Absent {
    async fn create(&self, _: &IndexSpec) -> Result<()> {
        not_there("create")
    }

    async fn upsert(&self, _: &Namespace, _: &[Record]) -> Result<Upserted> {
        not_there("upsert")
    }

    async fn create_collection(&self, _: &str) -> Result<()> {
        not_there("create_collection")
    }

    async fn collection(&self, _: &str) -> Result<Option<Collection>> {
        Ok(None)
    }

    async fn create_from(&self, _: &IndexSpec, _: &str) -> Result<()> {
        not_there("create_from")
    }

    async fn start_import(&self, _: &str, _: Option<&str>) -> Result<String> {
        not_there("start_import")
    }

    async fn imports(&self) -> Result<Vec<Import>> {
        Ok(Vec::new())
    }

    fn request_bytes(&self, _: &Record) -> usize {
        0
    }

    fn rejects(&self, record: &Record, planned: Option<&IndexSpec>) -> Option<Refusal> {
        refusal(record, planned)
    }
}

#[async_trait]
impl Admin for Absent {
    async fn configure(&self, _: &IndexChange) -> Result<()> {
        not_there("configure")
    }

    async fn delete_index(&self) -> Result<()> {
        not_there("delete_index")
    }

    async fn delete(&self, _: &Namespace, _: &[RecordId]) -> Result<()> {
        not_there("delete")
    }

    async fn delete_matching(&self, _: &Namespace, _: &Filter) -> Result<()> {
        not_there("delete_matching")
    }

    async fn delete_namespace(&self, _: &Namespace) -> Result<()> {
        not_there("delete_namespace")
    }

    async fn delete_collection(&self, _: &str) -> Result<()> {
        not_there("delete_collection")
    }

    async fn cancel_import(&self, _: &str) -> Result<()> {
        not_there("cancel_import")
    }
}
