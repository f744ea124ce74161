//! The data plane over gRPC: `VectorService` by path.

use axum::body::Body;
use axum::http::{Request, Response};
use prost::Message;
use tonic::codec::Codec;
use tonic::metadata::MetadataValue;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;

use crate::model::{Namespace, Record, RecordId};
use crate::pinecone_wire::json::MetadataSchema;
use crate::pinecone_wire::proto::{self, MESSAGE_BYTES};
use crate::pinecone_wire::{Operation, words};

use super::codec::EitherCodec;
use super::data::{Call, Deletion, FetchByMetadata, NamespaceView, Page, Query, Reply, Update};
use super::error::{Answer, Refusal};
use super::store::{Change, Stored};

/// Answers a gRPC request to the data plane.
pub(crate) async fn answer(call: Call, request: Request<Body>) -> Response<Body> {
    match call.operation {
        Operation::Upsert => unary_with(EitherCodec::default(), call, request, upsert).await,
        Operation::Query => unary_with(EitherCodec::default(), call, request, query).await,
        Operation::Update => unary_with(EitherCodec::default(), call, request, update).await,
        Operation::Delete => unary(call, request, delete).await,
        Operation::Fetch => unary(call, request, fetch).await,
        Operation::FetchByMetadata => unary(call, request, fetch_by_metadata).await,
        Operation::List => unary(call, request, list).await,
        Operation::Stats => unary(call, request, stats).await,
        Operation::ListNamespaces => unary(call, request, list_namespaces).await,
        Operation::CreateNamespace => unary(call, request, create_namespace).await,
        Operation::DescribeNamespace => unary(call, request, describe_namespace).await,
        Operation::DeleteNamespace => unary(call, request, delete_namespace).await,
        _ => refuse(&Refusal::not_found("not found")),
    }
}

pub(crate) fn refuse(refusal: &Refusal) -> Response<Body> {
    refusal.status().into_http()
}

async fn unary<Asked, Answered>(
    call: Call,
    request: Request<Body>,
    work: fn(&Call, Asked) -> Answer<Reply<Answered>>,
) -> Response<Body>
where
    Asked: Message + Default + 'static,
    Answered: Message + Default + 'static,
{
    unary_with(ProstCodec::<Answered, Asked>::default(), call, request, work).await
}

async fn unary_with<Asked, Answered>(
    codec: impl Codec<Encode = Answered, Decode = Asked>,
    call: Call,
    request: Request<Body>,
    work: fn(&Call, Asked) -> Answer<Reply<Answered>>,
) -> Response<Body>
where
    Asked: Message + Default + 'static,
    Answered: Message + Default + 'static,
{
    let service = tower::service_fn(move |request: tonic::Request<Asked>| {
        perform(call.clone(), request.into_inner(), work)
    });
    let mut grpc =
        Grpc::new(codec).apply_max_message_size_config(Some(MESSAGE_BYTES), Some(MESSAGE_BYTES));
    grpc.unary(service, request).await.map(Body::new)
}

async fn perform<Asked, Answered>(
    call: Call,
    asked: Asked,
    work: fn(&Call, Asked) -> Answer<Reply<Answered>>,
) -> Result<tonic::Response<Answered>, tonic::Status>
where
    Asked: Message + 'static,
    Answered: Message + 'static,
{
    call.check().map_err(|refusal| refusal.status())?;
    let reply = call.run(move |call| work(call, asked)).await;
    let reply = reply.map_err(|refusal| refusal.status())?;
    let mut response = tonic::Response::new(reply.body);
    for (name, number) in reply.lsn.headers() {
        response.metadata_mut().insert(name, MetadataValue::from(number));
    }
    Ok(response)
}

fn upsert(call: &Call, asked: proto::UpsertRequest) -> Answer<Reply<proto::UpsertResponse>> {
    let bytes = asked.encoded_len();
    let records: Result<Vec<Record>, _> =
        asked.vectors.into_iter().map(proto::from_vector).collect();
    let reply = call.upsert(Namespace::from(asked.namespace), records?, bytes)?;
    Ok(reply.map(|upserted_count| proto::UpsertResponse { upserted_count }))
}

