//! Things a run makes on the way and removes again: collections, staging indexes, folders of files, views.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Identity, View};

/// Something at the source or in the target's project that exists only for this run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resource {
    pub kind: ResourceKind,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A frozen copy of the source's records, from which an index is made.
    Collection,
    /// An index made from a collection, only to list the source's ids.
    StagingIndex,
    /// A folder of Parquet files that the target imports, by its URI.
    ImportFolder,
    /// A view of the source that its records are read from. It may be lost at any time.
    View,
}

/// What its service shows of a resource and what does not change once it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSeen {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Identity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    /// Records of a collection, which is frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Of a collection that is not there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_being_made: bool,
    /// The name that the source gave a view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl ResourceSeen {
    /// Why what is `now` there is another resource; `None` where nothing speaks against it.
    pub fn differs(&self, now: &Self) -> Option<String> {
        let index = self.index.as_ref().zip(now.index.as_ref());
        if let Some(why) = index.and_then(|(then, now)| then.differs(now)) {
            return Some(why);
        }
        if now.is_being_made && !self.is_being_made {
            return Some("it is being made".to_owned());
        }
        let other = |then: Option<u64>, now: Option<u64>| then.zip(now).filter(|(a, b)| a != b);
        let dimensions = (self.dimension.map(u64::from), now.dimension.map(u64::from));
        if let Some((then, now)) = other(dimensions.0, dimensions.1) {
            return Some(format!("its dimension is {now} and was {then}"));
        }
        let (then, now) = other(self.records, now.records)?;
        Some(format!(
            "it holds {} and held {}",
            super::plural(now, "record"),
            super::Observed::count(then)
        ))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ResourceKind::Collection => "collection",
            ResourceKind::StagingIndex => "staging index",
            ResourceKind::ImportFolder => "import folder",
            ResourceKind::View => "view",
        };
        write!(f, "{kind} `{}`", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_collection_is_known_by_what_it_holds() {
        let seen =
            |records, dimension| ResourceSeen { records, dimension, ..ResourceSeen::default() };
        assert_eq!(seen(Some(3), Some(8)).differs(&seen(Some(3), Some(8))), None);
        // One that goes shows no numbers any more.
        assert_eq!(seen(Some(3), Some(8)).differs(&seen(None, None)), None);
        assert!(seen(Some(3), Some(8)).differs(&seen(Some(4), Some(8))).is_some());
        assert!(seen(Some(3), Some(8)).differs(&seen(Some(3), Some(16))).is_some());
        let begun = ResourceSeen { is_being_made: true, ..ResourceSeen::default() };
        assert!(seen(Some(3), Some(8)).differs(&begun).is_some());
        assert_eq!(begun.differs(&seen(Some(3), Some(8))), None);
    }
}
