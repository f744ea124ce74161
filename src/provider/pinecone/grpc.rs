//! The data plane over gRPC, with calls written by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::{ClientTlsConfig, Endpoint};
use tonic_prost::{ProstCodec, ProstEncoder};

use super::channel::GrpcOnly;
use super::error;
use super::plane::{Answer, Plane};
use super::records::{filter_struct, whole};
use super::version::InUse;
use crate::error::{Error, Result};
use crate::model::{IndexStats, Namespace, Record, RecordId};
use crate::pinecone_wire::proto::{self, MESSAGE_BYTES, decode_either, path};
use crate::pinecone_wire::{API_KEY, API_VERSION, Lsn, limits};
use crate::provider::{Filter, IdPage, Match, Query, Secret};

/// Time after which a call is given up, whatever the layers above allow.
const LONGEST_CALL: Duration = Duration::from_secs(120);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One channel to one index host; many calls share it.
pub struct GrpcPlane {
    channel: GrpcOnly,
    address: String,
    key: MetadataValue<Ascii>,
    version: Arc<InUse>,
    /// True once a call was answered as gRPC.
    spoke: AtomicBool,
    /// True if the first call found no gRPC here.
    unfit: AtomicBool,
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
            .http2_adaptive_window(true);
        if address.starts_with("https://") {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint.tls_config(tls).map_err(invalid)?;
        }
        let mut key: MetadataValue<Ascii> = key
            .expose()
            .parse()
            .map_err(|_| Error::invalid("the API key holds characters a header cannot carry"))?;
        key.set_sensitive(true);
        Ok(Self {
            channel: GrpcOnly(endpoint.connect_lazy()),
            address: address.to_owned(),
            key,
            version,
            spoke: AtomicBool::new(false),
            unfit: AtomicBool::new(false),
        })
    }

    /// Returns whether nothing ever answered as gRPC here and the last call found out why.
    pub fn is_unfit(&self) -> bool {
        self.unfit.load(Ordering::Relaxed) && !self.spoke.load(Ordering::Relaxed)
    }

    async fn call<M>(&self, path: &'static str, message: M) -> Result<Answer<Bytes>>
    where
        M: Message + 'static,
    {
        let mut grpc = Grpc::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES);
        grpc.ready().await.map_err(|error| {
            let status = tonic::Status::from_error(error);
            self.failed(&status)
        })?;
        let mut request = tonic::Request::new(message);
        self.head(request.metadata_mut());
        let path = PathAndQuery::from_static(path);
        match grpc.unary(request, path, RawCodec(ProstCodec::default())).await {
            Ok(response) => {
                self.spoke.store(true, Ordering::Relaxed);
                let (metadata, value, _) = response.into_parts();
                let header = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok());
                Ok(Answer { lsn: Lsn::read(header), value })
            }
            Err(status) => Err(self.failed(&status)),
        }
    }

    fn failed(&self, status: &tonic::Status) -> Error {
        if error::is_not_grpc(status) {
            self.unfit.store(true, Ordering::Relaxed);
        } else {
            self.spoke.store(true, Ordering::Relaxed);
        }
        error::from_status(status, &self.address)
    }

    fn head(&self, metadata: &mut MetadataMap) {
        let version = MetadataValue::from_static(self.version.version().word());
        metadata.insert(API_KEY, self.key.clone());
        metadata.insert(API_VERSION, version);
    }
}

#[async_trait]
impl Plane for GrpcPlane {
    async fn stats(&self, filter: Option<&Filter>) -> Result<IndexStats> {
        let filter = filter.map(|filter| filter_struct(&filter.0)).transpose()?;
        let request = proto::DescribeIndexStatsRequest { filter };
        let answer = self.call(path::DESCRIBE_INDEX_STATS, request).await?;
        let stats: proto::DescribeIndexStatsResponse = decode(answer.value)?;
        let mut counts = IndexStats {
            dimension: stats.dimension.filter(|dimension| *dimension > 0),
            total: u64::from(stats.total_vector_count),
            ..Default::default()
        };
        for (name, summary) in stats.namespaces {
            *counts.namespaces.entry(Namespace::from(name)).or_default() +=
                u64::from(summary.vector_count);
        }
        Ok(counts)
    }

