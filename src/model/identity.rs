//! The identity of an index: what distinguishes it from another of the same name.

use serde::{Deserialize, Serialize};

use super::{Deployment, IndexDescription, Metric};

/// The tag that an index made by a run carries; its value is the run.
pub const RUN_TAG: &str = "vecshift-run";

/// Properties of an index that do not change while it exists, as far as its service gives them.
///
/// Pinecone gives neither an id nor a time of creation (OpenAPI files 2025-10 and 2026-04). It gives the host, which
/// carries the project, and tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Host without a scheme; empty while the service has not given one.
    pub host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    pub metric: Metric,
    /// Kind and place: `serverless aws us-east-1`.
    pub place: String,
    /// The run that made it, from its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl IndexDescription {
    pub fn identity(&self) -> Identity {
        let host = self.host.split_once("://").map_or(self.host.as_str(), |(_, host)| host);
        let place = match &self.spec.deployment {
            // Type, replicas and shards of a pod index can be changed.
            Deployment::Pod { environment, .. } => format!("pod {environment}"),
            other => other.to_string(),
        };
        Identity {
            host: host.trim_end_matches('/').to_owned(),
            dimension: self.spec.dimension,
            metric: self.spec.metric,
            place,
            run: self.spec.tags.get(RUN_TAG).cloned(),
        }
    }

    /// Returns whether its service is deleting it.
    pub fn is_terminating(&self) -> bool {
        self.state == "Terminating"
    }
}

impl Identity {
    /// Returns why `seen` is another index than this one; `None` if nothing speaks against it.
    pub fn differs(&self, seen: &Self) -> Option<String> {
        if !self.host.is_empty() && !seen.host.is_empty() && self.host != seen.host {
            return Some(format!("its host is {} and was {}", seen.host, self.host));
        }
        if self.dimension != seen.dimension {
            let word = |of: Option<u32>| of.map_or("none".to_owned(), |of| of.to_string());
            let (now, then) = (word(seen.dimension), word(self.dimension));
            return Some(format!("its dimension is {now} and was {then}"));
        }
        if self.metric != seen.metric {
            return Some(format!("its metric is {} and was {}", seen.metric, self.metric));
        }
        if self.place != seen.place {
            return Some(format!("it is {} and was {}", seen.place, self.place));
        }
        if self.run.is_some() && self.run != seen.run {
            return Some(format!("its tag `{RUN_TAG}` is gone or of another run"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Identity {
        Identity {
            host: "a-1.svc.pinecone.io".to_owned(),
            dimension: Some(8),
            metric: Metric::Cosine,
            place: "serverless aws us-east-1".to_owned(),
            run: Some("01j".to_owned()),
        }
    }

    #[test]
    fn an_index_is_itself_and_each_fact_distinguishes_another() {
        assert_eq!(seen().differs(&seen()), None);
        let others = [
            Identity { host: "a-2.svc.pinecone.io".to_owned(), ..seen() },
            Identity { dimension: Some(16), ..seen() },
            Identity { metric: Metric::Euclidean, ..seen() },
            Identity { place: "pod us-east-1-aws".to_owned(), ..seen() },
            Identity { run: None, ..seen() },
            Identity { run: Some("01k".to_owned()), ..seen() },
        ];
        for other in others {
            assert!(seen().differs(&other).is_some(), "{other:?}");
        }
    }

    #[test]
    fn a_host_that_is_not_given_yet_and_a_tag_that_came_later_speak_against_nothing() {
        assert_eq!(seen().differs(&Identity { host: String::new(), ..seen() }), None);
        assert_eq!(Identity { run: None, ..seen() }.differs(&seen()), None);
    }
}
