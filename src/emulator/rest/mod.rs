//! The data plane over REST.

mod imports;
mod namespaces;
mod reply;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use crate::model::{Namespace, Record, RecordId};
use crate::pinecone_wire::json::{
    self, FetchAnswer, Int, ListAnswer, ListItem, MatchBody, Pagination, QueryAnswer, RecordBody,
    Sparse, StatsAnswer, Summary, UpdateAnswer, UpsertAnswer, Usage,
};
use crate::pinecone_wire::{Malformed, Operation, parameter, words};

use super::checks;
use super::data::{Call, Deletion, FetchByMetadata, Page, Query, Reply, Update};
use super::error::{Answer, Refusal};
use super::floats::rounded;
use super::incoming::Incoming;
use super::knn::Hit;
use super::store::{Change, Stored};
use reply::ok;

/// Answers a request to the data plane.
pub(crate) async fn answer(call: Call, incoming: Incoming) -> Response<Body> {
    let answer = match call.check() {
        Ok(()) => call.run(move |call| perform(call, &incoming)).await,
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(|refusal| refusal.data())
}

fn perform(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    match call.operation {
        Operation::Upsert => upsert(call, incoming),
        Operation::Query => query(call, incoming),
        Operation::Update => update(call, incoming),
        Operation::Delete => delete(call, incoming),
        Operation::Fetch => fetch(call, incoming),
        Operation::FetchByMetadata => fetch_by_metadata(call, incoming),
        Operation::List => list(call, incoming),
        Operation::Stats => stats(call, incoming),
        Operation::ListNamespaces => namespaces::list(call, incoming),
        Operation::CreateNamespace => namespaces::create(call, incoming),
        Operation::DescribeNamespace => namespaces::describe(call, incoming),
        Operation::DeleteNamespace => namespaces::delete(call, incoming),
        Operation::StartImport => imports::start(call, incoming),
        Operation::ListImports => imports::list(call, incoming),
        Operation::DescribeImport => imports::describe(call, incoming),
        Operation::CancelImport => imports::cancel(call, incoming),
        _ => Err(Refusal::not_found("not found")),
    }
}

fn upsert(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    checks::check_upsert_bytes(incoming.body.len())?;
    let body: json::Upsert = incoming.read()?;
    let read = |body: RecordBody<'_>| {
        let record = body.into_record()?;
        Ok(Record { metadata: rounded(record.metadata), ..record })
    };
    let records: Result<Vec<_>, Malformed> = body.vectors.into_iter().map(read).collect();
    let reply = call.upsert(namespace(body.namespace), records?, incoming.body.len())?;
    ok(reply.map(|count| UpsertAnswer { upserted_count: Int(count.into()) }))
}

fn query(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: json::Query = incoming.read()?;
    let namespace = namespace(body.namespace);
    let query = Query {
        vector: body.vector.unwrap_or_default().0,
        id: id(body.id),
        sparse: body.sparse_vector.map(Sparse::into_vector).transpose()?,
        top_k: body.top_k,
        filter: body.filter.map(Cow::into_owned),
        include_values: body.include_values,
        include_metadata: body.include_metadata,
    };
    let reply = call.query(&namespace, &query)?;
    let body = QueryAnswer {
        matches: reply.body.items.iter().map(|hit| shown(hit, &query)).collect(),
        namespace: Some(call.index.shown(&namespace).into()),
        usage: usage(reply.body.read_units),
    };
    ok(Reply { body, lsn: reply.lsn })
}

fn shown<'a>(hit: &'a Hit, query: &Query) -> MatchBody<'a> {
    let record = RecordBody::from(&hit.stored.record);
    MatchBody {
        id: record.id,
        score: hit.score,
        values: record.values.filter(|_| query.include_values).unwrap_or_default(),
        sparse_values: record.sparse_values.filter(|_| query.include_values),
        metadata: record.metadata.filter(|_| query.include_metadata),
    }
}

