//! Upserts written straight from the records, framed as gRPC wants them.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use prost::encoding::varint::{encode_varint, encoded_len_varint};
use prost::encoding::wire_type::WireType;
use prost::encoding::{encode_key, key_len, uint32};

use crate::model::{Namespace, Record, RecordId, SparseVector};

/// Bytes that stand before a message of gRPC: whether it is compressed, and its length.
pub(crate) const FRAME: usize = 5;

/// A message with what gRPC puts before it, in a buffer that is as large as it must be and no larger.
pub(crate) fn framed<M: Message>(message: &M) -> Bytes {
    frame(BytesMut::new(), message.encoded_len(), |buf| message.encode_raw(buf))
}

fn frame(spare: BytesMut, length: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    // One that is too small would be copied, and made twice as large.
    let mut buf = match spare.capacity() >= FRAME + length {
        true => spare,
        false => BytesMut::with_capacity(FRAME + length),
    };
    buf.clear();
    buf.put_u8(0);
    // A message is at most 128 MiB.
    buf.put_u32(length as u32);
    write(&mut buf);
    buf.freeze()
}

/// An [`UpsertRequest`](super::UpsertRequest) of these records, framed, in `spare` where that is large enough. They are
/// written from where they are: each value is copied once.
pub(crate) fn framed_upsert(spare: BytesMut, namespace: &Namespace, records: &[Record]) -> Bytes {
    let name = namespace.as_str();
    // They stand before what they are the lengths of, and to find them out is to walk through all metadata.
    let lengths: Vec<Lengths> = records.iter().map(lengths).collect();
    let vectors: usize = lengths.iter().map(|lengths| nested_len(lengths.vector)).sum();
    frame(spare, vectors + text_len(name), |buf| {
        for (record, lengths) in records.iter().zip(&lengths) {
            open(1, lengths.vector, buf);
            encode_vector(record, lengths.metadata, buf);
        }
        put_text(2, name, buf);
    })
}

/// A [`FetchRequest`](super::FetchRequest) of these ids, framed.
pub(crate) fn framed_fetch(namespace: &Namespace, ids: &[RecordId]) -> Bytes {
    let name = namespace.as_str();
    let length = ids.iter().map(|id| nested_len(id.text().len())).sum::<usize>() + text_len(name);
    frame(BytesMut::new(), length, |buf| {
        for id in ids {
            let id = id.text();
            open(1, id.len(), buf);
            buf.put_slice(id.as_bytes());
        }
        put_text(2, name, buf);
    })
}

/// Bytes that `record` adds to an upsert.
pub(crate) fn record_bytes(record: &Record) -> usize {
    nested_len(lengths(record).vector)
}

/// The length of the [`Vector`](super::Vector) of a record, and that of the metadata in it.
struct Lengths {
    vector: usize,
    metadata: usize,
}

fn lengths(record: &Record) -> Lengths {
    let values = record.dense().as_le_bytes();
    let values = if values.is_empty() { 0 } else { nested_len(values.len()) };
    let metadata = record.metadata.encoded_len();
    let fields = if record.metadata.is_empty() { 0 } else { nested_len(metadata) };
    let sparse = kept_sparse(record).map_or(0, |sparse| nested_len(sparse_len(sparse)));
    Lengths { vector: text_len(&record.id.text()) + values + fields + sparse, metadata }
}

fn encode_vector(record: &Record, metadata: usize, buf: &mut BytesMut) {
    put_text(1, &record.id.text(), buf);
    let values = record.dense().as_le_bytes();
    if !values.is_empty() {
        open(2, values.len(), buf);
        buf.put_slice(values);
    }
    if !record.metadata.is_empty() {
        open(3, metadata, buf);
        record.metadata.encode_raw(buf);
    }
    if let Some(sparse) = kept_sparse(record) {
        open(4, sparse_len(sparse), buf);
        uint32::encode_packed(1, &sparse.indices, buf);
        open(2, sparse.values.as_le_bytes().len(), buf);
        buf.put_slice(sparse.values.as_le_bytes());
    }
}

