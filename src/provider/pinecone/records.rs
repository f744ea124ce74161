//! Records read from either wire, and the error a client gets for a message that is no record.

use super::filter::render;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Filter, Metadata, Record};
use crate::pinecone_wire::{Fault, Malformed, proto};

/// Returns the record that was read; empty sparse values count as none.
pub fn whole(read: Result<Record, Malformed>) -> Result<Record> {
    let mut record = read.map_err(malformed)?;
    record.vectors.retain(|_, vector| !vector.is_empty());
    Ok(record)
}

fn malformed(malformed: Malformed) -> Error {
    let what = match malformed.fault {
        Fault::CutShort => "the values are not whole 4-byte floats",
        Fault::Uneven => "sparse indices and values differ in length",
    };
    Error::new(ErrorKind::Protocol, what).with_context("id", malformed.id)
}

/// Converts a filter for gRPC.
///
/// # Errors
/// `Unsupported`, with its place, for what cannot be said.
pub fn filter_fields(filter: &Filter) -> Result<Metadata> {
    proto::filter_to_fields(&render(filter)?)
        .ok_or_else(|| Error::invalid("a metadata filter must be an object"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SparseVector;

    #[test]
    fn empty_sparse_values_are_none() {
        let sparse = Some(proto::SparseValues::default());
        let vector =
            proto::Vector { id: "a".to_owned(), sparse_values: sparse, ..Default::default() };
        let read = proto::from_vector(vector);
        assert_eq!(read.clone().unwrap().sparse(), Some(&SparseVector::default()));
        assert_eq!(whole(read).unwrap().sparse(), None);
    }

    #[test]
    fn what_is_no_record_names_its_id() {
        let read = Err(Malformed { id: "a".to_owned(), fault: Fault::Uneven });
        let error = whole(read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.context().contains(&("id", "a".into())), "{error}");
    }
}
