//! The read capacity of a serverless index: on demand, or nodes of its own, which change after a while.
//!
//! It is reported but has no effect, except that an index with zero replicas is disabled.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::pinecone_wire::control::{CapacityStatus, Dedicated, ReadCapacity};
use crate::pinecone_wire::state::CapacityState;
use crate::pinecone_wire::words;

use super::error::{Answer, Code, Refusal};
use super::progress::{Ending, Progress};

/// A requested capacity that is possible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    #[default]
    OnDemand,
    Dedicated(Nodes),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nodes {
    pub node_type: String,
    pub replicas: u32,
    pub shards: u32,
}

impl Wanted {
    /// Reads a whole capacity; on demand if none is requested.
    pub fn read(asked: Option<&ReadCapacity>) -> Answer<Self> {
        asked.map_or(Ok(Self::OnDemand), |asked| Self::OnDemand.changed(asked))
    }

    /// Reads a change; settings of dedicated nodes that it leaves out stay.
    fn changed(&self, asked: &ReadCapacity) -> Answer<Self> {
        match asked.mode.as_deref() {
            Some(words::ON_DEMAND) => Ok(Self::OnDemand),
            Some(words::DEDICATED) => self.nodes(asked.dedicated.as_ref()).map(Self::Dedicated),
            _ => Err(Refusal::invalid("read_capacity.mode must be OnDemand or Dedicated.")),
        }
    }

    fn nodes(&self, asked: Option<&Dedicated>) -> Answer<Nodes> {
        let Some(asked) = asked else {
            return Err(Refusal::invalid("read_capacity of the mode Dedicated needs dedicated."));
        };
        let before = match self {
            Self::Dedicated(nodes) => Some(nodes),
            Self::OnDemand => None,
        };
        let node_type = asked.node_type.clone().or(before.map(|nodes| nodes.node_type.clone()));
        let node_type = node_type.filter(|kind| words::NODE_TYPES.contains(&kind.as_str()));
        let scaling = asked.scaling.as_deref();
        let is_manual = scaling == Some(words::MANUAL) || scaling.is_none() && before.is_some();
        let manual = asked.manual.unwrap_or_default();
        let replicas = manual.replicas.or(before.map(|nodes| nodes.replicas));
        let shards = manual.shards.or(before.map(|nodes| nodes.shards)).filter(|count| *count > 0);
        match (node_type, replicas, shards) {
            (Some(node_type), Some(replicas), Some(shards)) if is_manual => {
                Ok(Nodes { node_type, replicas, shards })
            }
            _ => Err(Refusal::invalid(
                "read_capacity.dedicated needs node_type b1 or t1, scaling Manual, and manual with replicas (0 or more) and shards (1 or more).",
            )),
        }
    }
}

/// The requested capacity and the previous one, which serves until the change is complete.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    wanted: Wanted,
    before: Wanted,
    change: Option<Progress>,
}

impl Capacity {
    pub fn new(wanted: Wanted) -> Self {
        Self { before: wanted.clone(), wanted, change: None }
    }

    /// Begins a change; refused while another is under way.
    pub fn change(&mut self, asked: &ReadCapacity, now: Timestamp, takes: Duration) -> Answer<()> {
        let wanted = self.wanted.changed(asked)?;
        if !self.is_settled(now) {
            let message = "The read capacity of the index is not Ready: wait until it is.";
            return Err(Refusal::new(403, Code::Forbidden, message));
        }
        self.before = std::mem::replace(&mut self.wanted, wanted);
        self.change = Some(Progress::new(now, takes, Ending::Well));
        Ok(())
    }

    pub fn is_disabled(&self, now: Timestamp) -> bool {
        matches!(self.current(now), Wanted::Dedicated(nodes) if nodes.replicas == 0)
    }

    pub fn model(&self, now: Timestamp) -> ReadCapacity {
        let mut status =
            CapacityStatus { state: self.state(now).word().to_owned(), ..Default::default() };
        if let Wanted::Dedicated(nodes) = self.current(now) {
            status.current_replicas = Some(nodes.replicas);
            status.current_shards = Some(nodes.shards);
        }
        let model = match &self.wanted {
            Wanted::OnDemand => ReadCapacity::on_demand(),
            Wanted::Dedicated(nodes) => {
                ReadCapacity::dedicated(&nodes.node_type, nodes.replicas, nodes.shards)
            }
        };
        ReadCapacity { status: Some(status), ..model }
    }

    fn is_settled(&self, now: Timestamp) -> bool {
        self.change.is_none_or(|change| change.is_done(now))
    }

    fn current(&self, now: Timestamp) -> &Wanted {
        if self.is_settled(now) { &self.wanted } else { &self.before }
    }

    fn state(&self, now: Timestamp) -> CapacityState {
        match (&self.before, &self.wanted) {
            _ if self.is_settled(now) => CapacityState::Ready,
            (Wanted::Dedicated(a), Wanted::Dedicated(b)) if a.node_type == b.node_type => {
                CapacityState::Scaling
            }
            _ => CapacityState::Migrating,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::after;

    fn asked(body: Value) -> ReadCapacity {
        serde_json::from_value(body).unwrap()
    }

    fn dedicated(replicas: u32) -> ReadCapacity {
        ReadCapacity::dedicated("b1", replicas, 1)
    }

    #[test]
    fn what_is_incomplete_or_unknown_is_refused() {
        assert!(Wanted::read(Some(&dedicated(0))).is_ok());
        for wrong in [
            json!({}),
            json!({"mode": "Fast"}),
            json!({"mode": "Dedicated"}),
            json!({"mode": "Dedicated", "dedicated": {"node_type": "b1", "scaling": "Manual"}}),
            json!({"mode": "Dedicated", "dedicated": {"node_type": "x9", "scaling": "Manual",
                "manual": {"replicas": 1, "shards": 1}}}),
            json!({"mode": "Dedicated", "dedicated": {"node_type": "b1", "scaling": "Manual",
                "manual": {"replicas": 1, "shards": 0}}}),
        ] {
            assert_eq!(
                Wanted::read(Some(&asked(wrong.clone()))).unwrap_err().status,
                400,
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_change_takes_its_time_and_keeps_what_it_does_not_say() {
        let (now, takes) = (Timestamp::UNIX_EPOCH, Duration::from_secs(5));
        let shown = |capacity: &Capacity, now| serde_json::to_value(capacity.model(now)).unwrap();
        let mut capacity = Capacity::new(Wanted::OnDemand);
        assert_eq!(
            shown(&capacity, now),
            json!({"mode": "OnDemand", "status": {"state": "Ready"}})
        );
        capacity.change(&dedicated(2), now, takes).unwrap();
        assert_eq!(shown(&capacity, now)["status"], json!({"state": "Migrating"}));
        assert_eq!(capacity.change(&dedicated(3), now, takes).unwrap_err().status, 403);

        let now = after(now, takes);
        let ready = json!({"state": "Ready", "current_replicas": 2, "current_shards": 1});
        assert_eq!(shown(&capacity, now)["status"], ready);
        let less = json!({"mode": "Dedicated", "dedicated": {"manual": {"replicas": 0}}});
        capacity.change(&asked(less), now, takes).unwrap();
        assert_eq!(shown(&capacity, now)["status"]["state"], "Scaling");
        assert!(!capacity.is_disabled(now));
        assert!(capacity.is_disabled(after(now, takes)));
        assert_eq!(shown(&capacity, now)["dedicated"]["node_type"], "b1");
    }
}
