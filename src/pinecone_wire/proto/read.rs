//! Records and ids read straight from an answer, without the messages in between: the counterpart of `write`.

use std::str;

use bytes::{Buf, Bytes};
use prost::encoding::varint::decode_varint;
use prost::encoding::wire_type::WireType;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use prost::{DecodeError, Message};

use super::convert::{from_vector, record_of};
use super::metadata::{self, Names};
use super::piece::take;
use super::{ListResponse, Rope, SparseValues, Usage, unpacked};
use crate::model::{Record, RecordId};
use crate::pinecone_wire::Malformed;
use crate::pinecone_wire::limits::LIST_IDS;

/// Reads a page of ids, and the token of the next one, which is none if it is empty.
///
/// # Errors
/// That of decoding it as a [`ListResponse`].
pub(crate) fn listed(mut answer: Rope) -> Result<(Vec<RecordId>, Option<String>), DecodeError> {
    let page = answer.copy_to_bytes(answer.remaining());
    if let Some(listed) = ids(&page) {
        return Ok(listed);
    }
    let list = ListResponse::decode(page)?;
    let ids = list.vectors.into_iter().map(|item| RecordId::from(item.id)).collect();
    Ok((ids, list.pagination.map(|page| page.next).filter(|next| !next.is_empty())))
}

/// Reads a page of ids; `None` for what is no such page, and for parts that are twice there.
fn ids(mut page: &[u8]) -> Option<(Vec<RecordId>, Option<String>)> {
    let (mut ids, mut next) = (Vec::with_capacity(LIST_IDS), None);
    while !page.is_empty() {
        match take(&mut page)? {
            (1, Some(own)) => ids.push(RecordId::from(text(own)?)),
            (2, Some(own)) if next.is_none() => next = Some(text(own)?),
            (3, Some(own)) => _ = str::from_utf8(own).ok()?,
            (4, Some(own)) => _ = Usage::decode(own).ok()?,
            (1..=4, _) => return None,
            _ => {}
        }
    }
    Some((ids, next.filter(|next| !next.is_empty()).map(str::to_owned)))
}

/// Reads a message whose first field is a text.
fn text(mut message: &[u8]) -> Option<&str> {
    let mut text = "";
    while !message.is_empty() {
        if let (1, own) = take(&mut message)? {
            text = str::from_utf8(own?).ok()?;
        }
    }
    Some(text)
}

/// Reads the records of an answer to a fetch of so many ids, whose keys, which are the ids that the records have as well, are
/// passed over. Dense values share the answer's bytes where they are in one piece.
///
/// # Errors
/// That of decoding it as a [`FetchResponse`](super::FetchResponse) with its numbers one by one, if it is neither. Each
/// record has its own.
pub(crate) fn fetched(
    answer: Rope,
    asked: usize,
) -> Result<Vec<Result<Record, Malformed>>, DecodeError> {
    if let Some(records) = packed(answer.clone(), asked) {
        return Ok(records);
    }
    let answer = unpacked::FetchResponse::decode(answer)?;
    Ok(answer.vectors.into_values().map(|vector| from_vector(vector.into())).collect())
}

/// Reads the records of an answer whose numbers are packed; `None` if it is another, or none.
fn packed(mut answer: Rope, asked: usize) -> Option<Vec<Result<Record, Malformed>>> {
    let (mut records, mut names) = (Vec::with_capacity(asked), Names::default());
    while answer.has_remaining() {
        match decode_key(&mut answer).ok()? {
            (1, WireType::LengthDelimited) => {}
            (1, _) => return None,
            (tag, wire_type) => {
                skip_field(wire_type, tag, &mut answer, DecodeContext::default()).ok()?;
                continue;
            }
        }
        let length = usize::try_from(decode_varint(&mut answer).ok()?).ok()?;
        if length > answer.remaining() {
            return None;
        }
        let entry = answer.copy_to_bytes(length);
        let (mut rest, mut vector) = (&*entry, None);
        while !rest.is_empty() {
            match take(&mut rest)? {
                (2, Some(own)) if vector.is_none() => vector = Some(own),
                (2, _) => return None,
                _ => {}
            }
        }
        if let Some(vector) = vector {
            records.push(record(&entry, vector, &mut names)?);
        }
    }
    Some(records)
}

