//! The codec of upserts: it also reads what a peer sends that does not pack its numbers.

use bytes::{Buf, Bytes};
use prost::{DecodeError, Message};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::ProstCodec;

use crate::model::Vector;
use crate::provider::pinecone::proto;

type Packed = ProstCodec<proto::UpsertResponse, proto::UpsertRequest>;

#[derive(Default)]
pub(crate) struct UpsertCodec(Packed);

#[derive(Default)]
pub(crate) struct UpsertDecoder;

impl Codec for UpsertCodec {
    type Encode = proto::UpsertResponse;
    type Decode = proto::UpsertRequest;
    type Encoder = <Packed as Codec>::Encoder;
    type Decoder = UpsertDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        UpsertDecoder
    }
}

impl Decoder for UpsertDecoder {
    type Item = proto::UpsertRequest;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let message = source.copy_to_bytes(source.remaining());
        read(message).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Numbers come packed from every generated client; proto3 allows them one by one as well.
fn read(message: Bytes) -> Result<proto::UpsertRequest, DecodeError> {
    proto::UpsertRequest::decode(message.clone()).or_else(|error| {
        let unpacked = proto::unpacked::UpsertRequest::decode(message).map_err(|_| error)?;
        let vectors = unpacked.vectors.into_iter().map(packed).collect();
        Ok(proto::UpsertRequest { vectors, namespace: unpacked.namespace })
    })
}

fn packed(vector: proto::unpacked::Vector) -> proto::Vector {
    let bytes = |values: Vec<f32>| Vector::from_values(values).as_le_bytes().clone();
    proto::Vector {
        id: vector.id,
        values: bytes(vector.values),
        metadata: vector.metadata,
        sparse_values: vector.sparse_values.map(|sparse| proto::SparseValues {
            indices: sparse.indices,
            values: bytes(sparse.values),
        }),
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
        assert_eq!(read(message.into()).unwrap(), packed_request());
        assert_eq!(read(packed_request().encode_to_vec().into()).unwrap(), packed_request());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(read(Bytes::from_static(b"\xff\xff\xff")).is_err());
    }
}
