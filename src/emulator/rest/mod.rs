//! The data plane over REST: JSON bodies in camelCase, errors as google `rpcStatus`.

mod imports;
mod namespaces;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{Metadata, Namespace, Record, RecordId, SparseVector, Vector};

use super::data::{Call, Deletion, FetchByMetadata, Page, Query, Reply, Update};
use super::error::{Answer, Refusal};
use super::store::Change;
use super::wire::{RecordJson, SparseBody};
use crate::pinecone_wire::Operation;
use crate::pinecone_wire::Version;

/// A REST request whose body has been read.
pub(crate) struct Incoming {
    /// The name in the path.
    pub name: String,
    pub version: Version,
    /// Decoded query parameters, in their order.
    pub parameters: Vec<(String, String)>,
    pub body: Bytes,
}

impl Incoming {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str) -> Answer<Option<u32>> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| Refusal::invalid(format!("{name} must be a number, got {text}")))
        };
        self.parameter(name).map(parse).transpose()
    }

    fn namespace(&self) -> Namespace {
        Namespace::new(self.parameter("namespace").unwrap_or_default())
    }

    fn read<T: DeserializeOwned>(&self) -> Answer<T> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))
    }
}

#[derive(Deserialize)]
struct UpsertBody {
    #[serde(default)]
    vectors: Vec<VectorBody>,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VectorBody {
    id: String,
    values: Option<Vec<f32>>,
    sparse_values: Option<SparseBody>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryBody {
    #[serde(default)]
    namespace: Option<String>,
    top_k: u32,
    vector: Option<Vec<f32>>,
    id: Option<String>,
    sparse_vector: Option<SparseBody>,
    filter: Option<Value>,
    #[serde(default)]
    include_values: bool,
    #[serde(default)]
    include_metadata: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateBody {
    #[serde(default)]
    namespace: Option<String>,
    id: Option<String>,
    values: Option<Vec<f32>>,
    sparse_values: Option<SparseBody>,
    set_metadata: Option<Metadata>,
    filter: Option<Value>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteBody {
    #[serde(default)]
    namespace: Option<String>,
    ids: Option<Vec<String>>,
    #[serde(default)]
    delete_all: bool,
    filter: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FetchByMetadataBody {
    #[serde(default)]
    namespace: Option<String>,
    filter: Option<Value>,
    limit: Option<u32>,
    pagination_token: Option<String>,
}

#[derive(Deserialize)]
struct StatsBody {
    filter: Option<Value>,
}

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
    super::checks::check_upsert_bytes(incoming.body.len())?;
    let body: UpsertBody = incoming.read()?;
    let records: Answer<Vec<Record>> = body.vectors.into_iter().map(VectorBody::record).collect();
    let reply = call.upsert(namespace(body.namespace), records?, incoming.body.len())?;
    ok(reply.map(|count| json!({ "upsertedCount": count })))
}

impl VectorBody {
    fn record(self) -> Answer<Record> {
        Ok(Record {
            id: self.id.into(),
            vector: Vector::from_values(self.values.unwrap_or_default()),
            sparse: sparse(self.sparse_values)?,
            metadata: self.metadata.unwrap_or_default(),
        })
    }
}

fn query(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: QueryBody = incoming.read()?;
    let namespace = namespace(body.namespace);
    let query = Query {
        vector: Vector::from_values(body.vector.unwrap_or_default()),
        id: body.id.filter(|id| !id.is_empty()).map(RecordId::from),
        sparse: sparse(body.sparse_vector)?,
        top_k: body.top_k,
        filter: body.filter,
        include_values: body.include_values,
        include_metadata: body.include_metadata,
    };
    let reply = call.query(&namespace, &query)?;
    let lsn = reply.lsn;
    let body = QueryAnswer {
        matches: reply
            .body
            .items
            .iter()
            .map(|hit| RecordJson {
                record: &hit.stored.record,
                score: Some(hit.score),
                has_values: query.include_values,
                has_metadata: query.include_metadata,
            })
            .collect(),
        namespace: call.index.shown(&namespace),
        usage: usage(reply.body.read_units),
    };
    ok(Reply { body, lsn })
}

#[derive(Serialize)]
struct QueryAnswer<'a> {
    matches: Vec<RecordJson<'a>>,
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

fn update(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: UpdateBody = incoming.read()?;
    let update = Update {
        id: body.id.filter(|id| !id.is_empty()).map(RecordId::from),
        filter: body.filter,
        dry_run: body.dry_run,
        change: Change {
            vector: body.values.filter(|values| !values.is_empty()).map(Vector::from_values),
            sparse: sparse(body.sparse_values)?,
            metadata: body.set_metadata,
        },
    };
    let reply = call.update(namespace(body.namespace), update)?;
    ok(reply.map(|matched| match matched {
        Some(matched) => json!({ "matchedRecords": matched }),
        None => json!({}),
    }))
}

fn delete(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: DeleteBody = incoming.read()?;
    let ids = body.ids.filter(|ids| !ids.is_empty());
    let deletion = deletion(ids, body.delete_all, body.filter)?;
    ok(call.delete(namespace(body.namespace), deletion)?.map(|()| json!({})))
}

/// Takes exactly one of the three ways to say what to delete.
pub(crate) fn deletion(
    ids: Option<Vec<String>>,
    is_all: bool,
    filter: Option<Value>,
) -> Answer<Deletion> {
    // An empty filter beside something else says nothing; alone it would be everything, which is refused.
    let says_all = ids.is_some() || is_all;
    let filter = filter.filter(|filter| !(says_all && filter == &json!({})));
    match (ids, is_all, filter) {
        (Some(ids), false, None) => {
            Ok(Deletion::Ids(ids.into_iter().map(RecordId::from).collect()))
        }
        (None, true, None) => Ok(Deletion::All),
        (None, false, Some(filter)) => Ok(Deletion::Filter(filter)),
        _ => Err(Refusal::invalid("A delete needs exactly one of ids, deleteAll and filter")),
    }
}

fn fetch(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let ids: Vec<_> = incoming
        .parameters
        .iter()
        .filter(|(key, _)| key == "ids")
        .map(|(_, id)| RecordId::new(id))
        .collect();
    let namespace = incoming.namespace();
    records(call, &namespace, &call.fetch(&namespace, &ids)?)
}

fn fetch_by_metadata(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: FetchByMetadataBody = incoming.read()?;
    let request =
        FetchByMetadata { filter: body.filter, limit: body.limit, token: body.pagination_token };
    let namespace = namespace(body.namespace);
    records(call, &namespace, &call.fetch_by_metadata(&namespace, &request)?)
}

fn records(
    call: &Call,
    namespace: &Namespace,
    page: &Page<std::sync::Arc<super::store::Stored>>,
) -> Answer<Response<Body>> {
    let body = FetchAnswer {
        vectors: Vectors(&page.items),
        namespace: call.index.shown(namespace),
        usage: usage(page.read_units),
        pagination: pagination(page.next.as_deref()),
    };
    ok(Reply::plain(body))
}

#[derive(Serialize)]
struct FetchAnswer<'a> {
    vectors: Vectors<'a>,
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Value>,
}

struct Vectors<'a>(&'a [std::sync::Arc<super::store::Stored>]);

impl Serialize for Vectors<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|stored| {
            let record = &stored.record;
            let view = RecordJson { record, score: None, has_values: true, has_metadata: true };
            (record.id.as_str(), view)
        }))
    }
}

