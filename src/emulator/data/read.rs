//! The operations that read: stats, list, fetch, query.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;

use crate::emulator::checks;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::knn::{Hit, Probe, Ties};
use crate::emulator::rate;
use crate::emulator::store::{Space, Store, Stored};
use crate::model::{Namespace, RecordId, SparseVector, Vector, VectorType};
use crate::pinecone_wire::{Lsn, limits};

use super::{Call, Reply};
use crate::text::hex;

/// One page and the token of the next.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
    pub read_units: Option<u32>,
}

/// A query by a vector, or by the id of a record whose vector is taken.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub vector: Vector,
    pub id: Option<RecordId>,
    pub sparse: Option<SparseVector>,
    pub top_k: u32,
    pub filter: Option<Value>,
    pub include_values: bool,
    pub include_metadata: bool,
}

#[derive(Debug)]
pub(crate) struct FetchByMetadata {
    pub filter: Option<Value>,
    pub limit: Option<u32>,
    pub token: Option<String>,
}

impl Call {
    /// Counts records by namespace; the total counts every record, whatever the filter.
    pub fn stats(&self, filter: Option<&Value>) -> Answer<(BTreeMap<Namespace, u64>, u64)> {
        let filter = filter.filter(|filter| filter.as_object().is_none_or(|f| !f.is_empty()));
        if filter.is_some() && !self.index.is_pod {
            return Err(Refusal::invalid(
                "Serverless indexes do not support describing index stats with metadata filtering",
            ));
        }
        self.take(&Namespace::new(""), &[(rate::STATS, 1)])?;
        let store = self.index.read(self.project.now());
        let filter = self.index.filter(filter, &store, &Namespace::new(""))?;
        let count = |space: &Space| match &filter {
            None => space.records.len(),
            Some(filter) => {
                space.records.values().filter(|s| filter.matches(&s.record.metadata)).count()
            }
        };
        let known = store.spaces.iter().filter(|(_, space)| space.exists());
        let counts: BTreeMap<_, _> =
            known.map(|(name, space)| (name.clone(), count(space) as u64)).collect();
        let counts = match filter {
            Some(_) => counts.into_iter().filter(|(_, count)| *count > 0).collect(),
            None => counts,
        };
        Ok((counts, store.count() as u64))
    }

    /// Lists ids in bytewise order; the token is the last id of the previous page.
    pub fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        limit: Option<u32>,
        token: Option<&str>,
    ) -> Answer<Page<RecordId>> {
        let limit = page_limit(limit, limits::LIST_IDS, limits::LIST_IDS)?;
        self.take(namespace, &[(rate::LISTS, 1)])?;
        let store = self.index.read(self.project.now());
        let after = token.map(read_token).transpose()?;
        let matching = space_range(&store, namespace, prefix, after.as_deref())
            .take_while(|(id, _)| id.text().starts_with(prefix));
        let mut items: Vec<_> = matching.take(limit + 1).map(|(id, _)| id.clone()).collect();
        let next = cut_page(&mut items, limit, |id| id);
        Ok(Page { items, next, read_units: self.read_units(1) })
    }

    pub fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Answer<Page<Arc<Stored>>> {
        checks::check_namespace(namespace.as_str())?;
        checks::check_count("ids", ids.len(), limits::FETCH_IDS)?;
        if ids.is_empty() {
            return Err(Refusal::invalid("A fetch needs at least one id"));
        }
        self.take(namespace, &[(rate::FETCHES, 1)])?;
        let store = self.index.read(self.project.now());
        let space = store.spaces.get(namespace);
        let find = |id| space.and_then(|space| space.records.get(id)).cloned();
        let items: Vec<_> = ids.iter().filter_map(find).collect();
        let units = items.len().div_ceil(10).max(1) as u32;
        Ok(Page { items, next: None, read_units: self.read_units(units) })
    }

    pub fn fetch_by_metadata(
        &self,
        namespace: &Namespace,
        request: &FetchByMetadata,
    ) -> Answer<Page<Arc<Stored>>> {
        let limit = page_limit(
            request.limit,
            limits::FETCH_BY_METADATA_DEFAULT,
            limits::FETCH_BY_METADATA,
        )?;
        self.take(namespace, &[(rate::FETCHES_BY_METADATA, 1)])?;
        let store = self.index.read(self.project.now());
        let filter = self.index.filter(request.filter.as_ref(), &store, namespace)?;
        let filter = filter.ok_or_else(|| Refusal::invalid("The filter is empty"))?;
        let after = request.token.as_deref().map(read_token).transpose()?;
        let matching = space_range(&store, namespace, "", after.as_deref())
            .filter(|(_, stored)| filter.matches(&stored.record.metadata));
        let mut items: Vec<_> =
            matching.take(limit + 1).map(|(_, stored)| Arc::clone(stored)).collect();
        let limit = limit.min(fitting(&items));
        let next = cut_page(&mut items, limit, |stored| &stored.record.id);
        let units = items.len().div_ceil(10).max(1) as u32;
        Ok(Page { items, next, read_units: self.read_units(units) })
    }

    pub fn query(&self, namespace: &Namespace, query: &Query) -> Answer<Reply<Page<Hit>>> {
        checks::check_namespace(namespace.as_str())?;
        if !(1..=limits::TOP_K).contains(&query.top_k) {
            let message = format!("topK must be 1 to {}, got {}", limits::TOP_K, query.top_k);
            return Err(Refusal::invalid(message));
        }
        self.take(namespace, &[(rate::QUERIES, 1), (rate::QUERY_QUARTER_UNITS, 1)])?;
        let store = self.index.read(self.project.now());
        let filter = self.index.filter(query.filter.as_ref(), &store, namespace)?;
        let space = store.spaces.get(namespace);
        let items = match (self.probe(query, space)?, space) {
            (Some(probe), Some(space)) => {
                let matches = |stored: &&Arc<Stored>| {
                    filter.as_ref().is_none_or(|f| f.matches(&stored.record.metadata))
                };
                probe.search(space.records.values().filter(matches), query.top_k as usize)
            }
            _ => Vec::new(),
        };
        check_result(&items, query)?;
        let lsn = Lsn { readable: space.and_then(|space| self.readable(space)), written: None };
        let body = Page { items, next: None, read_units: self.read_units(1) };
        Ok(Reply { body, lsn })
    }

    /// Returns the vector to search with; `None` if the record that should supply it does not exist.
    fn probe(&self, query: &Query, space: Option<&Space>) -> Answer<Option<Probe>> {
        let metric = self.index.spec().metric;
        let ties = Ties::of(self.project.options.ties, &self.index.name);
        let has_vector = !query.vector.is_empty() || query.sparse.is_some();
        let Some(id) = &query.id else {
            self.check_vector("Query", &query.vector, query.sparse.as_ref())?;
            if let Some(sparse) = &query.sparse {
                checks::check_sparse("query", sparse)?;
            }
            return Ok(Some(Probe::new(metric, &query.vector, query.sparse.as_ref(), ties)));
        };
        if has_vector {
            return Err(Refusal::invalid("A query takes either a vector or an id, not both"));
        }
        checks::check_id(&id.text())?;
        let stored = space.and_then(|space| space.records.get(id));
        Ok(stored.map(|stored| {
            let record = &stored.record;
            Probe::new(metric, record.dense(), record.sparse(), ties)
        }))
    }

    /// Returns the last write that can be read; absent on pods, on sparse indexes and while nothing can be read.
    fn readable(&self, space: &Space) -> Option<u64> {
        let has_lsn = !self.index.is_pod
            && self.index.vector_type == VectorType::Dense
            && !space.records.is_empty();
        has_lsn.then_some(space.visible_lsn)
    }
}

