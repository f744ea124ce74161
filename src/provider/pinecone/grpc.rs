//! The data plane over gRPC, with calls written by hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::HeaderValue;
use prost::Message;
use tonic::Status;
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::channel::GrpcOnly;
use super::plane::IdPage;
use super::plane::{Answer, Plane};
use super::records::{filter_fields, whole};
use super::version::InUse;
use super::{error, unary};
use crate::error::{Error, Result};
use crate::model::{Filter, IndexStats, Namespace, Quality, Record, RecordId};
use crate::pinecone_wire::proto::{self, Rope, path};
use crate::pinecone_wire::{API_KEY, API_VERSION, Lsn, limits};
use crate::provider::Secret;
use crate::store::{Match, Query};

/// Time after which a call is given up, whatever the layers above allow.
const LONGEST_CALL: Duration = Duration::from_secs(120);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of one answer, and of all together, that a peer may send before it hears that they were read. Less than is on its
/// way at 10 Gbit/s over 20 ms would hold the peer up; what arrives is bounded by what was asked for.
const STREAM_WINDOW: u32 = 16 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;

/// The largest piece of an answer: the fewer pieces, the less there is to do for each.
const FRAME_BYTES: u32 = 128 * 1024;

/// One channel to one index host; many calls share it.
pub struct GrpcPlane {
    channel: GrpcOnly,
    address: String,
    key: HeaderValue,
    version: Arc<InUse>,
    /// True once a call was answered as gRPC.
    spoke: AtomicBool,
    /// True if the first call found no gRPC here.
    unfit: AtomicBool,
    spare: Spare,
}

/// Buffers that upserts were sent from, to write the next ones into: memory that was touched before costs less.
#[derive(Default)]
struct Spare(Mutex<Vec<BytesMut>>);

/// Buffers that are kept. Each is as large as a request may be, and is held when nothing is sent as well.
const SPARE: usize = 4;

impl Spare {
    fn take(&self) -> BytesMut {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps a buffer that nothing is left to send from.
    fn put(&self, sent: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < SPARE
            && let Ok(buffer) = sent.try_into_mut()
        {
            kept.push(buffer);
        }
    }
}

impl GrpcPlane {
    /// Makes a channel to `address` (with its scheme); connects on first use.
    pub fn new(address: &str, key: &Secret, version: Arc<InUse>, user_agent: &str) -> Result<Self> {
        let invalid = |error: tonic::transport::Error| {
            Error::invalid("the index host is not an address")
                .with_context("address", address)
                .with_source(error)
        };
        let mut endpoint = Endpoint::from_shared(address.to_owned())
            .and_then(|endpoint| endpoint.user_agent(user_agent.to_owned()))
            .map_err(invalid)?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(LONGEST_CALL)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME_BYTES);
        if address.starts_with("https://") {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint.tls_config(tls).map_err(invalid)?;
        }
        let mut key = HeaderValue::from_str(key.expose())
            .map_err(|_| Error::invalid("the API key holds characters a header cannot carry"))?;
        key.set_sensitive(true);
        Ok(Self {
            channel: GrpcOnly(endpoint.connect_lazy()),
            address: address.to_owned(),
            key,
            version,
            spoke: AtomicBool::new(false),
            unfit: AtomicBool::new(false),
            spare: Spare::default(),
        })
    }

    /// Returns whether nothing ever answered as gRPC here and the last call found out why.
    pub fn is_unfit(&self) -> bool {
        self.unfit.load(Ordering::Relaxed) && !self.spoke.load(Ordering::Relaxed)
    }

    async fn call(&self, path: &'static str, message: &impl Message) -> Result<Answer<Rope>> {
        self.send(path, proto::framed(message)).await
    }

    /// Sends a framed message and hands the answer on undecoded, so that what cannot be decoded one way can be decoded
    /// another.
    async fn send(&self, path: &'static str, framed: Bytes) -> Result<Answer<Rope>> {
        let mut request = unary::request(path, framed);
        let version = HeaderValue::from_static(self.version.version().word());
        request.headers_mut().insert(API_KEY, self.key.clone());
        request.headers_mut().insert(API_VERSION, version);
        match unary::call(self.channel.clone(), request).await {
            Ok((value, headers)) => {
                self.spoke.store(true, Ordering::Relaxed);
                let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
                Ok(Answer { lsn: Lsn::read(header), value })
            }
            Err(status) => Err(self.failed(&status)),
        }
    }

