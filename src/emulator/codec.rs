//! The codec of requests that carry vectors, packed or not.

use std::marker::PhantomData;

use bytes::Buf;
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::ProstCodec;

use crate::pinecone_wire::proto::{Either, decode_either};

/// Reads `Asked` whichever way its numbers come; writes `Answered`.
pub(crate) struct EitherCodec<Asked, Answered>(ProstCodec<Answered, Asked>);

impl<Asked, Answered> Default for EitherCodec<Asked, Answered> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

pub(crate) struct EitherDecoder<Asked>(PhantomData<fn() -> Asked>);

impl<Asked, Answered> Codec for EitherCodec<Asked, Answered>
where
    Asked: Either + 'static,
    Answered: Message + 'static,
{
    type Encode = Answered;
    type Decode = Asked;
    type Encoder = <ProstCodec<Answered, Asked> as Codec>::Encoder;
    type Decoder = EitherDecoder<Asked>;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        EitherDecoder(PhantomData)
    }
}

impl<Asked: Either> Decoder for EitherDecoder<Asked> {
    type Item = Asked;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Asked>, Status> {
        let message = source.copy_to_bytes(source.remaining());
        decode_either(message).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