fn update(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: json::Update = incoming.read()?;
    let update = Update {
        id: id(body.id),
        filter: body.filter.map(Cow::into_owned),
        dry_run: body.dry_run,
        change: Change {
            vector: body.values.map(|values| values.0).filter(|vector| !vector.is_empty()),
            sparse: body.sparse_values.map(Sparse::into_vector).transpose()?,
            metadata: body.set_metadata.map(Cow::into_owned).map(rounded),
        },
    };
    let reply = call.update(namespace(body.namespace), update)?;
    ok(reply.map(|matched| UpdateAnswer {
        matched_records: matched.map(|matched| Int(matched.into())),
    }))
}

fn delete(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: json::Delete = incoming.read()?;
    let ids = body.ids.filter(|ids| !ids.is_empty());
    let ids = ids.map(|ids| ids.iter().map(RecordId::new).collect());
    let deletion = Deletion::of(ids, body.delete_all, body.filter.map(Cow::into_owned))?;
    ok(call.delete(namespace(body.namespace), deletion)?.map(|()| json!({})))
}

fn fetch(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let ids = incoming.parameters.iter().filter(|(key, _)| key == parameter::IDS);
    let ids: Vec<_> = ids.map(|(_, id)| RecordId::new(id)).collect();
    let namespace = incoming.namespace();
    records(call, &namespace, &call.fetch(&namespace, &ids)?)
}

fn fetch_by_metadata(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: json::FetchByMetadata = incoming.read()?;
    let request = FetchByMetadata {
        filter: body.filter.map(Cow::into_owned),
        limit: body.limit,
        token: body.pagination_token,
    };
    let namespace = namespace(body.namespace);
    records(call, &namespace, &call.fetch_by_metadata(&namespace, &request)?)
}

fn records(call: &Call, namespace: &Namespace, page: &Page<Arc<Stored>>) -> Answer<Response<Body>> {
    let vectors = page.items.iter().map(|stored| {
        let body = RecordBody::from(&stored.record);
        let values = Some(body.values.unwrap_or_default());
        (body.id.clone(), RecordBody { values, ..body })
    });
    let body = FetchAnswer {
        vectors: vectors.collect(),
        namespace: Some(call.index.shown(namespace).into()),
        usage: usage(page.read_units),
        pagination: Pagination::to(page.next.clone()),
    };
    ok(Reply::plain(body))
}

fn list(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let namespace = incoming.namespace();
    let prefix = incoming.parameter(parameter::PREFIX).unwrap_or_default();
    let page = call.list(&namespace, prefix, incoming.limit()?, incoming.page())?;
    let body = ListAnswer {
        vectors: page.items.iter().map(|id| ListItem { id: id.text() }).collect(),
        pagination: Pagination::to(page.next),
        namespace: Some(call.index.shown(&namespace).into()),
        usage: usage(page.read_units),
    };
    ok(Reply::plain(body))
}

fn stats(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: json::Stats = incoming.read()?;
    let (counts, total) = call.stats(body.filter.as_deref())?;
    let spec = call.index.spec();
    let summary = |(name, count): (_, &u64)| {
        (call.index.shown(name).into(), Summary { vector_count: Int(*count) })
    };
    ok(Reply::plain(StatsAnswer {
        namespaces: Some(counts.iter().map(summary).collect()),
        dimension: spec.dimension.map(|dimension| Int(dimension.into())),
        index_fullness: Some(0.0),
        total_vector_count: Int(total),
        metric: Some(words::metric(spec.metric).into()),
        vector_type: Some(words::vector_type(spec.vector_type).into()),
    }))
}

fn namespace(name: Option<Cow<'_, str>>) -> Namespace {
    Namespace::new(name.unwrap_or_default())
}

fn id(id: Option<Cow<'_, str>>) -> Option<RecordId> {
    id.filter(|id| !id.is_empty()).map(RecordId::new)
}

fn usage(units: Option<u32>) -> Option<Usage> {
    units.map(|read_units| Usage { read_units })
}
