//! What a plan says of the rates that an index allows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ByteSize, Rate};
use crate::plan::{Context, codes};
use crate::provider::pinecone::rates::Rates;

/// What an index allows a second, if it is not what the service documents.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Limits {
    Named(NamedLimits),
    Raised(RaisedLimits),
}

/// Limits without numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NamedLimits {
    /// Those that the service documents for serverless indexes.
    Documented,
    /// None that are known. As many requests are made as are answered, and fewer while the service asks to slow down.
    None,
}

/// What the service allows a project or an index by agreement. What is not given is as documented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RaisedLimits {
    /// Lists of ids, 100 of them each, in the index; documented: 200/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists: Option<Rate>,
    /// Fetches in the index; documented: 100/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetches: Option<Rate>,
    /// Upserts in each namespace; documented: 100/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upserts: Option<Rate>,
    /// What is upserted into each namespace in a second; documented: 50 MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upserted: Option<ByteSize>,
}

impl RaisedLimits {
    /// Each limit by its key, in its own unit.
    fn each(self) -> [(&'static str, Option<f64>, String); 4] {
        let rate = |rate: Option<Rate>| rate.map(|Rate(rate)| rate);
        let words = |rate: Option<Rate>| rate.map(|rate| rate.to_string()).unwrap_or_default();
        let upserted = self.upserted.map(|size| format!("{size}/s")).unwrap_or_default();
        [
            ("lists", rate(self.lists), words(self.lists)),
            ("fetches", rate(self.fetches), words(self.fetches)),
            ("upserts", rate(self.upserts), words(self.upserts)),
            ("upserted", self.upserted.map(|ByteSize(bytes)| bytes as f64), upserted),
        ]
    }
}

impl Limits {
    pub fn rates(self) -> Rates {
        match self {
            Self::Named(NamedLimits::Documented) => Rates::DOCUMENTED,
            Self::Named(NamedLimits::None) => Rates::UNLIMITED,
            Self::Raised(raised) => {
                let [lists, fetches, upserts, upserted] = raised.each().map(|(_, given, _)| given);
                let documented = Rates::DOCUMENTED;
                Rates {
                    lists: lists.or(documented.lists),
                    fetches: fetches.or(documented.fetches),
                    upserts: upserts.or(documented.upserts),
                    upserted: upserted.or(documented.upserted),
                    ..documented
                }
            }
        }
    }

    /// Says what requests are kept to, where it is not what is documented.
    pub fn describe(self) -> Option<String> {
        match self {
            Self::Named(NamedLimits::Documented) => None,
            Self::Named(NamedLimits::None) => Some("no limits, until it asks to slow down".into()),
            Self::Raised(raised) => {
                let given = raised.each().into_iter().filter(|(_, given, _)| given.is_some());
                let words: Vec<_> = given.map(|(name, _, rate)| format!("{name} {rate}")).collect();
                (!words.is_empty()).then(|| format!("limits of {}", words.join(", ")))
            }
        }
    }

    /// Reports limits that let nothing through.
    pub fn check(self, context: &mut Context<'_>, pointer: &str) {
        let Self::Raised(raised) = self else { return };
        for (name, given, _) in raised.each() {
            if given.is_some_and(|given| given <= 0.0) {
                let message = "a limit of 0 lets nothing through";
                context.report(&codes::OUT_OF_RANGE, &format!("{pointer}/{name}"), message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn limits(written: Value) -> Limits {
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn what_is_not_given_is_as_documented() {
        let raised = limits(json!({ "lists": "1000/s", "upserted": "200 MB" }));
        let expected = Rates { lists: Some(1e3), upserted: Some(2e8), ..Rates::DOCUMENTED };
        assert_eq!(raised.rates(), expected);
        assert_eq!(raised.describe().as_deref(), Some("limits of lists 1000/s, upserted 200 MB/s"));
        assert_eq!(limits(json!({})).rates(), Rates::DOCUMENTED);
        assert_eq!(limits(json!({})).describe(), None);
        assert_eq!(limits(json!("documented")).rates(), Rates::DOCUMENTED);
        assert_eq!(limits(json!("none")).rates(), Rates::UNLIMITED);
    }
}