fn page_limit(asked: Option<u32>, default: usize, most: usize) -> Answer<usize> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&(limit as usize)) => Ok(limit as usize),
        Some(limit) => Err(Refusal::invalid(format!("limit must be 1 to {most}, got {limit}"))),
    }
}

/// Returns how many of the records fit a page of 4 MB; at least one.
fn fitting(items: &[Arc<Stored>]) -> usize {
    let mut bytes = 0;
    let fits = items.iter().take_while(|stored| {
        bytes += stored.record.stored_bytes();
        bytes <= limits::RESULT_BYTES
    });
    fits.count().max(1)
}

/// Drops what exceeds `limit` and returns the token of the next page.
fn cut_page<T>(items: &mut Vec<T>, limit: usize, id: impl Fn(&T) -> &RecordId) -> Option<String> {
    let is_more = items.len() > limit;
    items.truncate(limit);
    items.last().filter(|_| is_more).map(|last| write_token(&id(last).text()))
}

/// Returns the records of a namespace from `prefix` on and past `after`, in bytewise order of their ids.
fn space_range<'a>(
    store: &'a Store,
    namespace: &Namespace,
    prefix: &'a str,
    after: Option<&str>,
) -> impl Iterator<Item = (&'a RecordId, &'a Arc<Stored>)> + use<'a> {
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(RecordId::new(after)),
        _ => Bound::Included(RecordId::new(prefix)),
    };
    let space = store.spaces.get(namespace);
    space.into_iter().flat_map(move |space| space.records.range((start.clone(), Bound::Unbounded)))
}

/// Writes a page token: the last id, in hexadecimal so that nobody mistakes it for one.
pub(crate) fn write_token(last: &str) -> String {
    hex(last)
}

pub(crate) fn read_token(token: &str) -> Answer<String> {
    let refused = || Refusal::invalid(format!("Invalid pagination token: {token}"));
    let digits = token.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    String::from_utf8(bytes.ok_or_else(refused)?).map_err(|_| refused())
}

/// Refuses a query whose result would exceed 4 MB: ids, scores and the requested parts.
fn check_result(hits: &[Hit], query: &Query) -> Answer<()> {
    let size = |hit: &Hit| {
        let record = &hit.stored.record;
        let values = if query.include_values {
            record.dense().dimension() * 4 + record.sparse().map_or(0, |s| s.len() * 8)
        } else {
            0
        };
        let metadata = if query.include_metadata { record.metadata.json_bytes() } else { 0 };
        record.id.text().len() + 4 + values + metadata
    };
    let bytes: usize = hits.iter().map(size).sum();
    if bytes <= limits::RESULT_BYTES {
        return Ok(());
    }
    let message = format!(
        "The query result of {bytes} bytes is over the limit of {} bytes: lower topK or include less",
        limits::RESULT_BYTES
    );
    Err(Refusal::new(400, Code::OutOfRange, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_last_id() {
        assert_eq!(read_token(&write_token("a b/é")).unwrap(), "a b/é");
        assert_eq!(read_token("xyz").unwrap_err().status, 400);
    }
}
