//! What a migration and the months after it cost, from a dated table that a plan can override.

use serde::Serialize;

use crate::model::{Deployment, Money};
use crate::plan::file::Prices;

/// Prices in US dollars.
///
/// The defaults are list prices of Pinecone's Standard plan on AWS us-east-1 as third parties saw them on
/// 2026-10-07 and 2026-11-04. What a pod costs has no source this project could read: a plan gives it, or
/// the cost of a pod index is not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PriceTable {
    pub as_of: &'static str,
    pub storage_gb_month: f64,
    pub million_write_units: f64,
    pub million_read_units: f64,
    /// One pod of size x1 for a month.
    pub pod_monthly: Option<f64>,
    /// The whole source for a month, from a bill.
    pub source_monthly: Option<f64>,
    pub queries_per_month: u64,
    /// Part of the target's prices that is not charged.
    pub discount: f64,
}

/// What the source and target cost and what copying costs, in US dollars; `None` where it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub source_monthly: Option<f64>,
    pub target_monthly: f64,
    /// Write units of the copy.
    pub copy: f64,
}

impl PriceTable {
    pub fn new(prices: Option<&Prices>) -> Self {
        let prices = prices.cloned().unwrap_or_default();
        let dollars = |money: Option<Money>| money.map(|Money(value)| value);
        Self {
            as_of: "2026-11",
            storage_gb_month: dollars(prices.storage_gb_month).unwrap_or(0.33),
            million_write_units: dollars(prices.million_write_units).unwrap_or(4.0),
            million_read_units: dollars(prices.million_read_units).unwrap_or(16.0),
            pod_monthly: dollars(prices.pod_monthly),
            source_monthly: dollars(prices.source_monthly),
            queries_per_month: prices.queries_per_month.unwrap_or(0),
            discount: prices.discount.map_or(0.0, |share| share.0),
        }
    }

    /// Estimates for `bytes` of records in namespaces of the given sizes.
    ///
    /// Units as Pinecone documents them (2026): a write unit a kB, a read unit a GB of the namespace a query, at
    /// least 0.25; queries are taken to fall on namespaces by their size.
    pub fn estimate(
        &self,
        deployment: &Deployment,
        bytes: f64,
        namespace_bytes: &[f64],
    ) -> Estimate {
        let storage = bytes / 1e9 * self.storage_gb_month;
        let reads = self.queries_per_month as f64 * mean_read_units(namespace_bytes) / 1e6
            * self.million_read_units;
        let serverless = (storage + reads) * (1.0 - self.discount);
        let source_monthly = self.source_monthly.or(match deployment {
            Deployment::Pod { pod_type, pods, .. } => {
                self.pod_monthly.map(|price| price * f64::from(*pods) * size_factor(pod_type))
            }
            Deployment::Serverless { .. } => Some(serverless),
            Deployment::Other(_) => None,
        });
        let copy = bytes / 1e3 / 1e6 * self.million_write_units;
        Estimate { source_monthly, target_monthly: serverless, copy }
    }
}

impl Estimate {
    /// The share of the source's cost that is saved; negative where the target costs more.
    pub fn saving(&self) -> Option<f64> {
        let source = self.source_monthly.filter(|cost| *cost > 0.0)?;
        Some(1.0 - self.target_monthly / source)
    }
}

fn mean_read_units(namespace_bytes: &[f64]) -> f64 {
    let total: f64 = namespace_bytes.iter().sum();
    if total <= 0.0 {
        return 0.25;
    }
    namespace_bytes.iter().map(|bytes| bytes / total * (bytes / 1e9).max(0.25)).sum()
}

/// A pod of size x2, x4 or x8 costs two, four or eight times one of x1.
fn size_factor(pod_type: &str) -> f64 {
    pod_type.rsplit_once(".x").and_then(|(_, size)| size.parse().ok()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(pod_type: &str, pods: u32) -> Deployment {
        Deployment::Pod {
            environment: "us-east-1-aws".into(),
            pod_type: pod_type.into(),
            pods,
            replicas: 1,
            shards: pods,
            indexed: None,
        }
    }

    #[test]
    fn a_pod_without_a_price_has_no_cost() {
        let estimate = PriceTable::new(None).estimate(&pod("p1.x1", 1), 1e9, &[1e9]);
        assert_eq!(estimate.source_monthly, None);
        assert_eq!(estimate.saving(), None);
    }

    #[test]
    fn figures_are_those_of_the_units() {
        let prices = Prices {
            pod_monthly: Some(Money(70.0)),
            queries_per_month: Some(1_000_000),
            ..Prices::default()
        };
        let estimate = PriceTable::new(Some(&prices)).estimate(&pod("p1.x2", 3), 10e9, &[8e9, 2e9]);
        assert_eq!(estimate.source_monthly, Some(420.0));
        // 10 GB at $0.33; a million queries at 0.8 x 8 + 0.2 x 2 read units.
        assert!((estimate.target_monthly - (3.3 + 6.8 * 16.0)).abs() < 1e-9, "{estimate:?}");
        // 10 million write units.
        assert!((estimate.copy - 40.0).abs() < 1e-9);
    }
}
