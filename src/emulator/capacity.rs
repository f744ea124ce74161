//! The read capacity of a serverless index: on demand, or nodes of its own, which change after a while.
//!
//! It is described and has no effect, except that no replicas disable the index.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Timestamp;

use super::error::{Answer, Code, Refusal};
use super::progress::{Ending, Progress};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReadCapacity {
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

impl ReadCapacity {
    /// Reads a whole `read_capacity`.
    pub fn read(asked: &Value) -> Answer<Self> {
        Self::OnDemand.changed(asked)
    }

    /// Reads a change: what it does not say of dedicated nodes stays.
    fn changed(&self, asked: &Value) -> Answer<Self> {
        match asked.get("mode").and_then(Value::as_str) {
            Some("OnDemand") => Ok(Self::OnDemand),
            Some("Dedicated") => self.nodes(asked.get("dedicated")).map(Self::Dedicated),
            _ => Err(Refusal::invalid("read_capacity.mode must be OnDemand or Dedicated.")),
        }
    }

    fn nodes(&self, asked: Option<&Value>) -> Answer<Nodes> {
        let Some(asked) = asked.filter(|asked| asked.is_object()) else {
            return Err(Refusal::invalid("read_capacity of the mode Dedicated needs dedicated."));
        };
        let before = match self {
            Self::Dedicated(nodes) => Some(nodes),
            Self::OnDemand => None,
        };
        let given = asked.get("node_type").and_then(Value::as_str);
        let node_type = given.or(before.map(|nodes| nodes.node_type.as_str()));
        let node_type = node_type.filter(|kind| ["b1", "t1"].contains(kind));
        let scaling = asked.get("scaling").and_then(Value::as_str);
        let is_manual = scaling == Some("Manual") || scaling.is_none() && before.is_some();
        let count = |name: &str, before: Option<u32>| {
            let given = asked.get("manual").and_then(|manual| manual.get(name));
            match given {
                Some(given) => given.as_u64().and_then(|count| u32::try_from(count).ok()),
                None => before,
            }
        };
        let replicas = count("replicas", before.map(|nodes| nodes.replicas));
        let shards = count("shards", before.map(|nodes| nodes.shards)).filter(|count| *count > 0);
        match (node_type, replicas, shards) {
            (Some(node_type), Some(replicas), Some(shards)) if is_manual => {
                Ok(Nodes { node_type: node_type.to_owned(), replicas, shards })
            }
            _ => Err(Refusal::invalid(
                "read_capacity.dedicated needs node_type b1 or t1, scaling Manual, and manual with replicas (0 or more) and shards (1 or more).",
            )),
        }
    }
}

/// The capacity that was asked for and the one before, which serves until the change is through.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    wanted: ReadCapacity,
    before: ReadCapacity,
    change: Option<Progress>,
}

impl Capacity {
    pub fn new(wanted: ReadCapacity) -> Self {
        Self { before: wanted.clone(), wanted, change: None }
    }

    /// Begins a change; refused while one is under way.
    pub fn change(&mut self, asked: &Value, now: Timestamp, takes: Duration) -> Answer<()> {
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
        matches!(self.current(now), ReadCapacity::Dedicated(nodes) if nodes.replicas == 0)
    }

    pub fn model(&self, now: Timestamp) -> Value {
        let mut status = json!({ "state": self.state(now) });
        if let ReadCapacity::Dedicated(nodes) = self.current(now) {
            status["current_replicas"] = json!(nodes.replicas);
            status["current_shards"] = json!(nodes.shards);
        }
        match &self.wanted {
            ReadCapacity::OnDemand => json!({ "mode": "OnDemand", "status": status }),
            ReadCapacity::Dedicated(nodes) => json!({
                "mode": "Dedicated",
                "dedicated": {
                    "node_type": nodes.node_type,
                    "scaling": "Manual",
                    "manual": { "replicas": nodes.replicas, "shards": nodes.shards },
                },
                "status": status,
            }),
        }
    }

    fn is_settled(&self, now: Timestamp) -> bool {
        self.change.is_none_or(|change| change.is_done(now))
    }

    fn current(&self, now: Timestamp) -> &ReadCapacity {
        if self.is_settled(now) { &self.wanted } else { &self.before }
    }

    fn state(&self, now: Timestamp) -> &'static str {
        match (&self.before, &self.wanted) {
            _ if self.is_settled(now) => "Ready",
            (ReadCapacity::Dedicated(a), ReadCapacity::Dedicated(b))
                if a.node_type == b.node_type =>
            {
                "Scaling"
            }
            _ => "Migrating",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::after;

    fn dedicated(replicas: u32) -> Value {
        let manual = json!({"replicas": replicas, "shards": 1});
        let dedicated = json!({"node_type": "b1", "scaling": "Manual", "manual": manual});
        json!({"mode": "Dedicated", "dedicated": dedicated})
    }

    #[test]
    fn what_is_incomplete_or_unknown_is_refused() {
        assert!(ReadCapacity::read(&dedicated(0)).is_ok());
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
            assert_eq!(ReadCapacity::read(&wrong).unwrap_err().status, 400, "{wrong}");
        }
    }

    #[test]
    fn a_change_takes_its_time_and_keeps_what_it_does_not_say() {
        let (now, takes) = (Timestamp::UNIX_EPOCH, Duration::from_secs(5));
        let mut capacity = Capacity::new(ReadCapacity::OnDemand);
        assert_eq!(capacity.model(now), json!({"mode": "OnDemand", "status": {"state": "Ready"}}));
        capacity.change(&dedicated(2), now, takes).unwrap();
        assert_eq!(capacity.model(now)["status"], json!({"state": "Migrating"}));
        assert_eq!(capacity.change(&dedicated(3), now, takes).unwrap_err().status, 403);

        let now = after(now, takes);
        let ready = json!({"state": "Ready", "current_replicas": 2, "current_shards": 1});
        assert_eq!(capacity.model(now)["status"], ready);
        let less = json!({"mode": "Dedicated", "dedicated": {"manual": {"replicas": 0}}});
        capacity.change(&less, now, takes).unwrap();
        assert_eq!(capacity.model(now)["status"]["state"], "Scaling");
        assert!(!capacity.is_disabled(now));
        assert!(capacity.is_disabled(after(now, takes)));
        assert_eq!(capacity.model(now)["dedicated"]["node_type"], "b1");
    }
}
