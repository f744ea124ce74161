//! Prices the migration and the months after it, by the price lists of both systems.

use serde::Serialize;
use serde_json::Value;

use crate::model::Deployment;
use crate::plan::Plan;
use crate::provider::advice::{Estimate, Load, Origin, PriceList};
use crate::provider::registry::connector;

/// The price lists of both sides; `None` for a system that bills nothing.
pub(crate) struct Pricing {
    source: Option<Box<dyn PriceList>>,
    target: Option<Box<dyn PriceList>>,
    is_one_system: bool,
    /// The monthly cost of the whole source, taken from a bill.
    source_monthly: Option<f64>,
}

impl Pricing {
    /// Collects the prices for a plan. `logged` is the number of queries a month of a log.
    pub fn of(plan: &Plan, logged: Option<u64>) -> Self {
        let prices = plan.prices.as_ref();
        let list = |provider| connector(provider).ok()?.prices(prices, logged);
        Self {
            source: list(&plan.source.provider),
            target: list(&plan.target.provider),
            is_one_system: plan.source.provider == plan.target.provider,
            source_monthly: prices.and_then(|prices| prices.source_monthly).map(|price| price.0),
        }
    }

    /// Estimates the costs of a load that is copied from an index.
    pub fn estimate(&self, source: &Deployment, load: Load<'_>) -> Estimate {
        let of_source = self.source.as_ref().map(|list| list.of_source(source, load));
        let of_source = of_source.unwrap_or_default();
        let of_target = self.target.as_ref().map(|list| list.of_target(load)).unwrap_or_default();
        let is_charged = of_source.read > 0.0;
        let leaving = |list: &Option<Box<dyn PriceList>>, sides: f64| {
            list.as_ref().map_or(0.0, |list| list.leaving(sides * load.bytes))
        };
        // What leaves one service from both sides is one sum.
        let left = match (is_charged, self.is_one_system) {
            (true, true) => leaving(&self.target, 2.0),
            (true, false) => leaving(&self.source, 1.0) + leaving(&self.target, 1.0),
            (false, _) => leaving(&self.target, 1.0),
        };
        Estimate {
            source_monthly: self.source_monthly.or(of_source.monthly),
            target_monthly: of_target.monthly,
            copy: of_target.write + of_source.read,
            import: of_target.import.map(|price| price + of_source.read),
            verify: of_target.read + of_source.read + left,
        }
    }

    /// Returns the list that most of an estimate stands on: the target's, or the source's if the target has none.
    fn main(&self) -> Option<&dyn PriceList> {
        self.target.as_deref().or(self.source.as_deref())
    }

    pub fn origins(&self) -> &[Origin] {
        self.main().map_or(&[], PriceList::origins)
    }

    /// Returns the month in which the built-in prices were looked up.
    pub fn as_of(&self) -> &'static str {
        self.main().map_or("", PriceList::as_of)
    }
}

/// The main list as it is.
impl Serialize for Pricing {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.main().map_or(Value::Null, PriceList::to_json).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pinecone_wire;
    use crate::provider::language;

    fn plan(prices: &str) -> Plan {
        let text = format!(
            "version: 1\nname: p\nsource: {{ provider: pinecone, index: a }}\n\
             target: {{ provider: pinecone, index: b }}\nstages: [{{ kind: audit }}]\n{prices}"
        );
        let path = std::path::Path::new("plan.yaml");
        language().read_text(path, text, &Default::default()).unwrap().plan
    }

    fn pod(pod_type: &str, pods: u32) -> Deployment {
        pinecone_wire::Deployment::Pod {
            environment: "us-east-1-aws".into(),
            pod_type: pod_type.into(),
            pods,
            replicas: 1,
            shards: pods,
            indexed: None,
        }
        .into()
    }

    fn load(records: u64, namespace_bytes: &[f64]) -> Load<'_> {
        let bytes = namespace_bytes.iter().sum();
        Load { records, bytes, namespace_bytes, asked: &[] }
    }

    #[test]
    fn a_pod_without_a_price_has_no_cost() {
        let pricing = Pricing::of(&plan(""), None);
        let estimate = pricing.estimate(&pod("p1.x1", 1), load(1, &[1e9]));
        assert_eq!(estimate.source_monthly, None);
        assert_eq!(estimate.saving(), None);
    }

    #[test]
    fn figures_are_those_of_the_units() {
        let plan = plan("prices: { pod_monthly: $70, queries_per_month: 1000000 }");
        let pricing = Pricing::of(&plan, None);
        let estimate = pricing.estimate(&pod("p1.x2", 3), load(1_000_000, &[8e9, 2e9]));
        assert_eq!(estimate.source_monthly, Some(420.0));
        // 10 GB at $0.33, and a million queries at 0.8 x 8 + 0.2 x 2 read units.
        let monthly = estimate.target_monthly.unwrap();
        assert!((monthly - (3.3 + 6.8 * 16.0)).abs() < 1e-9, "{estimate:?}");
        // 10 million write units.
        assert!((estimate.copy - 40.0).abs() < 1e-9);
        // 10,000 pages and 100,000 read units for fetches, on the target only.
        assert!((estimate.verify - 0.11 * 16.0).abs() < 1e-9, "{estimate:?}");
    }

    /// Pinecone's example of 10 million records with 1,536 dimensions and 1 kB: $286 to write, $23.6 a month.
    #[test]
    fn a_serverless_source_costs_reading_too() {
        let bytes = [10e6 * 7_144.0 + 6e7];
        let place = ("aws".into(), "r".into());
        let serverless = pinecone_wire::Deployment::Serverless { cloud: place.0, region: place.1 };
        let pricing = Pricing::of(&plan(""), None);
        let (from_pod, from_serverless) = (
            pricing.estimate(&pod("p1.x1", 1), load(10_000_000, &bytes)),
            pricing.estimate(&serverless.into(), load(10_000_000, &bytes)),
        );
        assert!((from_pod.copy - 286.0).abs() < 0.2, "{from_pod:?}");
        assert!((from_pod.target_monthly.unwrap() - 23.6).abs() < 0.05, "{from_pod:?}");
        assert!((from_serverless.copy - from_pod.copy - 17.6).abs() < 1e-9, "{from_serverless:?}");
    }

    #[test]
    fn no_month_costs_less_than_the_minimum() {
        let pricing = Pricing::of(&plan("prices: { monthly_minimum: $50 }"), None);
        let estimate = pricing.estimate(&pod("p1.x1", 1), load(1, &[1e6]));
        assert_eq!(estimate.target_monthly, Some(50.0));
    }
}