/// Reads a record from the part of `all` that is its message; `None` for fields that are not what they should be, or twice
/// there, which are then parts of one.
fn record(all: &Bytes, mut message: &[u8], names: &mut Names) -> Option<Result<Record, Malformed>> {
    let (mut id, mut values, mut sparse, mut metadata) = ("", None, None, None);
    while !message.is_empty() {
        match take(&mut message)? {
            (1, Some(own)) => id = str::from_utf8(own).ok()?,
            (2, Some(own)) if values.is_none() => values = Some(all.slice_ref(own)),
            (3, Some(own)) if metadata.is_none() => metadata = Some(metadata::read(own, names)?),
            (4, Some(own)) if sparse.is_none() => {
                sparse = Some(SparseValues::decode(all.slice_ref(own)).ok()?);
            }
            (1..=4, _) => return None,
            _ => {}
        }
    }
    Some(record_of(id, values.unwrap_or_default(), sparse, metadata.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{SparseVector, Vector, Vectors};
    use crate::pinecone_wire::proto::{self, FetchResponse, ListItem, Pagination, to_vector};

    /// An answer with these records, in pieces that end after every `each` bytes.
    fn answer(records: &[Record], each: usize) -> Rope {
        let entry = |record: &Record| (format!("key of {}", record.id), to_vector(record));
        let vectors = records.iter().map(entry).collect();
        let usage = Some(proto::Usage { read_units: Some(7) });
        pieces(&FetchResponse { vectors, namespace: "ns".to_owned(), usage }.encode_to_vec(), each)
    }

    fn pieces(message: &[u8], each: usize) -> Rope {
        let mut rope = Rope::default();
        message.chunks(each).for_each(|piece| rope.push(Bytes::copy_from_slice(piece)));
        rope
    }

    fn record(id: &str, values: Vec<f32>) -> Record {
        let sparse = SparseVector::new(vec![7, 300], Vector::from_values([0.1, -0.0]));
        let json = r#"{"n":1.5,"s":"é","b":true,"l":["x","y"],"z":null,"o":{"p":{"q":[]}}}"#;
        Record {
            id: id.into(),
            vectors: Vectors::plain(Vector::from_values(values), sparse),
            metadata: serde_json::from_str(json).unwrap(),
        }
    }

    fn sorted(answer: Rope) -> Vec<Record> {
        let mut records: Vec<Record> =
            fetched(answer, 1).unwrap().into_iter().map(Result::unwrap).collect();
        records.sort_by(|a, b| a.id.cmp(&b.id));
        records
    }

    /// Writes a field whose value has a length.
    fn field(number: u8, own: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, own.len() as u8][..], own].concat()
    }

    fn entry(vector: &[u8]) -> Rope {
        pieces(&field(1, &[field(1, b"a"), field(2, vector)].concat()), 1_000)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn records_are_read_wherever_the_pieces_of_an_answer_end(
            ids in proptest::collection::btree_set("[a-z]{1,9}", 0..5), each in 1usize..200,
        ) {
            let records: Vec<Record> =
                ids.iter().map(|id| record(id, vec![0.5, f32::MIN_POSITIVE, -0.0])).collect();
            prop_assert!(packed(answer(&records, each), records.len()).is_some());
            prop_assert_eq!(sorted(answer(&records, each)), records);
        }

        #[test]
        fn a_page_of_ids_is_read_as_the_derived_message_reads_it(
            names in proptest::collection::vec("[a-é]{0,9}", 0..5),
            next in proptest::option::of("[a-z]{0,9}"),
            each in 1usize..50,
        ) {
            let vectors = names.iter().map(|id| ListItem { id: id.clone() }).collect();
            let pagination = next.clone().map(|next| Pagination { next });
            let usage = Some(proto::Usage { read_units: Some(7) });
            let page = ListResponse { vectors, pagination, namespace: "ns".to_owned(), usage };
            let page = page.encode_to_vec();
            let expected: Vec<RecordId> = names.iter().map(|id| RecordId::from(id.as_str())).collect();
            let expected = (expected, next.filter(|next| !next.is_empty()));
            prop_assert_eq!(ids(&page), Some(expected.clone()));
            prop_assert_eq!(listed(pieces(&page, each)).unwrap(), expected);
        }

        /// What the derived message refuses is refused, and what it reads is read alike.
        #[test]
        fn bytes_that_are_no_page_of_ids_are_refused(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0u8..40], 0..24),
        ) {
            let derived = ListResponse::decode(&*bytes).ok().map(|list| {
                let ids = list.vectors.into_iter().map(|item| RecordId::from(item.id)).collect();
                let next = list.pagination.map(|page| page.next).filter(|next| !next.is_empty());
                (ids, next)
            });
            prop_assert_eq!(listed(pieces(&bytes, 9)).ok(), derived);
        }

        /// Whatever the bytes are, they are read or refused, and never as more than they say.
        #[test]
        fn bytes_that_are_no_answer_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let is_derived = FetchResponse::decode(&*bytes).is_ok();
            prop_assert!(fetched(pieces(&bytes, 9), 0).is_ok() || !is_derived);
        }
    }

    #[test]
    fn values_share_the_answer() {
        let whole = answer(&[record("a", vec![1.0; 8])], usize::MAX);
        let range = whole.chunk().as_ptr_range();
        let found = sorted(whole.clone());
        assert!(range.contains(&found[0].dense().as_le_bytes().as_ptr()));
    }

    /// What the derived messages read otherwise is left to them: numbers one by one, and in parts.
    #[test]
    fn numbers_one_by_one_and_in_parts_are_the_same_record() {
        let values = Vector::from_values([0.5, -2.0]);
        let (first, second) = values.as_le_bytes().split_at(4);
        let one_by_one = [&[2 << 3 | 5], first, &[2 << 3 | 5], second].concat();
        let in_parts = [field(2, first), field(2, second)].concat();
        for numbers in [field(2, values.as_le_bytes()), one_by_one, in_parts] {
            let found = sorted(entry(&[field(1, b"a"), numbers].concat()));
            assert_eq!((found[0].id.text().as_ref(), found[0].dense()), ("a", &values));
        }
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_id() {
        let cut = [field(1, b"a"), field(2, b"12345")].concat();
        let found = fetched(entry(&cut), 1).map(|records| records.into_iter().next());
        assert!(matches!(found, Ok(Some(Err(Malformed { .. })))), "{found:?}");
        assert!(fetched(pieces(b"<html>", 3), 1).is_err());
        assert!(fetched(entry(&field(1, &[0xff])), 1).is_err(), "an id that is no text");
    }
}
