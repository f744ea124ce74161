//! The data plane over REST: for hosts without gRPC.

use async_trait::async_trait;

use super::http::Server;
use super::json::{self, Floats};
use super::plane::{Answer, Plane};
use crate::error::Result;
use crate::model::{IndexStats, Namespace, Record, RecordId};
use crate::pinecone_wire::{Operation, escape, limits};
use crate::provider::{Filter, IdPage, Match, Query};

/// Longest query string of a fetch. No limit of the service is documented; common servers and proxies take
/// 8 KiB for the whole request line.
const QUERY_BYTES: usize = 6_000;

/// Members of an answer that holds records, of which an empty one has at least one or is `{}`.
const ANSWER: [&str; 6] = ["vectors", "matches", "namespace", "usage", "pagination", "results"];

/// The data plane of one index over REST.
pub struct RestPlane(pub Server);

#[async_trait]
impl Plane for RestPlane {
    async fn stats(&self, filter: Option<&Filter>) -> Result<IndexStats> {
        let body = json::StatsOut { filter: filter.map(|filter| &filter.0) };
        let reply = self.0.send(Operation::Stats, "", &body).await?;
        // Counts that are left out would be read as an empty index.
        let names =
            ["namespaces", "dimension", "indexFullness", "totalVectorCount", "index_fullness"];
        let stats: json::StatsIn = reply.json_of(&names, |stats: &json::StatsIn| {
            stats.namespaces.is_none() && stats.total_vector_count.0 == 0
        })?;
        let mut counts = IndexStats {
            dimension: stats
                .dimension
                .and_then(|dimension| u32::try_from(dimension.0).ok())
                .filter(|dimension| *dimension > 0),
            total: stats.total_vector_count.0,
            ..Default::default()
        };
        for (name, summary) in stats.namespaces.unwrap_or_default() {
            *counts.namespaces.entry(Namespace::from(name)).or_default() += summary.vector_count.0;
        }
        Ok(counts)
    }

    async fn list(&self, namespace: &Namespace, page: Option<&str>) -> Result<IdPage> {
        let limit = limits::LIST_IDS.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(in_query(namespace));
        query.extend(page.map(|token| ("paginationToken", token)));
        let reply = self.0.ask(Operation::List, "", &query).await?;
        let list: json::ListIn =
            reply.json_of(&ANSWER, |list: &json::ListIn| list.vectors.is_empty())?;
        Ok(IdPage {
            ids: list.vectors.into_iter().map(|item| RecordId::from(item.id)).collect(),
            next: list.pagination.and_then(|page| page.next).filter(|next| !next.is_empty()),
        })
    }

    /// Ids travel in the address, so that many long ones take several requests.
    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Answer<Vec<Record>>> {
        let mut records = Vec::with_capacity(ids.len());
        let mut lsn = Default::default();
        for part in parts(ids, QUERY_BYTES) {
            let mut query: Vec<_> = part.iter().map(|id| ("ids", id.as_str())).collect();
            query.extend(in_query(namespace));
            let reply = self.0.ask(Operation::Fetch, "", &query).await?;
            lsn = reply.lsn();
            let found: json::FetchIn =
                reply.json_of(&ANSWER, |found: &json::FetchIn| found.vectors.is_empty())?;
            for record in found.vectors.into_values() {
                records.push(record.into_record()?);
            }
        }
        Ok(Answer { value: records, lsn })
    }

    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Answer<Vec<Match>>> {
        let body = json::QueryOut {
            namespace: namespace.as_str(),
            top_k: query.top_k,
            vector: (!query.vector.is_empty()).then_some(Floats(&query.vector)),
            sparse_vector: query.sparse.as_ref().map(Into::into),
            filter: query.filter.as_ref().map(|filter| &filter.0),
            include_values: false,
            include_metadata: false,
        };
        let reply = self.0.send(Operation::Query, "", &body).await?;
        let found: json::QueryIn =
            reply.json_of(&ANSWER, |found: &json::QueryIn| found.matches.is_empty())?;
        let matches = found
            .matches
            .into_iter()
            .map(|found| Match { id: RecordId::from(found.id), score: found.score })
            .collect();
        Ok(Answer { value: matches, lsn: reply.lsn() })
    }

    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Answer<u64>> {
        let body = json::UpsertOut {
            vectors: records.iter().map(Into::into).collect(),
            namespace: namespace.as_str(),
        };
        let reply = self.0.send(Operation::Upsert, "", &body).await?;
        let upserted: json::UpsertIn = reply.json()?;
        Ok(Answer { value: upserted.upserted_count.0, lsn: reply.lsn() })
    }

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        let body = json::DeleteOut { ids, namespace: namespace.as_str(), ..Default::default() };
        self.0.send(Operation::Delete, "", &body).await.map(drop)
    }

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        let (namespace, filter) = (namespace.as_str(), Some(&filter.0));
        let body = json::DeleteOut { filter, namespace, ..Default::default() };
        self.0.send(Operation::Delete, "", &body).await.map(drop)
    }

    async fn delete_all(&self, namespace: &Namespace) -> Result<()> {
        let namespace = namespace.as_str();
        let body = json::DeleteOut { delete_all: true, namespace, ..Default::default() };
        self.0.send(Operation::Delete, "", &body).await.map(drop)
    }

    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let name = namespace.explicit();
        self.0.ask(Operation::DeleteNamespace, name, &[]).await.map(drop)
    }
}

fn in_query(namespace: &Namespace) -> Option<(&'static str, &str)> {
    (!namespace.is_default()).then(|| ("namespace", namespace.as_str()))
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
                used += "&ids=".len() + escape(id.as_str()).len();
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
