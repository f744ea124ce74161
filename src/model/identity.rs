//! The identity of an index: what distinguishes it from another of the same name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{IndexDescription, Metric, VectorType};

/// The tag that an index made by a run carries; its value is the run.
pub const RUN_TAG: &str = "vecshift-run";

/// Properties of an index that do not change while it exists, as far as its service gives them.
///
/// A service may give neither an id nor a time of creation, only the host, what an index was made as, of which nothing
/// can be changed, and tags. An index that was deleted and made anew under its name, just as it was, is then another one
/// by its contents alone. Where its system numbers what it holds, it is known by that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Host without a scheme; empty while the service has not given one.
    pub host: String,
    /// The length of its vectors, as far as it or a record of it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    pub metric: Metric,
    /// Whether the index says no metric, so that this one stands for none; it may say one later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_without_metric: bool,
    /// Kind and place: `serverless aws us-east-1`.
    pub place: String,
    /// The run that made it, from its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What its system distinguishes it by; not in journals of before it was kept, and not all of it to every role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<String, String>,
    /// `None` in journals of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
}

/// How an index was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub vector_type: VectorType,
    /// The only fields that it can filter by, in order; `None` = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed: Option<Vec<String>>,
    /// The collection it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
}

impl IndexDescription {
    pub fn identity(&self) -> Identity {
        let host = self.host.split_once("://").map_or(self.host.as_str(), |(_, host)| host);
        let deployment = &self.spec.deployment;
        let mut indexed = deployment.filterable.clone();
        indexed.iter_mut().for_each(|fields| fields.sort());
        let (vector_type, collection) = (self.spec.vector_type, self.collection.clone());
        Identity {
            host: host.trim_end_matches('/').to_owned(),
            dimension: self.spec.dimension,
            metric: self.spec.metric,
            is_without_metric: !deployment.knows_metric,
            place: deployment.place.clone(),
            run: self.spec.tags.get(RUN_TAG).cloned(),
            marks: self.marks.clone(),
            made: Some(Made { vector_type, indexed, collection }),
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
        // An index that says neither is known by its records, once it has some.
        if let (Some(then), Some(now)) = (self.dimension, seen.dimension)
            && then != now
        {
            return Some(format!("its dimension is {now} and was {then}"));
        }
        let have_both = !self.is_without_metric && !seen.is_without_metric;
        if have_both && self.metric != seen.metric {
            return Some(format!("its metric is {} and was {}", seen.metric, self.metric));
        }
        if self.place != seen.place {
            return Some(format!("it is {} and was {}", seen.place, self.place));
        }
        if self.run.is_some() && self.run != seen.run {
            return Some(format!("its tag `{RUN_TAG}` is gone or of another run"));
        }
        let marks =
            self.marks.iter().filter_map(|(name, then)| Some((name, then, seen.marks.get(name)?)));
        if let Some((name, then, now)) = marks.into_iter().find(|(_, then, now)| then != now) {
            return Some(format!("it was made anew: its {name} is {now} and was {then}"));
        }
        self.made.as_ref().zip(seen.made.as_ref()).and_then(|(then, now)| then.differs(now))
    }
}

impl Made {
    fn differs(&self, seen: &Self) -> Option<String> {
        if self.vector_type != seen.vector_type {
            let word = |of| match of {
                VectorType::Dense => "dense",
                VectorType::Sparse => "sparse",
            };
            let (now, then) = (word(seen.vector_type), word(self.vector_type));
            return Some(format!("its vectors are {now} and were {then}"));
        }
        if self.indexed != seen.indexed {
            let word = |of: &Option<Vec<String>>| match of {
                Some(fields) => format!("`{}`", fields.join("`, `")),
                None => "all fields".to_owned(),
            };
            let (now, then) = (word(&seen.indexed), word(&self.indexed));
            return Some(format!("it filters by {now} and did by {then}"));
        }
        // A service may stop naming a collection that is gone; it never begins to.
        match &seen.collection {
            Some(now) if self.collection.as_ref() != Some(now) => {
                Some(format!("it was made from the collection `{now}`"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Identity {
        Identity {
            host: "a-1.svc.example".to_owned(),
            dimension: Some(8),
            metric: Metric::Cosine,
            is_without_metric: false,
            place: "serverless aws us-east-1".to_owned(),
            run: Some("01j".to_owned()),
            marks: [("table".to_owned(), "5/83752".to_owned())].into(),
            made: Some(made()),
        }
    }

    fn made() -> Made {
        Made {
            vector_type: VectorType::Dense,
            indexed: Some(vec!["a".to_owned()]),
            collection: Some("frozen".to_owned()),
        }
    }

    #[test]
    fn an_index_is_itself_and_each_fact_distinguishes_another() {
        assert_eq!(seen().differs(&seen()), None);
        let others = [
            Identity { host: "a-2.svc.example".to_owned(), ..seen() },
            Identity { dimension: Some(16), ..seen() },
            Identity { metric: Metric::Euclidean, ..seen() },
            Identity { place: "pod us-east-1-aws".to_owned(), ..seen() },
            Identity { run: None, ..seen() },
            Identity { run: Some("01k".to_owned()), ..seen() },
            Identity { made: Some(Made { vector_type: VectorType::Sparse, ..made() }), ..seen() },
            Identity { made: Some(Made { indexed: None, ..made() }), ..seen() },
            Identity { made: Some(Made { collection: Some("b".into()), ..made() }), ..seen() },
        ];
        for other in others {
            assert!(seen().differs(&other).is_some(), "{other:?}");
        }
    }

    #[test]
    fn a_host_that_is_not_given_yet_and_a_tag_that_came_later_speak_against_nothing() {
        assert_eq!(seen().differs(&Identity { host: String::new(), ..seen() }), None);
        assert_eq!(Identity { run: None, ..seen() }.differs(&seen()), None);
        assert_eq!(Identity { made: None, ..seen() }.differs(&seen()), None);
    }

    #[test]
    fn a_number_of_its_system_counts_where_both_have_it() {
        let marked = |marks: &[(&str, &str)]| Identity {
            marks: marks.iter().map(|(name, mark)| (name.to_string(), mark.to_string())).collect(),
            ..seen()
        };
        let anew = seen().differs(&marked(&[("cluster", "7"), ("table", "5/83785")])).unwrap();
        assert_eq!(anew, "it was made anew: its table is 5/83785 and was 5/83752");
        for same in [marked(&[]), marked(&[("cluster", "7")])] {
            assert_eq!((seen().differs(&same), same.differs(&seen())), (None, None));
        }
        let text = serde_json::to_string(&marked(&[])).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&text).unwrap(), marked(&[]));
    }

    #[test]
    fn what_only_records_or_their_users_say_may_come_later() {
        let empty = || Identity { dimension: None, ..seen() };
        assert_eq!(empty().differs(&seen()), None);
        assert_eq!(seen().differs(&empty()), None);
        let silent = || Identity { is_without_metric: true, ..seen() };
        let other = Identity { metric: Metric::Euclidean, ..seen() };
        assert_eq!(silent().differs(&other), None);
        assert_eq!(other.differs(&silent()), None);
        assert!(seen().differs(&other).is_some());
    }

    #[test]
    fn a_collection_may_be_forgotten_and_never_comes_later() {
        let without = || Identity { made: Some(Made { collection: None, ..made() }), ..seen() };
        assert_eq!(seen().differs(&without()), None);
        assert!(without().differs(&seen()).is_some());
    }

    #[test]
    fn the_order_of_the_fields_does_not_matter() {
        let index = |fields: &[&str]| {
            let fields = fields.iter().map(|field| (*field).to_owned()).collect();
            let spec = super::super::IndexSpec {
                name: "old".into(),
                dimension: Some(8),
                metric: Metric::Cosine,
                vector_type: VectorType::Dense,
                deployment: super::super::Deployment {
                    kind: "some".into(),
                    words: "some kind".into(),
                    title: "some kind".into(),
                    place: "some place".into(),
                    filterable: Some(fields),
                    knows_metric: true,
                    vectors: Vec::new(),
                    fields: Default::default(),
                    native: serde_json::Value::Null,
                },
                deletion_protection: false,
                tags: Default::default(),
            };
            let (host, state) = ("old-1.svc.example".to_owned(), "Ready".to_owned());
            let marks = BTreeMap::new();
            IndexDescription { spec, host, collection: None, marks, ready: true, state }.identity()
        };
        assert_eq!(index(&["a", "b"]).differs(&index(&["b", "a"])), None);
        let other = index(&["a", "b"]).differs(&index(&["a"])).unwrap();
        assert_eq!(other, "it filters by `a` and did by `a`, `b`");
    }
}
