//! The data plane over REST: for hosts without gRPC.

use std::borrow::Cow;

use async_trait::async_trait;

use super::filter::render;
use super::http::Server;
use super::plane::IdPage;
use super::plane::{Answer, Plane};
use super::records::whole;
use crate::error::Result;
use crate::model::{Filter, IndexStats, Namespace, Quality, Record, RecordId};
use crate::pinecone_wire::json::{
    self, FetchAnswer, Floats, Int, ListAnswer, Pagination, QueryAnswer, StatsAnswer, UpsertAnswer,
};
use crate::pinecone_wire::{Operation, escape, limits, parameter};
use crate::store::{Match, Query};

/// Longest query string of a fetch. No limit of the service is documented; common servers and proxies take
/// 8 KiB for the whole request line.
const QUERY_BYTES: usize = 6_000;

/// The data plane of one index over REST.
pub struct RestPlane(pub Server);

#[async_trait]
impl Plane for RestPlane {
    async fn stats(&self, filter: Option<&Filter>) -> Result<IndexStats> {
        let body = json::Stats { filter: asked(filter)? };
        let reply = self.0.send(Operation::Stats, "", &body).await?;
        let stats: StatsAnswer = reply.answer()?;
        let mut counts = IndexStats {
            dimension: stats.dimension.and_then(Int::small).filter(|dimension| *dimension > 0),
            total: stats.total_vector_count.0,
            quality: Quality::Lagging,
            ..Default::default()
        };
        for (name, summary) in stats.namespaces.unwrap_or_default() {
            *counts.namespaces.entry(Namespace::from(&*name)).or_default() +=
                summary.vector_count.0;
        }
        Ok(counts)
    }

    async fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<IdPage> {
        let limit = limits::LIST_IDS.to_string();
        let mut query = vec![(parameter::LIMIT, limit.as_str())];
        query.extend(in_query(namespace));
        query.extend((!prefix.is_empty()).then_some((parameter::PREFIX, prefix)));
        query.extend(page.map(|token| (parameter::PAGINATION_TOKEN, token)));
        let reply = self.0.ask(Operation::List, "", &query).await?;
        let list: ListAnswer = reply.answer()?;
        Ok(IdPage {
            ids: list.vectors.into_iter().map(|item| RecordId::from(&*item.id)).collect(),
            next: Pagination::token(list.pagination),
        })
    }

    /// Fetches in several requests if needed: ids travel in the address.
    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Answer<Vec<Record>>> {
        let mut records = Vec::with_capacity(ids.len());
        let mut lsn = Default::default();
        for part in parts(ids, QUERY_BYTES) {
            let ids: Vec<_> = part.iter().map(RecordId::text).collect();
            let mut query: Vec<_> = ids.iter().map(|id| (parameter::IDS, &**id)).collect();
            query.extend(in_query(namespace));
            let reply = self.0.ask(Operation::Fetch, "", &query).await?;
            lsn = reply.lsn();
            let found: FetchAnswer = reply.answer()?;
            for record in found.vectors.into_values() {
                records.push(whole(record.into_record())?);
            }
        }
        Ok(Answer { value: records, lsn })
    }

    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Answer<Vec<Match>>> {
        let dense = query.vectors.dense();
        let body = json::Query {
            namespace: in_body(namespace),
            top_k: query.limit,
            vector: (!dense.is_empty()).then(|| Floats(dense.clone())),
            sparse_vector: query.vectors.sparse().map(Into::into),
            filter: asked(query.filter.as_ref())?,
            ..Default::default()
        };
        let reply = self.0.send(Operation::Query, "", &body).await?;
        let found: QueryAnswer = reply.answer()?;
        let matches = found
            .matches
            .into_iter()
            .map(|found| Match { id: RecordId::from(&*found.id), score: found.score })
            .collect();
        Ok(Answer { value: matches, lsn: reply.lsn() })
    }

    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Answer<u64>> {
        let vectors = records.iter().map(Into::into).collect();
        let body = json::Upsert { vectors, namespace: in_body(namespace) };
        let reply = self.0.send(Operation::Upsert, "", &body).await?;
        let upserted: UpsertAnswer = reply.json()?;
        Ok(Answer { value: upserted.upserted_count.0, lsn: reply.lsn() })
    }

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        let ids = Some(ids.iter().map(RecordId::text).collect());
        let namespace = in_body(namespace);
        let body = json::Delete { ids, namespace, ..Default::default() };
        self.0.send(Operation::Delete, "", &body).await.map(drop)
    }

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        let (filter, namespace) = (asked(Some(filter))?, in_body(namespace));
        let body = json::Delete { filter, namespace, ..Default::default() };
        self.0.send(Operation::Delete, "", &body).await.map(drop)
    }

    async fn delete_all(&self, namespace: &Namespace) -> Result<()> {
        let namespace = in_body(namespace);
        let body = json::Delete { delete_all: true, namespace, ..Default::default() };
        self.0.send(Operation::Delete, "", &body).await.map(drop)
    }

    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let name = namespace.explicit();
        self.0.ask(Operation::DeleteNamespace, name, &[]).await.map(drop)
    }
}

fn in_body(namespace: &Namespace) -> Option<Cow<'_, str>> {
    Some(namespace.as_str().into())
}

fn asked(filter: Option<&Filter>) -> Result<Option<Cow<'static, serde_json::Value>>> {
    Ok(filter.map(render).transpose()?.map(Cow::Owned))
}

fn in_query(namespace: &Namespace) -> Option<(&'static str, &str)> {
    (!namespace.is_default()).then(|| (parameter::NAMESPACE, namespace.as_str()))
}

/// Cuts ids into runs whose query string stays under `bytes`; a single longer id is a run of its own.
fn parts(ids: &[RecordId], bytes: usize) -> impl Iterator<Item = &[RecordId]> {
    let mut rest = ids;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut used = 0;
        let count = rest
            .iter()
            .take_while(|id| {
                used += parameter::IDS.len() + "&=".len() + escape(&id.text()).len();
                used <= bytes
            })
            .count()
            .max(1);
        let (part, after) = rest.split_at(count);
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_is_cut_by_the_length_of_its_address() {
        let ids: Vec<RecordId> = (0..10).map(|i| RecordId::from(format!("id {i}"))).collect();
        // "&ids=id%20N" is 11 bytes.
        let lengths: Vec<usize> = parts(&ids, 45).map(<[_]>::len).collect();
        assert_eq!(lengths, [4, 4, 2]);
        assert_eq!(parts(&ids, 1).map(<[_]>::len).collect::<Vec<_>>(), [1; 10]);
        assert_eq!(parts(&[], 1).count(), 0);
    }
}
