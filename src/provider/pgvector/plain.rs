//! Records of one vector and metadata, as the other connectors have them, and those of a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fit::Misfit;
use super::record::{Embedding, Id, Record};
use super::value::{Payload, Value};
use crate::model::{Metadata, MetadataValue, Namespace, Record as PlainRecord, RecordId};

/// The columns' vectors that are a plain record's two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub dense: Option<Arc<str>>,
    pub sparse: Option<Arc<str>>,
}

impl Names {
    /// Makes a plain record. A number that no float keeps becomes its digits, a time its text.
    ///
    /// # Errors
    /// The vector or field that a plain record has no place for: another vector, or bytes.
    pub fn plain(&self, record: Record) -> Result<PlainRecord, Misfit> {
        let Record { id, mut vectors, payload, .. } = record;
        let mut take =
            |name: &Option<Arc<str>>| name.as_ref().and_then(|name| vectors.remove(name));
        let (dense, sparse) = (take(&self.dense), take(&self.sparse));
        if let Some(name) = vectors.keys().next() {
            return Err(Misfit::new(
                "other_vector",
                name,
                format!("there is no place for the vector `{name}`"),
            ));
        }
        let metadata = payload.0.into_iter().map(|(name, value)| {
            let value = metadata(value).ok_or_else(|| {
                Misfit::new("bytes", &name, format!("the field `{name}` holds bytes"))
            })?;
            Ok((name, value))
        });
        Ok(PlainRecord {
            id: RecordId::from(id.to_string()),
            vector: match dense {
                Some(Embedding::Dense(vector)) => vector,
                _ => Default::default(),
            },
            sparse: match sparse {
                Some(Embedding::Sparse(sparse)) => Some(sparse),
                _ => None,
            },
            metadata: Metadata(metadata.collect::<Result<_, _>>()?),
        })
    }

    /// Makes a record of a table. Its id is a text, which a column of numbers or UUIDs takes if it is one.
    ///
    /// # Errors
    /// The vector that the table has no column for.
    pub fn record(&self, partition: &Namespace, plain: &PlainRecord) -> Result<Record, Misfit> {
        let mut vectors = BTreeMap::new();
        if !plain.vector.is_empty() {
            let name = self.dense.as_ref().ok_or_else(|| without_column("dense"))?;
            vectors.insert(name.clone(), Embedding::Dense(plain.vector.clone()));
        }
        if let Some(sparse) = plain.sparse.as_ref().filter(|sparse| !sparse.is_empty()) {
            let name = self.sparse.as_ref().ok_or_else(|| without_column("sparse"))?;
            vectors.insert(name.clone(), Embedding::Sparse(sparse.clone()));
        }
        let fields = plain.metadata.0.iter().map(|(name, found)| (name.clone(), value(found)));
        Ok(Record {
            id: Id::text(plain.id.as_str()),
            partition: partition.clone(),
            vectors,
            payload: Payload(fields.collect()),
        })
    }
}

fn without_column(what: &str) -> Misfit {
    Misfit::new("vector_without_column", what, format!("there is no column for {what} vectors"))
}

fn metadata(value: Value) -> Option<MetadataValue> {
    Some(match value {
        Value::Null => MetadataValue::Null,
        Value::Bool(value) => MetadataValue::Bool(value),
        Value::I64(number) => i128::from(number).into(),
        Value::U64(number) => i128::from(number).into(),
        Value::F64(number) => MetadataValue::Number(number),
        Value::Decimal(digits) => MetadataValue::Digits(digits),
        Value::Text(text) | Value::Time(text) => MetadataValue::String(text),
        Value::Bytes(_) => return None,
        Value::List(items) => {
            MetadataValue::List(items.into_iter().map(metadata).collect::<Option<_>>()?)
        }
        Value::Map(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Some((name, metadata(value)?)));
            MetadataValue::Object(fields.collect::<Option<_>>()?)
        }
    })
}

fn value(found: &MetadataValue) -> Value {
    match found {
        MetadataValue::Null => Value::Null,
        MetadataValue::Bool(value) => Value::Bool(*value),
        MetadataValue::Number(number) => Value::F64(*number),
        // It has digits that no float keeps, and they are JSON's.
        MetadataValue::Digits(digits) => {
            Value::from_json(digits).unwrap_or_else(|_| Value::Decimal(digits.clone()))
        }
        MetadataValue::String(text) => Value::Text(text.clone()),
        MetadataValue::List(items) => Value::List(items.iter().map(value).collect()),
        MetadataValue::Object(fields) => {
            Value::Map(fields.iter().map(|(name, found)| (name.clone(), value(found))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SparseVector, Vector};

    #[test]
    fn a_record_comes_back_from_its_plain_form() {
        let names = Names { dense: Some("d".into()), sparse: Some("s".into()) };
        let dense = Vector::from_values([1.0, -0.0]);
        let sparse = SparseVector::new(vec![3], Vector::from_values([1.5])).unwrap();
        let fields = [
            ("long", Value::I64(9_007_199_254_740_993)),
            ("larger", Value::U64(u64::MAX)),
            ("half", Value::F64(0.5)),
            ("digits", Value::Decimal("1.10".into())),
            ("list", Value::List(vec![Value::Null, Value::Bool(true), Value::Text("x".into())])),
        ];
        let record = Record {
            id: Id::text("a"),
            partition: Namespace::new("tenant"),
            vectors: [
                ("d".into(), Embedding::Dense(dense.clone())),
                ("s".into(), Embedding::Sparse(sparse.clone())),
            ]
            .into(),
            payload: Payload(fields.map(|(name, value)| (name.to_owned(), value)).into()),
        };
        let plain = names.plain(record.clone()).unwrap();
        assert_eq!((&plain.vector, plain.sparse.as_ref()), (&dense, Some(&sparse)));
        assert_eq!(
            plain.metadata.get("long"),
            Some(&MetadataValue::Digits("9007199254740993".into()))
        );
        let mut back = names.record(&record.partition, &plain).unwrap();
        // The digits are kept as a number, whose last zero means nothing.
        assert_eq!(
            back.payload.0.insert("digits".into(), Value::Decimal("1.10".into())),
            Some(Value::F64(1.1))
        );
        assert_eq!(back, record);

        let none = Names::default();
        assert_eq!(none.plain(record.clone()).unwrap_err().rule, "other_vector");
        assert_eq!(
            none.record(&record.partition, &plain).unwrap_err().rule,
            "vector_without_column"
        );
        let bytes =
            Payload([("b".to_owned(), Value::List(vec![Value::Bytes(vec![1].into())]))].into());
        assert_eq!(names.plain(Record { payload: bytes, ..record }).unwrap_err().rule, "bytes");
    }
}