    async fn list(&self, namespace: &Namespace, page: Option<&str>) -> Result<IdPage> {
        let request = proto::ListRequest {
            prefix: None,
            limit: Some(limits::LIST_IDS as u32),
            pagination_token: page.map(str::to_owned),
            namespace: namespace.as_str().to_owned(),
        };
        let answer = self.call(path::LIST, request).await?;
        let list: proto::ListResponse = decode(answer.value)?;
        Ok(IdPage {
            ids: list.vectors.into_iter().map(|item| RecordId::from(item.id)).collect(),
            next: list.pagination.map(|page| page.next).filter(|next| !next.is_empty()),
        })
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Answer<Vec<Record>>> {
        let request =
            proto::FetchRequest { ids: strings(ids), namespace: namespace.as_str().to_owned() };
        let answer = self.call(path::FETCH, request).await?;
        let found: proto::FetchResponse =
            decode_either(answer.value).map_err(error::undecodable)?;
        let records = found.vectors.into_values().map(|vector| whole(proto::from_vector(vector)));
        Ok(Answer { value: records.collect::<Result<_>>()?, lsn: answer.lsn })
    }

    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Answer<Vec<Match>>> {
        let filter = query.filter.as_ref().map(|filter| filter_struct(&filter.0)).transpose()?;
        let request = proto::QueryRequest {
            namespace: namespace.as_str().to_owned(),
            top_k: query.top_k,
            filter,
            vector: query.vector.as_le_bytes().clone(),
            sparse_vector: query.sparse.as_ref().map(proto::to_sparse),
            ..Default::default()
        };
        let answer = self.call(path::QUERY, request).await?;
        let found: proto::QueryResponse = decode(answer.value)?;
        let matches = found
            .matches
            .into_iter()
            .map(|found| Match { id: RecordId::from(found.id), score: found.score })
            .collect();
        Ok(Answer { value: matches, lsn: answer.lsn })
    }

    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Answer<u64>> {
        let request = proto::UpsertRequest {
            vectors: records.iter().map(proto::to_vector).collect(),
            namespace: namespace.as_str().to_owned(),
        };
        let answer = self.call(path::UPSERT, request).await?;
        let upserted: proto::UpsertResponse = decode(answer.value)?;
        Ok(Answer { value: u64::from(upserted.upserted_count), lsn: answer.lsn })
    }

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        let request = proto::DeleteRequest {
            ids: strings(ids),
            namespace: namespace.as_str().to_owned(),
            ..Default::default()
        };
        self.call(path::DELETE, request).await.map(drop)
    }

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        let request = proto::DeleteRequest {
            filter: Some(filter_struct(&filter.0)?),
            namespace: namespace.as_str().to_owned(),
            ..Default::default()
        };
        self.call(path::DELETE, request).await.map(drop)
    }

    async fn delete_all(&self, namespace: &Namespace) -> Result<()> {
        let request = proto::DeleteRequest {
            delete_all: true,
            namespace: namespace.as_str().to_owned(),
            ..Default::default()
        };
        self.call(path::DELETE, request).await.map(drop)
    }

    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let request = proto::NamespaceRequest { namespace: namespace.explicit().to_owned() };
        self.call(path::DELETE_NAMESPACE, request).await.map(drop)
    }
}

fn decode<M: Message + Default>(answer: Bytes) -> Result<M> {
    M::decode(answer).map_err(error::undecodable)
}

fn strings(ids: &[RecordId]) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

/// A codec that encodes a message and hands the answer on undecoded, so that what cannot be decoded one way can be
/// decoded another, and records share its bytes.
struct RawCodec<M>(ProstCodec<M, ()>);

struct RawDecoder;

impl<M: Message + 'static> Codec for RawCodec<M> {
    type Encode = M;
    type Decode = Bytes;
    type Encoder = ProstEncoder<M>;
    type Decoder = RawDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        RawDecoder
    }
}

impl Decoder for RawDecoder {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(&mut self, answer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        Ok(Some(answer.copy_to_bytes(answer.remaining())))
    }
}