fn query(call: &Call, asked: proto::QueryRequest) -> Answer<Reply<proto::QueryResponse>> {
    let namespace = Namespace::from(asked.namespace);
    let query = Query {
        vector: proto::vector_of(asked.vector)?,
        id: id(asked.id),
        sparse: asked.sparse_vector.map(proto::sparse_of).transpose()?,
        top_k: asked.top_k,
        filter: asked.filter.map(proto::filter_from_fields),
        include_values: asked.include_values,
        include_metadata: asked.include_metadata,
    };
    let reply = call.query(&namespace, &query)?;
    Ok(reply.map(|page| proto::QueryResponse {
        matches: page.items.iter().map(|hit| scored(&hit.stored, hit.score, &query)).collect(),
        namespace: call.index.shown(&namespace).to_owned(),
        usage: usage(page.read_units),
    }))
}

fn scored(stored: &Stored, score: f32, query: &Query) -> proto::ScoredVector {
    let record = &stored.record;
    let mut vector = proto::ScoredVector { id: record.id.to_string(), score, ..Default::default() };
    if query.include_values {
        vector.values = record.dense().as_le_bytes().clone();
        vector.sparse_values = record.sparse().map(proto::to_sparse);
    }
    if query.include_metadata {
        vector.metadata = proto::to_fields(&record.metadata);
    }
    vector
}

fn update(call: &Call, asked: proto::UpdateRequest) -> Answer<Reply<proto::UpdateResponse>> {
    let vector = proto::vector_of(asked.values)?;
    let update = Update {
        id: id(asked.id),
        filter: asked.filter.map(proto::filter_from_fields),
        dry_run: asked.dry_run.unwrap_or_default(),
        change: Change {
            vector: Some(vector).filter(|vector| !vector.is_empty()),
            sparse: asked.sparse_values.map(proto::sparse_of).transpose()?,
            metadata: asked.set_metadata,
        },
    };
    let reply = call.update(Namespace::from(asked.namespace), update)?;
    Ok(reply.map(|matched| {
        let matched_records = matched.and_then(|matched| i32::try_from(matched).ok());
        proto::UpdateResponse { matched_records }
    }))
}

fn delete(call: &Call, asked: proto::DeleteRequest) -> Answer<Reply<proto::DeleteResponse>> {
    let ids: Vec<_> = asked.ids.into_iter().map(RecordId::from).collect();
    let ids = Some(ids).filter(|ids| !ids.is_empty());
    let filter = asked.filter.map(proto::filter_from_fields);
    let deletion = Deletion::of(ids, asked.delete_all, filter)?;
    let reply = call.delete(Namespace::from(asked.namespace), deletion)?;
    Ok(reply.map(|()| proto::DeleteResponse {}))
}

fn fetch(call: &Call, asked: proto::FetchRequest) -> Answer<Reply<proto::FetchResponse>> {
    let namespace = Namespace::from(asked.namespace);
    let ids: Vec<_> = asked.ids.into_iter().map(RecordId::from).collect();
    let page = call.fetch(&namespace, &ids)?;
    Ok(Reply::plain(proto::FetchResponse {
        vectors: page.items.iter().map(|stored| entry(stored)).collect(),
        namespace: call.index.shown(&namespace).to_owned(),
        usage: usage(page.read_units),
    }))
}

fn fetch_by_metadata(
    call: &Call,
    asked: proto::FetchByMetadataRequest,
) -> Answer<Reply<proto::FetchByMetadataResponse>> {
    let namespace = Namespace::from(asked.namespace);
    let request = FetchByMetadata {
        filter: asked.filter.map(proto::filter_from_fields),
        limit: asked.limit,
        token: asked.pagination_token.filter(|token| !token.is_empty()),
    };
    let page = call.fetch_by_metadata(&namespace, &request)?;
    Ok(Reply::plain(proto::FetchByMetadataResponse {
        vectors: page.items.iter().map(|stored| entry(stored)).collect(),
        namespace: call.index.shown(&namespace).to_owned(),
        usage: usage(page.read_units),
        pagination: pagination(page.next),
    }))
}

