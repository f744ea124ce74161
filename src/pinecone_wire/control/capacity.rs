use serde::{Deserialize, Serialize};

use crate::pinecone_wire::words;

/// The read capacity of a serverless index, in requests and descriptions. Members that a change leaves out stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadCapacity {
    /// Mode: [`words::ON_DEMAND`] or [`words::DEDICATED`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedicated: Option<Dedicated>,
    /// Present in answers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CapacityStatus>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dedicated {
    /// Kind of node: one of [`words::NODE_TYPES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_type: Option<String>,
    /// Way to scale: [`words::MANUAL`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<Nodes>,
}

/// Nodes of a dedicated capacity; zero replicas disable the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Nodes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CapacityStatus {
    #[serde(default)]
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_shards: Option<u32>,
}

impl ReadCapacity {
    pub fn on_demand() -> Self {
        Self { mode: Some(words::ON_DEMAND.to_owned()), ..Self::default() }
    }

    pub fn dedicated(node_type: &str, replicas: u32, shards: u32) -> Self {
        let dedicated = Dedicated {
            node_type: Some(node_type.to_owned()),
            scaling: Some(words::MANUAL.to_owned()),
            manual: Some(Nodes { replicas: Some(replicas), shards: Some(shards) }),
        };
        let mode = Some(words::DEDICATED.to_owned());
        Self { mode, dedicated: Some(dedicated), status: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::is;
    use super::*;

    #[test]
    fn a_capacity_is_written_as_it_is_read() {
        let status = CapacityStatus { state: "Ready".to_owned(), ..CapacityStatus::default() };
        let on_demand = ReadCapacity { status: Some(status), ..ReadCapacity::on_demand() };
        is(&on_demand, json!({"mode": "OnDemand", "status": {"state": "Ready"}}));
        is(
            &ReadCapacity::dedicated("b1", 2, 1),
            json!({"mode": "Dedicated", "dedicated": {"node_type": "b1", "scaling": "Manual",
                "manual": {"replicas": 2, "shards": 1}}}),
        );
    }
}
