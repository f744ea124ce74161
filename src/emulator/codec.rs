//! The codec of requests with vectors: it also reads what a peer sends that does not pack its numbers.

use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use prost::{DecodeError, Message};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::ProstCodec;

use crate::model::Vector;
use crate::provider::pinecone::proto::{self, unpacked};

/// A message that takes its numbers as bytes, and its twin that takes them packed or one by one.
pub(crate) trait Twinned: Message + Default + 'static {
    type Twin: Message + Default + Into<Self>;
}

impl Twinned for proto::UpsertRequest {
    type Twin = unpacked::UpsertRequest;
}

impl Twinned for proto::QueryRequest {
    type Twin = unpacked::QueryRequest;
}

impl Twinned for proto::UpdateRequest {
    type Twin = unpacked::UpdateRequest;
}

pub(crate) struct VectorCodec<Answered, Asked>(ProstCodec<Answered, Asked>);

pub(crate) struct VectorDecoder<Asked>(PhantomData<Asked>);

impl<Answered, Asked> Default for VectorCodec<Answered, Asked> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<Answered: Message + 'static, Asked: Twinned> Codec for VectorCodec<Answered, Asked> {
    type Encode = Answered;
    type Decode = Asked;
    type Encoder = <ProstCodec<Answered, Asked> as Codec>::Encoder;
    type Decoder = VectorDecoder<Asked>;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        VectorDecoder(PhantomData)
    }
}

impl<Asked: Twinned> Decoder for VectorDecoder<Asked> {
    type Item = Asked;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Asked>, Status> {
        let message = source.copy_to_bytes(source.remaining());
        read(message).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Numbers come packed from most generated clients; proto3 allows them one by one as well.
fn read<Asked: Twinned>(message: Bytes) -> Result<Asked, DecodeError> {
    Asked::decode(message.clone())
        .or_else(|error| Asked::Twin::decode(message).map(Into::into).map_err(|_| error))
}

fn packed(values: Vec<f32>) -> Bytes {
    Vector::from_values(values).as_le_bytes().clone()
}

impl From<unpacked::UpsertRequest> for proto::UpsertRequest {
    fn from(twin: unpacked::UpsertRequest) -> Self {
        let vectors = twin.vectors.into_iter().map(Into::into).collect();
        Self { vectors, namespace: twin.namespace }
    }
}

impl From<unpacked::Vector> for proto::Vector {
    fn from(twin: unpacked::Vector) -> Self {
        Self {
            id: twin.id,
            values: packed(twin.values),
            metadata: twin.metadata,
            sparse_values: twin.sparse_values.map(Into::into),
        }
    }
}

impl From<unpacked::SparseValues> for proto::SparseValues {
    fn from(twin: unpacked::SparseValues) -> Self {
        Self { indices: twin.indices, values: packed(twin.values) }
    }
}

impl From<unpacked::QueryRequest> for proto::QueryRequest {
    fn from(twin: unpacked::QueryRequest) -> Self {
        Self {
            namespace: twin.namespace,
            top_k: twin.top_k,
            filter: twin.filter,
            include_values: twin.include_values,
            include_metadata: twin.include_metadata,
            vector: packed(twin.vector),
            id: twin.id,
            sparse_vector: twin.sparse_vector.map(Into::into),
        }
    }
}

impl From<unpacked::UpdateRequest> for proto::UpdateRequest {
    fn from(twin: unpacked::UpdateRequest) -> Self {
        Self {
            id: twin.id,
            values: packed(twin.values),
            set_metadata: twin.set_metadata,
            namespace: twin.namespace,
            sparse_values: twin.sparse_values.map(Into::into),
            filter: twin.filter,
            dry_run: twin.dry_run,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed_request() -> proto::UpsertRequest {
        let values = Vector::from_values([0.5, -2.0]).as_le_bytes().clone();
        let vector = proto::Vector { id: "a".to_owned(), values, ..Default::default() };
        proto::UpsertRequest { vectors: vec![vector], namespace: "ns".to_owned() }
    }

    #[test]
    fn numbers_sent_one_by_one_are_the_same_request() {
        // Field 2 of the vector twice, each as a 32-bit number (wire type 5), instead of once as bytes.
        let mut vector = b"\x0a\x01a".to_vec();
        for value in [0.5_f32, -2.0] {
            vector.push(0x15);
            vector.extend(value.to_le_bytes());
        }
        let mut message = vec![0x0a, vector.len() as u8];
        message.extend(vector);
        message.extend(b"\x12\x02ns");
        assert_eq!(read::<proto::UpsertRequest>(message.into()).unwrap(), packed_request());
        let again: proto::UpsertRequest = read(packed_request().encode_to_vec().into()).unwrap();
        assert_eq!(again, packed_request());
    }

    #[test]
    fn a_query_whose_sparse_values_come_one_by_one_is_understood() {
        // Field 9, sparse values: index 7 as a packed field 1, value 2.0 as a 32-bit number in field 2.
        let message = b"\x10\x05\x4a\x08\x0a\x01\x07\x15\x00\x00\x00\x40";
        let query: proto::QueryRequest = read(Bytes::from_static(message)).unwrap();
        let sparse = query.sparse_vector.unwrap();
        assert_eq!((query.top_k, sparse.indices), (5, vec![7]));
        assert_eq!(sparse.values, Vector::from_values([2.0]).as_le_bytes());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(read::<proto::UpsertRequest>(Bytes::from_static(b"\xff\xff\xff")).is_err());
    }
}
