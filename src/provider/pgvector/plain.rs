//! Records of one vector and metadata, as the other connectors have them, and those of a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fit::Misfit;
use super::record::{Embedding, Record};
use crate::model::{Namespace, Record as PlainRecord, Vectors};

/// The columns' vectors that are a plain record's two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub dense: Option<Arc<str>>,
    pub sparse: Option<Arc<str>>,
}

impl Names {
    /// Makes a plain record.
    ///
    /// # Errors
    /// The vector that a plain record has no place for.
    pub fn plain(&self, record: Record) -> Result<PlainRecord, Misfit> {
        let Record { id, mut vectors, metadata, .. } = record;
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
        Ok(PlainRecord {
            id,
            vectors: Vectors::plain(
                match dense {
                    Some(Embedding::Dense(vector)) => vector,
                    _ => Default::default(),
                },
                match sparse {
                    Some(Embedding::Sparse(sparse)) => Some(sparse),
                    _ => None,
                },
            ),
            metadata,
        })
    }

    /// Makes a record of a table.
    ///
    /// # Errors
    /// The vector that the table has no column for.
    pub fn record(&self, partition: &Namespace, plain: &PlainRecord) -> Result<Record, Misfit> {
        let mut vectors = BTreeMap::new();
        if !plain.dense().is_empty() {
            let name = self.dense.as_ref().ok_or_else(|| without_column("dense"))?;
            vectors.insert(name.clone(), Embedding::Dense(plain.dense().clone()));
        }
        if let Some(sparse) = plain.sparse().filter(|sparse| !sparse.is_empty()) {
            let name = self.sparse.as_ref().ok_or_else(|| without_column("sparse"))?;
            vectors.insert(name.clone(), Embedding::Sparse(sparse.clone()));
        }
        Ok(Record {
            id: plain.id.clone(),
            partition: partition.clone(),
            vectors,
            metadata: plain.metadata.clone(),
        })
    }
}

fn without_column(what: &str) -> Misfit {
    Misfit::new("vector_without_column", what, format!("there is no column for {what} vectors"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, SparseVector, Value, Vector};

    #[test]
    fn a_record_comes_back_from_its_plain_form() {
        let names = Names { dense: Some("d".into()), sparse: Some("s".into()) };
        let dense = Vector::from_values([1.0, -0.0]);
        let sparse = SparseVector::new(vec![3], Vector::from_values([1.5])).unwrap();
        let metadata = Metadata([("long".to_owned(), Value::I64(9_007_199_254_740_993))].into());
        let record = Record {
            id: "a".into(),
            partition: Namespace::new("tenant"),
            vectors: [
                ("d".into(), Embedding::Dense(dense.clone())),
                ("s".into(), Embedding::Sparse(sparse.clone())),
            ]
            .into(),
            metadata,
        };
        let plain = names.plain(record.clone()).unwrap();
        assert_eq!((plain.dense(), plain.sparse()), (&dense, Some(&sparse)));
        assert_eq!(plain.metadata, record.metadata);
        assert_eq!(names.record(&record.partition, &plain).unwrap(), record);

        let none = Names::default();
        assert_eq!(none.plain(record.clone()).unwrap_err().rule, "other_vector");
        assert_eq!(
            none.record(&record.partition, &plain).unwrap_err().rule,
            "vector_without_column"
        );
    }
}
