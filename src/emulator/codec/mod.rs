//! The codec of requests that carry vectors: it also reads what a peer sends that does not pack its numbers.
//!
//! Numbers come packed from most generated clients; proto3 allows them one by one as well, and that is how
//! Pinecone's Python SDK 10 sends sparse values.

mod unpacked;

use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use prost::{DecodeError, Message};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::ProstCodec;

use crate::provider::pinecone::proto;

pub(crate) type UpsertCodec =
    Lenient<proto::UpsertRequest, proto::unpacked::UpsertRequest, proto::UpsertResponse>;
pub(crate) type QueryCodec =
    Lenient<proto::QueryRequest, unpacked::QueryRequest, proto::QueryResponse>;
pub(crate) type UpdateCodec =
    Lenient<proto::UpdateRequest, unpacked::UpdateRequest, proto::UpdateResponse>;

/// Reads `Packed`, or `Unpacked` where that fails; writes `Answered`.
pub(crate) struct Lenient<Packed, Unpacked, Answered> {
    packed: ProstCodec<Answered, Packed>,
    unpacked: PhantomData<fn() -> Unpacked>,
}

impl<Packed, Unpacked, Answered> Default for Lenient<Packed, Unpacked, Answered> {
    fn default() -> Self {
        Self { packed: ProstCodec::default(), unpacked: PhantomData }
    }
}

pub(crate) struct LenientDecoder<Packed, Unpacked>(PhantomData<fn() -> (Packed, Unpacked)>);

impl<Packed, Unpacked, Answered> Codec for Lenient<Packed, Unpacked, Answered>
where
    Packed: Message + Default + From<Unpacked> + 'static,
    Unpacked: Message + Default + 'static,
    Answered: Message + 'static,
{
    type Encode = Answered;
    type Decode = Packed;
    type Encoder = <ProstCodec<Answered, Packed> as Codec>::Encoder;
    type Decoder = LenientDecoder<Packed, Unpacked>;

    fn encoder(&mut self) -> Self::Encoder {
        self.packed.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        LenientDecoder(PhantomData)
    }
}

impl<Packed, Unpacked> Decoder for LenientDecoder<Packed, Unpacked>
where
    Packed: Message + Default + From<Unpacked>,
    Unpacked: Message + Default,
{
    type Item = Packed;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Packed>, Status> {
        let message = source.copy_to_bytes(source.remaining());
        read::<Packed, Unpacked>(message)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

fn read<Packed, Unpacked>(message: Bytes) -> Result<Packed, DecodeError>
where
    Packed: Message + Default + From<Unpacked>,
    Unpacked: Message + Default,
{
    Packed::decode(message.clone())
        .or_else(|error| Unpacked::decode(message).map(Into::into).map_err(|_| error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Vector;

    fn bytes(values: [f32; 2]) -> Bytes {
        Vector::from_values(values).as_le_bytes().clone()
    }

    fn packed_upsert() -> proto::UpsertRequest {
        let values = bytes([0.5, -2.0]);
        let vector = proto::Vector { id: "a".to_owned(), values, ..Default::default() };
        proto::UpsertRequest { vectors: vec![vector], namespace: "ns".to_owned() }
    }

    fn read_upsert(message: Bytes) -> Result<proto::UpsertRequest, DecodeError> {
        read::<_, proto::unpacked::UpsertRequest>(message)
    }

    #[test]
    fn numbers_sent_one_by_one_are_the_same_upsert() {
        // Field 2 of the vector twice, each as a 32-bit number (wire type 5), instead of once as bytes.
        let mut vector = b"\x0a\x01a".to_vec();
        for value in [0.5_f32, -2.0] {
            vector.push(0x15);
            vector.extend(value.to_le_bytes());
        }
        let mut message = vec![0x0a, vector.len() as u8];
        message.extend(vector);
        message.extend(b"\x12\x02ns");
        assert_eq!(read_upsert(message.into()).unwrap(), packed_upsert());
        assert_eq!(read_upsert(packed_upsert().encode_to_vec().into()).unwrap(), packed_upsert());
    }

    #[test]
    fn numbers_sent_one_by_one_are_the_same_query_and_update() {
        let sparse = || unpacked::SparseValues { indices: vec![7, 9], values: vec![0.5, -2.0] };
        let packed = || proto::SparseValues { indices: vec![7, 9], values: bytes([0.5, -2.0]) };
        let query = unpacked::QueryRequest {
            top_k: 3,
            vector: vec![1.0, 2.0],
            sparse_vector: Some(sparse()),
            ..Default::default()
        };
        let expected = proto::QueryRequest {
            top_k: 3,
            vector: bytes([1.0, 2.0]),
            sparse_vector: Some(packed()),
            ..Default::default()
        };
        let message = query.encode_to_vec().into();
        assert_eq!(read::<_, unpacked::QueryRequest>(message), Ok(expected));

        let update = unpacked::UpdateRequest {
            id: "a".to_owned(),
            sparse_values: Some(sparse()),
            ..Default::default()
        };
        let expected = proto::UpdateRequest {
            id: "a".to_owned(),
            sparse_values: Some(packed()),
            ..Default::default()
        };
        let message = update.encode_to_vec().into();
        assert_eq!(read::<_, unpacked::UpdateRequest>(message), Ok(expected));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(read_upsert(Bytes::from_static(b"\xff\xff\xff")).is_err());
    }
}
