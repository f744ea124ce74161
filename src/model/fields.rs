//! A sorted list of what has names: the fields of a record's metadata, and of an object in it.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a field. Records of one store have the same ones, and share them where they are read together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldName(Arc<str>);

impl FieldName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the bytes that it takes in memory beside its own: its text, and the two counts before that.
    pub(super) fn held_bytes(&self) -> usize {
        2 * size_of::<usize>() + self.0.len()
    }
}

impl Deref for FieldName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for FieldName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for FieldName {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for FieldName {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Fields in order of their names, each once. There are few as a rule, and so they stand side by side: a map of as many takes
/// three times the memory, and longer to make, to walk through and to drop.
#[derive(Clone, PartialEq)]
pub struct Named<V>(Vec<(FieldName, V)>);

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Named<V> {
    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&V> {
        self.find(name).ok().map(|at| &self.0[at].1)
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Puts a value in the place of what the name had, which is returned.
    pub fn insert(&mut self, name: impl Into<FieldName>, value: V) -> Option<V> {
        let name = name.into();
        match self.find(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<V> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> impl Iterator<Item = (&FieldName, &V)> {
        self.into_iter()
    }

    pub fn keys(&self) -> impl Iterator<Item = &FieldName> {
        self.0.iter().map(|(name, _)| name)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        match self.0.last() {
            // Who writes them in order has them read in order.
            Some((last, _)) if **last < *name => Err(self.0.len()),
            _ => self.0.binary_search_by(|(known, _)| (**known).cmp(name)),
        }
    }
}

/// Of several values of one name the last stays.
impl<N: Into<FieldName>, V> FromIterator<(N, V)> for Named<V> {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let named = fields.into_iter().map(|(name, value)| (name.into(), value));
        let mut fields: Vec<(FieldName, V)> = named.collect();
        if !fields.is_sorted_by(|(one, _), (next, _)| one < next) {
            fields.reverse();
            fields.sort_by(|(one, _), (next, _)| one.cmp(next));
            fields.dedup_by(|(next, _), (one, _)| next == one);
        }
        Self(fields)
    }
}

impl<N: Into<FieldName>, V, const M: usize> From<[(N, V); M]> for Named<V> {
    fn from(fields: [(N, V); M]) -> Self {
        fields.into_iter().collect()
    }
}

impl<N: Into<FieldName>, V> From<BTreeMap<N, V>> for Named<V> {
    fn from(fields: BTreeMap<N, V>) -> Self {
        fields.into_iter().collect()
    }
}

impl<N: Into<FieldName>, V> Extend<(N, V)> for Named<V> {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, fields: I) {
        fields.into_iter().for_each(|(name, value)| drop(self.insert(name, value)));
    }
}

impl<V> IntoIterator for Named<V> {
    type Item = (FieldName, V);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, V> IntoIterator for &'a Named<V> {
    type Item = (&'a FieldName, &'a V);
    type IntoIter =
        std::iter::Map<std::slice::Iter<'a, (FieldName, V)>, fn(&'a (FieldName, V)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl<V: fmt::Debug> fmt::Debug for Named<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<V: Serialize> Serialize for Named<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Named<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        BTreeMap::<FieldName, V>::deserialize(from).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A map is the rule; whatever is done to both, they hold the same.
        #[test]
        fn they_are_a_map(
            first in proptest::collection::vec(("[a-d]{0,2}", 0i64..9), 0..8),
            then in proptest::collection::vec(("[a-d]{0,2}", proptest::option::of(0i64..9)), 0..8),
        ) {
            let mut map: BTreeMap<String, i64> = first.iter().cloned().collect();
            let mut fields: Named<i64> = first.into_iter().collect();
            for (name, value) in then {
                prop_assert_eq!(fields.get(&name), map.get(&name));
                prop_assert_eq!(fields.contains_key(&name), map.contains_key(&name));
                match value {
                    Some(value) => prop_assert_eq!(
                        fields.insert(name.clone(), value), map.insert(name, value)
                    ),
                    None => prop_assert_eq!(fields.remove(&name), map.remove(&name)),
                }
            }
            prop_assert!(fields.iter().map(|(name, value)| (name.as_str(), value))
                .eq(map.iter().map(|(name, value)| (name.as_str(), value))));
            prop_assert_eq!(&fields, &Named::from(map.clone()));
            let json = serde_json::to_string(&fields).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&map).unwrap());
            prop_assert_eq!(serde_json::from_str::<Named<i64>>(&json).unwrap(), fields);
        }
    }
}