fn list(call: &Call, asked: proto::ListRequest) -> Answer<Reply<proto::ListResponse>> {
    let namespace = Namespace::from(asked.namespace);
    let prefix = asked.prefix.unwrap_or_default();
    let token = asked.pagination_token.filter(|token| !token.is_empty());
    let page = call.list(&namespace, &prefix, asked.limit, token.as_deref())?;
    let Page { items, next, read_units } = page;
    Ok(Reply::plain(proto::ListResponse {
        vectors: items.iter().map(|id| proto::ListItem { id: id.to_string() }).collect(),
        pagination: pagination(next),
        namespace: call.index.shown(&namespace).to_owned(),
        usage: usage(read_units),
    }))
}

fn stats(
    call: &Call,
    asked: proto::DescribeIndexStatsRequest,
) -> Answer<Reply<proto::DescribeIndexStatsResponse>> {
    let filter = asked.filter.map(proto::filter_from_fields);
    let (counts, total) = call.stats(filter.as_ref())?;
    let spec = call.index.spec();
    let summary = |(name, count): (&Namespace, &u64)| {
        let summary = proto::NamespaceSummary { vector_count: *count as u32 };
        (call.index.shown(name).to_owned(), summary)
    };
    Ok(Reply::plain(proto::DescribeIndexStatsResponse {
        namespaces: counts.iter().map(summary).collect(),
        dimension: spec.dimension,
        index_fullness: 0.0,
        total_vector_count: total as u32,
        metric: Some(words::metric(spec.metric).to_owned()),
        vector_type: Some(words::vector_type(spec.vector_type).to_owned()),
        memory_fullness: None,
        storage_fullness: None,
    }))
}

fn list_namespaces(
    call: &Call,
    asked: proto::ListNamespacesRequest,
) -> Answer<Reply<proto::ListNamespacesResponse>> {
    let prefix = asked.prefix.unwrap_or_default();
    let (page, total) =
        call.list_namespaces(&prefix, asked.limit, asked.pagination_token.as_deref())?;
    Ok(Reply::plain(proto::ListNamespacesResponse {
        namespaces: page.items.iter().map(description).collect(),
        pagination: pagination(page.next),
        total_count: total as i32,
    }))
}

fn create_namespace(
    call: &Call,
    asked: proto::CreateNamespaceRequest,
) -> Answer<Reply<proto::NamespaceDescription>> {
    let schema = asked.schema.map(MetadataSchema::from);
    let view = call.create_namespace(&asked.name, schema.as_ref())?;
    Ok(Reply::plain(description(&view)))
}

fn describe_namespace(
    call: &Call,
    asked: proto::NamespaceRequest,
) -> Answer<Reply<proto::NamespaceDescription>> {
    let view = call.describe_namespace(&Namespace::from(asked.namespace))?;
    Ok(Reply::plain(description(&view)))
}

fn delete_namespace(
    call: &Call,
    asked: proto::NamespaceRequest,
) -> Answer<Reply<proto::DeleteResponse>> {
    call.delete_namespace(&Namespace::from(asked.namespace))?;
    Ok(Reply::plain(proto::DeleteResponse {}))
}

fn description(view: &NamespaceView) -> proto::NamespaceDescription {
    let fields = view.filterable.as_deref();
    proto::NamespaceDescription {
        name: view.name.clone(),
        record_count: view.record_count,
        schema: fields.map(|fields| MetadataSchema::of(fields).into()),
        indexed_fields: fields.map(|fields| proto::IndexedFields { fields: fields.to_vec() }),
    }
}

fn id(text: String) -> Option<RecordId> {
    (!text.is_empty()).then(|| text.into())
}

fn entry(stored: &Stored) -> (String, proto::Vector) {
    (stored.record.id.to_string(), proto::to_vector(&stored.record))
}

fn usage(units: Option<u32>) -> Option<proto::Usage> {
    units.map(|units| proto::Usage { read_units: Some(units) })
}

fn pagination(next: Option<String>) -> Option<proto::Pagination> {
    next.map(|next| proto::Pagination { next })
}
