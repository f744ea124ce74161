//! The bodies of the control plane, in snake_case: `index` for the versions up to 2026-04, which have `dimension`,
//! `metric` and `spec`; `schema` for 2026-07, which has `schema` and `deployment`. The rest is the same in both.

mod backup;
mod capacity;
mod collection;
mod index;
pub(crate) mod schema;

pub(crate) use backup::{BackupModel, CreateBackup, RestoreBackup, RestoreJob, RestoreStarted};
pub(crate) use capacity::{CapacityStatus, Dedicated, ReadCapacity};
pub(crate) use collection::{CollectionModel, Collections, CreateCollection};
pub(crate) use index::{
    ConfigureIndex, ConfigureSpec, CreateIndex, IndexModel, Indexes, PodChange, PodSpec,
    Serverless, Spec, UnknownMetric,
};

use serde::{Deserialize, Serialize};

/// The state of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    #[serde(default)]
    pub ready: bool,
    #[serde(default)]
    pub state: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;

    /// Checks that `message` is written as `expected` and read from it.
    pub(super) fn is<T: Serialize + DeserializeOwned + PartialEq + Debug>(
        message: &T,
        expected: Value,
    ) {
        let text = serde_json::to_string(message).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *message);
    }
}