fn kept_sparse(record: &Record) -> Option<&SparseVector> {
    record.sparse().filter(|sparse| !sparse.is_empty())
}

fn sparse_len(sparse: &SparseVector) -> usize {
    uint32::encoded_len_packed(1, &sparse.indices) + nested_len(sparse.values.as_le_bytes().len())
}

/// The length of a text of one of the first fields; an empty one is left out.
fn text_len(text: &str) -> usize {
    if text.is_empty() { 0 } else { nested_len(text.len()) }
}

fn put_text(tag: u32, text: &str, buf: &mut BytesMut) {
    if !text.is_empty() {
        open(tag, text.len(), buf);
        buf.put_slice(text.as_bytes());
    }
}

/// The length of one of the first fields with its key and its own length before it.
fn nested_len(length: usize) -> usize {
    key_len(1) + encoded_len_varint(length as u64) + length
}

fn open(tag: u32, length: usize, buf: &mut BytesMut) {
    encode_key(tag, WireType::LengthDelimited, buf);
    encode_varint(length as u64, buf);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, RecordId, Vector, Vectors};
    use crate::pinecone_wire::proto::{self, FetchRequest, UpsertRequest, from_vector};

    fn record() -> Record {
        let json = r#"{"n":1.5,"s":"x","b":true,"l":["é"],"z":null,"o":{"p":2.0}}"#;
        Record {
            id: RecordId::from("a"),
            vectors: Vectors::plain(
                Vector::from_values([1.0, -0.0, f32::MIN_POSITIVE, 1.0e-45]),
                SparseVector::new(vec![7, 300], Vector::from_values([0.1, 0.2])),
            ),
            metadata: serde_json::from_str(json).unwrap(),
        }
    }

    /// A record as the derived messages read what is written by hand.
    fn on_the_wire(record: &Record) -> proto::Vector {
        let framed = framed_upsert(BytesMut::new(), &"ns".into(), std::slice::from_ref(record));
        let (frame, message) = framed.split_at(FRAME);
        assert_eq!(frame[0], 0);
        assert_eq!(frame[1..], (message.len() as u32).to_be_bytes());
        let mut request = UpsertRequest::decode(message).unwrap();
        assert_eq!(request.namespace, "ns");
        assert_eq!(framed, self::framed(&request));
        request.vectors.remove(0)
    }

    #[test]
    fn a_record_survives_the_wire_bit_for_bit() {
        assert_eq!(from_vector(on_the_wire(&record())), Ok(record()));
    }

    #[test]
    fn a_fetch_is_the_message_that_the_derived_one_is() {
        for (name, ids) in [("ns", ["a", "é".repeat(100).as_str()]), ("", ["", "b"])] {
            let message =
                FetchRequest { ids: ids.map(str::to_owned).to_vec(), namespace: name.to_owned() };
            assert_eq!(framed_fetch(&name.into(), &ids.map(RecordId::from)), framed(&message));
        }
    }

    #[test]
    fn what_is_left_out_takes_no_byte() {
        let of = |dense: Vector, sparse| Record {
            vectors: Vectors::plain(dense, sparse),
            metadata: Metadata::default(),
            ..record()
        };
        let bare = of(record().dense().clone(), None);
        let empty = of(record().dense().clone(), Some(SparseVector::default()));
        assert_eq!(record_bytes(&bare), record_bytes(&empty));
        for record in [record(), bare, of(Vector::NONE, record().sparse().cloned())] {
            let alone = framed_upsert(BytesMut::new(), &"".into(), std::slice::from_ref(&record));
            assert_eq!(alone.len(), FRAME + record_bytes(&record));
            assert_eq!(on_the_wire(&record).id, "a");
        }
    }
}