fn list(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let namespace = incoming.namespace();
    let prefix = incoming.parameter("prefix").unwrap_or_default();
    let token = incoming.parameter("paginationToken").filter(|token| !token.is_empty());
    let page = call.list(&namespace, prefix, incoming.number("limit")?, token)?;
    let ids: Vec<_> = page.items.iter().map(|id| json!({ "id": id.as_str() })).collect();
    let mut body = json!({ "vectors": ids, "namespace": call.index.shown(&namespace) });
    add(&mut body, "pagination", pagination(page.next.as_deref()));
    add(&mut body, "usage", usage(page.read_units));
    ok(Reply::plain(body))
}

fn stats(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: StatsBody = incoming.read()?;
    let (counts, total) = call.stats(body.filter.as_ref())?;
    let spec = call.index.spec();
    let namespaces: serde_json::Map<_, _> = counts
        .iter()
        .map(|(name, count)| (call.index.shown(name).to_owned(), json!({ "vectorCount": count })))
        .collect();
    let mut body = json!({
        "namespaces": namespaces,
        "indexFullness": 0.0,
        "totalVectorCount": total,
        "metric": spec.metric.name(),
        "vectorType": vector_type(call),
    });
    add(&mut body, "dimension", spec.dimension.map(Value::from));
    ok(Reply::plain(body))
}

pub(crate) fn vector_type(call: &Call) -> &'static str {
    match call.index.vector_type {
        crate::model::VectorType::Dense => "dense",
        crate::model::VectorType::Sparse => "sparse",
    }
}

fn namespace(name: Option<String>) -> Namespace {
    Namespace::from(name.unwrap_or_default())
}

fn sparse(body: Option<SparseBody>) -> Answer<Option<SparseVector>> {
    body.map(SparseBody::read).transpose()
}

fn usage(units: Option<u32>) -> Option<Value> {
    units.map(|units| json!({ "readUnits": units }))
}

fn pagination(next: Option<&str>) -> Option<Value> {
    next.map(|next| json!({ "next": next }))
}

fn add(body: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        body[key] = value;
    }
}

fn ok<T: Serialize>(reply: Reply<T>) -> Answer<Response<Body>> {
    let text =
        serde_json::to_vec(&reply.body).map_err(|error| Refusal::invalid(error.to_string()))?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, number) in reply.lsn.headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    Ok(response)
}
