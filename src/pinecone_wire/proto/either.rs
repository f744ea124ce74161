//! Decoding of a message whichever way its numbers were sent.
//!
//! Most generated clients pack numbers; proto3 allows them one by one as well, and that is how Pinecone's Python SDK
//! 10 sends sparse values.

use bytes::Buf;
use prost::{DecodeError, Message};

use super::{QueryRequest, UpdateRequest, UpsertRequest, unpacked};

/// A message that carries vectors, and its form with every number by itself.
pub(crate) trait Either: Message + Default + From<Self::Unpacked> {
    type Unpacked: Message + Default;
}

impl Either for UpsertRequest {
    type Unpacked = unpacked::UpsertRequest;
}

impl Either for QueryRequest {
    type Unpacked = unpacked::QueryRequest;
}

impl Either for UpdateRequest {
    type Unpacked = unpacked::UpdateRequest;
}

/// Decodes `message`; packed values share its bytes where they are in one piece.
///
/// # Errors
/// The error of decoding it as a packed message, if it is no unpacked one either.
pub(crate) fn decode_either<M: Either>(message: impl Buf + Clone) -> Result<M, DecodeError> {
    M::decode(message.clone())
        .or_else(|error| M::Unpacked::decode(message).map(Into::into).map_err(|_| error))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{SparseValues, Vector};
    use super::*;
    use crate::model;

    const VALUES: [f32; 2] = [0.5, -2.0];

    fn packed() -> Bytes {
        model::Vector::from_values(VALUES).as_le_bytes().clone()
    }

    /// Writes field `number` twice, each as a 32-bit number (wire type 5), instead of once as bytes.
    fn one_by_one(number: u8) -> Vec<u8> {
        VALUES
            .iter()
            .flat_map(|value| [&[number << 3 | 5][..], &value.to_le_bytes()].concat())
            .collect()
    }

    /// Writes a field whose value is a message of its own.
    fn inside(number: u8, message: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, message.len() as u8][..], message].concat()
    }

    fn sparse() -> SparseValues {
        SparseValues { indices: vec![7, 9], values: packed() }
    }

    fn sparse_one_by_one() -> Vec<u8> {
        [b"\x0a\x02\x07\x09".to_vec(), one_by_one(2)].concat()
    }

    #[test]
    fn numbers_sent_one_by_one_are_the_same_upsert() {
        let vector = Vector { id: "a".to_owned(), values: packed(), ..Default::default() };
        let expected = UpsertRequest { vectors: vec![vector], namespace: "ns".to_owned() };
        let vector = [b"\x0a\x01a".to_vec(), one_by_one(2)].concat();
        let message = [inside(1, &vector), b"\x12\x02ns".to_vec()].concat();
        assert_eq!(decode_either::<UpsertRequest>(&*message), Ok(expected.clone()));
        assert_eq!(decode_either::<UpsertRequest>(&*expected.encode_to_vec()), Ok(expected));
    }

    #[test]
    fn numbers_sent_one_by_one_are_the_same_query_and_update() {
        let message =
            [b"\x10\x03".to_vec(), one_by_one(7), inside(9, &sparse_one_by_one())].concat();
        let expected = QueryRequest {
            top_k: 3,
            vector: packed(),
            sparse_vector: Some(sparse()),
            ..Default::default()
        };
        assert_eq!(decode_either::<QueryRequest>(&*message), Ok(expected));

        let message = [b"\x0a\x01a".to_vec(), inside(5, &sparse_one_by_one())].concat();
        let expected = UpdateRequest {
            id: "a".to_owned(),
            sparse_values: Some(sparse()),
            ..Default::default()
        };
        assert_eq!(decode_either::<UpdateRequest>(&*message), Ok(expected));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(decode_either::<UpsertRequest>(Bytes::from_static(b"\xff\xff\xff")).is_err());
    }
}
