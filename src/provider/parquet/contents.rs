use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::model::{Namespace, Record};

/// What a set of records holds: counts, and a checksum over everything in them that does not depend on their
/// order. Two sets with equal contents hold the same records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub namespaces: BTreeMap<Namespace, u64>,
    pub records: u64,
    sum: u128,
}

impl Contents {
    pub fn add(&mut self, namespace: &Namespace, record: &Record) {
        match self.namespaces.get_mut(namespace) {
            Some(count) => *count += 1,
            None => {
                self.namespaces.insert(namespace.clone(), 1);
            }
        }
        self.records += 1;
        self.sum = self.sum.wrapping_add(digest(namespace, record));
    }

    /// `sum:<hex>`: the sum of each record's SHA-256, cut to 128 bits.
    pub fn checksum(&self) -> String {
        format!("sum:{:032x}", self.sum)
    }
}

/// Every part with its length before it, so that no two records have the same bytes.
fn digest(namespace: &Namespace, record: &Record) -> u128 {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(namespace.as_str().as_bytes());
    part(record.id.as_str().as_bytes());
    part(record.vector.as_le_bytes());
    // No sparse values and an empty list of them are the same record.
    let sparse = record.sparse.as_ref().map(|sparse| sparse.sorted()).unwrap_or_default();
    let sparse: Vec<u8> = sparse
        .iter()
        .flat_map(|(index, value)| [index.to_le_bytes(), value.to_le_bytes()])
        .flatten()
        .collect();
    part(&sparse);
    part(&serde_json::to_vec(&record.metadata).unwrap_or_default());
    let digest = hash.finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, RecordId, SparseVector, Vector};

    fn record(id: &str) -> Record {
        Record {
            id: RecordId::from(id),
            vector: Vector::from_values([1.0]),
            sparse: None,
            metadata: Metadata::default(),
        }
    }

    fn contents(records: &[Record]) -> Contents {
        let mut contents = Contents::default();
        records.iter().for_each(|record| contents.add(&Namespace::from("n"), record));
        contents
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let (a, b) = (record("a"), record("b"));
        assert_eq!(contents(&[a.clone(), b.clone()]), contents(&[b.clone(), a.clone()]));
        assert_ne!(contents(&[a.clone(), a.clone()]), contents(&[a.clone(), b]));
        let other = Record { vector: Vector::from_values([-1.0]), ..a.clone() };
        assert_ne!(contents(std::slice::from_ref(&a)), contents(&[other]));
        let sparse = SparseVector::new(vec![1, 0], Vector::from_values([0.1, 0.2]));
        let turned = SparseVector::new(vec![0, 1], Vector::from_values([0.2, 0.1]));
        let with = |sparse| Record { sparse, ..record("a") };
        assert_eq!(contents(&[with(sparse.clone())]), contents(&[with(turned)]));
        assert_ne!(contents(&[a]), contents(&[with(sparse)]));
    }
}
