//! Single attempts at the requests that only read.

use std::borrow::Cow;
use std::sync::Arc;

use super::asked::Asked;
use super::peer::Peer;
use crate::error::Result;
use crate::model::{
    Filter, IndexDescription, IndexStats, Namespace, Record, RecordId, SparseVector, Vector,
    VectorType, Vectors,
};
use crate::provider::pinecone::error::or_empty;
use crate::provider::pinecone::plane::IdPage;
use crate::store::{Match, Query, Reader};

/// An id that is asked for to read the headers of the answer; it need not exist.
const ABSENT_ID: &str = "vecshift-lsn";

impl Peer {
    pub(super) async fn describe(&self) -> Result<Option<IndexDescription>> {
        let found = self.control.describe(self.name()).await;
        let found = found.map_err(|error| self.explain("describe", error))?;
        match &found {
            Some(description) => self.seen().description = Some(Arc::new(description.clone())),
            None => self.forget(),
        }
        Ok(found)
    }

    pub(super) async fn stats(&self) -> Result<IndexStats> {
        let connection = self.connection().await?;
        let stats = connection.call(|plane| plane.stats(None)).await;
        self.settle("stats", stats).await
    }

    pub(super) async fn filtered_stats(&self, filter: &Filter) -> Result<IndexStats> {
        let connection = self.connection().await?;
        let stats = connection.call(|plane| plane.stats(Some(filter))).await;
        self.settle("filtered_stats", stats).await
    }

    pub(super) async fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<IdPage> {
        let connection = self.connection().await?;
        let listed = connection.call(|plane| plane.list(namespace, prefix, page)).await;
        self.settle("list", or_empty(listed)).await
    }

    pub(super) async fn fetch(
        &self,
        namespace: &Namespace,
        ids: &[RecordId],
    ) -> Result<Vec<Record>> {
        let ids = &*texts(ids);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let connection = self.connection().await?;
        let fetched = connection.call(|plane| plane.fetch(namespace, ids)).await;
        let fetched = or_empty(fetched.map(|answer| answer.value));
        self.settle("fetch", fetched)
            .await
            .map_err(|error| error.with_context("namespace", namespace.explicit()))
    }

    pub(super) async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>> {
        let connection = self.connection().await?;
        let found = connection.call(|plane| plane.query(namespace, query)).await;
        let found = or_empty(found.map(|answer| answer.value));
        self.settle("query", found)
            .await
            .map_err(|error| error.with_context("namespace", namespace.explicit()))
    }

    /// Documented is that a query says up to where it sees; a fetch is cheaper, and says what it sees itself.
    pub(super) async fn is_visible(
        &self,
        namespace: &Namespace,
        lsn: u64,
        reader: Reader,
    ) -> Result<Option<bool>> {
        if self.is_pod() {
            return Ok(None);
        }
        let explain = |error| self.explain("is_visible", error);
        if reader != Reader::Search && self.asked.now() == Asked::Fetch {
            let readable = or_empty(self.readable(namespace, Asked::Fetch).await);
            if let Some(readable) = readable.map_err(explain)? {
                return Ok(Some(readable >= lsn));
            }
        }
        let readable = or_empty(self.readable(namespace, Asked::Query).await).map_err(explain)?;
        if readable.is_some() && reader != Reader::Search {
            self.asked.settle_on_query();
        }
        Ok(readable.map(|readable| readable >= lsn))
    }
}

impl Peer {
    pub(super) async fn readable(
        &self,
        namespace: &Namespace,
        asked: Asked,
    ) -> Result<Option<u64>> {
        let connection = self.connection().await?;
        let lsn = match asked {
            Asked::Fetch => {
                let ids = [RecordId::from(ABSENT_ID)];
                connection.call(|plane| plane.fetch(namespace, &ids)).await?.lsn
            }
            Asked::Query => {
                let query = self.smallest_query().await?;
                connection.call(|plane| plane.query(namespace, &query)).await?.lsn
            }
        };
        Ok(lsn.readable)
    }

    pub(super) async fn smallest_query(&self) -> Result<Query> {
        let spec = &self.known().await?.spec;
        let mut query = Query { limit: 1, ..Default::default() };
        if spec.vector_type == VectorType::Sparse {
            let sparse = SparseVector::new(vec![0], Vector::from_values([1.0]));
            query.vectors = Vectors::plain(Vector::NONE, sparse);
        } else {
            let dimension = spec.dimension.unwrap_or(1) as usize;
            let values = (0..dimension).map(|at| if at == 0 { 1.0 } else { 0.0 });
            query.vectors = Vectors::plain(Vector::from_values(values), None);
        }
        Ok(query)
    }
}

/// Returns those ids that an index can hold, which are texts; no other is there.
pub(super) fn texts(ids: &[RecordId]) -> Cow<'_, [RecordId]> {
    match ids.iter().all(|id| id.as_text().is_some()) {
        true => Cow::Borrowed(ids),
        false => ids.iter().filter(|id| id.as_text().is_some()).cloned().collect(),
    }
}