    fn failed(&self, status: &Status) -> Error {
        if error::is_not_grpc(status) {
            self.unfit.store(true, Ordering::Relaxed);
        } else {
            self.spoke.store(true, Ordering::Relaxed);
        }
        error::from_status(status, &self.address)
    }
}

#[async_trait]
impl Plane for GrpcPlane {
    async fn stats(&self, filter: Option<&Filter>) -> Result<IndexStats> {
        let filter = filter.map(filter_fields).transpose()?;
        let request = proto::DescribeIndexStatsRequest { filter };
        let answer = self.call(path::DESCRIBE_INDEX_STATS, &request).await?;
        let stats: proto::DescribeIndexStatsResponse = decode(answer.value)?;
        let mut counts = IndexStats {
            dimension: stats.dimension.filter(|dimension| *dimension > 0),
            total: u64::from(stats.total_vector_count),
            quality: Quality::Lagging,
            ..Default::default()
        };
        for (name, summary) in stats.namespaces {
            *counts.namespaces.entry(Namespace::from(name)).or_default() +=
                u64::from(summary.vector_count);
        }
        Ok(counts)
    }

    async fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<IdPage> {
        let request = proto::ListRequest {
            prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
            limit: Some(limits::LIST_IDS as u32),
            pagination_token: page.map(str::to_owned),
            namespace: namespace.as_str().to_owned(),
        };
        let answer = self.call(path::LIST, &request).await?;
        let (ids, next) = proto::listed(answer.value).map_err(error::undecodable)?;
        Ok(IdPage { ids, next })
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Answer<Vec<Record>>> {
        let answer = self.send(path::FETCH, proto::framed_fetch(namespace, ids)).await?;
        let found = proto::fetched(answer.value, ids.len()).map_err(error::undecodable)?;
        let records = found.into_iter().map(whole).collect::<Result<_>>()?;
        Ok(Answer { value: records, lsn: answer.lsn })
    }

    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Answer<Vec<Match>>> {
        let filter = query.filter.as_ref().map(filter_fields).transpose()?;
        let request = proto::QueryRequest {
            namespace: namespace.as_str().to_owned(),
            top_k: query.limit,
            filter,
            vector: query.vectors.dense().as_le_bytes().clone(),
            sparse_vector: query.vectors.sparse().map(proto::to_sparse),
            ..Default::default()
        };
        let answer = self.call(path::QUERY, &request).await?;
        let found: proto::QueryResponse = decode(answer.value)?;
        let matches = found
            .matches
            .into_iter()
            .map(|found| Match { id: RecordId::from(found.id), score: found.score })
            .collect();
        Ok(Answer { value: matches, lsn: answer.lsn })
    }

    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Answer<u64>> {
        let framed = proto::framed_upsert(self.spare.take(), namespace, records);
        let sent = framed.clone();
        let answer = self.send(path::UPSERT, framed).await;
        self.spare.put(sent);
        let answer = answer?;
        let upserted: proto::UpsertResponse = decode(answer.value)?;
        Ok(Answer { value: u64::from(upserted.upserted_count), lsn: answer.lsn })
    }

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        let request = proto::DeleteRequest {
            ids: strings(ids),
            namespace: namespace.as_str().to_owned(),
            ..Default::default()
        };
        self.call(path::DELETE, &request).await.map(drop)
    }

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        let request = proto::DeleteRequest {
            filter: Some(filter_fields(filter)?),
            namespace: namespace.as_str().to_owned(),
            ..Default::default()
        };
        self.call(path::DELETE, &request).await.map(drop)
    }

    async fn delete_all(&self, namespace: &Namespace) -> Result<()> {
        let request = proto::DeleteRequest {
            delete_all: true,
            namespace: namespace.as_str().to_owned(),
            ..Default::default()
        };
        self.call(path::DELETE, &request).await.map(drop)
    }

    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let request = proto::NamespaceRequest { namespace: namespace.explicit().to_owned() };
        self.call(path::DELETE_NAMESPACE, &request).await.map(drop)
    }
}

fn decode<M: Message + Default>(answer: Rope) -> Result<M> {
    M::decode(answer).map_err(error::undecodable)
}

fn strings(ids: &[RecordId]) -> Vec<String> {
    ids.iter().map(|id| id.text().into_owned()).collect()
}
