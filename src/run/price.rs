//! Prices the migration and the months after it, from a dated table that a plan can override.

use serde::Serialize;

use crate::model::{self, Money};
use crate::pinecone_wire::Deployment;
use crate::plan::file::Prices;

/// The month in which the built-in prices were looked up.
const AS_OF: &str = "2026-11";
const SEEN: &str = "list prices of the Standard plan, AWS us-east-1, as third parties saw them on 2026-10-07 and 2026-11-04";
/// Outbound traffic included in the Standard plan, in GB per month.
const EGRESS_INCLUDED_GB: f64 = 100.0;

/// Prices in US dollars.
///
/// The defaults are list prices of Pinecone's Standard plan on AWS us-east-1, as quoted by third parties on 2026-10-07
/// and 2026-11-04. There was no usable source for the price of a pod: unless the plan gives it, the cost of a pod index
/// is unknown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PriceTable {
    pub as_of: &'static str,
    pub storage_gb_month: f64,
    pub million_write_units: f64,
    pub million_read_units: f64,
    pub egress_gb: f64,
    /// The price per GB of bulk import.
    pub import_gb: Option<f64>,
    /// The minimum monthly charge.
    pub monthly_minimum: f64,
    /// The price of one x1 pod per month.
    pub pod_monthly: Option<f64>,
    /// The monthly cost of the whole source, taken from a bill.
    pub source_monthly: Option<f64>,
    pub queries_per_month: u64,
    /// The share of the target's prices that is discounted.
    pub discount: f64,
    /// The origin of each number.
    pub origins: Vec<Origin>,
}

/// The origin of one number in the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// The number's name under `prices:` in a plan.
    pub name: &'static str,
    /// The number; `None` if unknown.
    pub value: Option<f64>,
    /// `plan`, `built in`, `query log` or `nobody`.
    pub from: &'static str,
    /// The source of the number as given in the plan or the table.
    pub source: String,
}

/// The amount of data and queries to estimate for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load<'a> {
    pub records: u64,
    /// Total bytes as billed by the service.
    pub bytes: f64,
    /// Bytes of each namespace.
    pub namespace_bytes: &'a [f64],
    /// Mean read units per query, if it is known how often each namespace is queried; otherwise queries are assumed to
    /// be distributed by namespace size.
    pub mean_read_units: Option<f64>,
}

/// Costs of the source, the target and the copy, in US dollars; `None` if unknown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub source_monthly: Option<f64>,
    pub target_monthly: f64,
    /// The cost of write units for the copy, plus the source's read units if it charges for reading.
    pub copy: f64,
    /// The cost of the copy as a bulk import, if its price is known.
    pub import: Option<f64>,
    /// The cost of reading every record once on both sides, if reading is charged, including outbound traffic.
    pub verify: f64,
}

impl PriceTable {
    pub fn new(prices: Option<&Prices>) -> Self {
        let prices = prices.cloned().unwrap_or_default();
        let mut origins = Origins { list: Vec::new(), said: prices.source.clone() };
        let mut priced = |name, given: Option<Money>, built_in: f64| {
            origins.note(name, given.map(|Money(value)| value), Some(built_in));
            given.map_or(built_in, |Money(value)| value)
        };
        let storage_gb_month = priced("storage_gb_month", prices.storage_gb_month, 0.33);
        let million_write_units = priced("million_write_units", prices.million_write_units, 4.0);
        let million_read_units = priced("million_read_units", prices.million_read_units, 16.0);
        let egress_gb = priced("egress_gb", prices.egress_gb, 0.1);
        let mut own = |name, given: Option<f64>| {
            origins.note(name, given, None);
            given
        };
        let dollars = |money: Option<Money>| money.map(|Money(value)| value);
        let monthly_minimum = own("monthly_minimum", dollars(prices.monthly_minimum));
        let import_gb = own("import_gb", dollars(prices.import_gb));
        let pod_monthly = own("pod_monthly", dollars(prices.pod_monthly));
        let source_monthly = own("source_monthly", dollars(prices.source_monthly));
        let queries = own("queries_per_month", prices.queries_per_month.map(|count| count as f64));
        let discount = own("discount", prices.discount.map(|share| share.0));
        Self {
            as_of: AS_OF,
            storage_gb_month,
            million_write_units,
            million_read_units,
            egress_gb,
            import_gb,
            monthly_minimum: monthly_minimum.unwrap_or(0.0),
            pod_monthly,
            source_monthly,
            queries_per_month: queries.unwrap_or(0.0) as u64,
            discount: discount.unwrap_or(0.0),
            origins: origins.list,
        }
    }

    /// Sets the queries per month from a log, unless the plan gives them.
    pub fn with_logged_queries(mut self, per_month: u64) -> Self {
        let origin = self.origins.iter_mut().find(|one| one.name == "queries_per_month");
        if let Some(origin) = origin.filter(|origin| origin.value.is_none()) {
            origin.value = Some(per_month as f64);
            origin.from = "query log";
            origin.source = "counted over the time its timestamps cover".to_owned();
            self.queries_per_month = per_month;
        }
        self
    }

    /// Estimates the costs of a load.
    ///
    /// Units as documented by Pinecone (2026): one write unit per kB; one read unit per query and GB of the namespace,
    /// at least 0.25; one read unit per 10 records fetched and per page of 100 ids listed. Pods charge no units.
    pub fn estimate(&self, deployment: &model::Deployment, load: Load<'_>) -> Estimate {
        let storage = load.bytes / 1e9 * self.storage_gb_month;
        let units = load.mean_read_units.unwrap_or_else(|| mean_read_units(load.namespace_bytes));
        let queries = self.queries_per_month as f64 * units / 1e6 * self.million_read_units;
        let serverless = ((storage + queries) * (1.0 - self.discount)).max(self.monthly_minimum);
        let deployment = Deployment::of(deployment);
        let source_monthly = self.source_monthly.or(match &deployment {
            Some(Deployment::Pod { pod_type, pods, .. }) => {
                self.pod_monthly.map(|price| price * f64::from(*pods) * size_factor(pod_type))
            }
            Some(Deployment::Serverless { .. }) => Some(serverless),
            None | Some(Deployment::Other(_)) => None,
        });
        let read = reading_units(load.records) / 1e6 * self.million_read_units;
        let of_source =
            if matches!(deployment, Some(Deployment::Serverless { .. })) { read } else { 0.0 };
        let written = write_units(load.bytes) / 1e6 * self.million_write_units;
        let sides = if of_source > 0.0 { 2.0 } else { 1.0 };
        let left = (sides * load.bytes / 1e9 - EGRESS_INCLUDED_GB).max(0.0) * self.egress_gb;
        Estimate {
            source_monthly,
            target_monthly: serverless,
            copy: written + of_source,
            import: self.import_gb.map(|price| load.bytes / 1e9 * price + of_source),
            verify: read + of_source + left,
        }
    }
}

struct Origins {
    list: Vec<Origin>,
    /// The plan's own note on the source of its prices.
    said: Option<String>,
}

impl Origins {
    fn note(&mut self, name: &'static str, given: Option<f64>, built_in: Option<f64>) {
        let of_plan = || self.said.clone().unwrap_or_else(|| "`prices:` of the plan".to_owned());
        let (from, source) = match (given, built_in) {
            (Some(_), _) => ("plan", of_plan()),
            (None, Some(_)) => ("built in", SEEN.to_owned()),
            (None, None) => ("nobody", String::new()),
        };
        self.list.push(Origin { name, value: given.or(built_in), from, source });
    }
}

impl Estimate {
    /// The share of the source's cost that is saved; negative if the target costs more.
    pub fn saving(&self) -> Option<f64> {
        let source = self.source_monthly.filter(|cost| *cost > 0.0)?;
        Some(1.0 - self.target_monthly / source)
    }
}

/// Write units for writing this many bytes once in full requests.
pub(super) fn write_units(bytes: f64) -> f64 {
    bytes / 1e3
}

/// Read units for listing and fetching this many records once.
pub(super) fn reading_units(records: u64) -> f64 {
    records as f64 / 100.0 + records as f64 / 10.0
}

/// Read units for one query of a namespace of this size.
pub(super) fn query_units(bytes: f64) -> f64 {
    (bytes / 1e9).max(0.25)
}

fn mean_read_units(namespace_bytes: &[f64]) -> f64 {
    let total: f64 = namespace_bytes.iter().sum();
    if total <= 0.0 {
        return 0.25;
    }
    namespace_bytes.iter().map(|bytes| bytes / total * query_units(*bytes)).sum()
}

/// The price of an x2, x4 or x8 pod relative to x1: two, four or eight times as much.
fn size_factor(pod_type: &str) -> f64 {
    pod_type.rsplit_once(".x").and_then(|(_, size)| size.parse().ok()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(pod_type: &str, pods: u32) -> model::Deployment {
        Deployment::Pod {
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
        Load { records, bytes, namespace_bytes, mean_read_units: None }
    }

    #[test]
    fn a_pod_without_a_price_has_no_cost() {
        let estimate = PriceTable::new(None).estimate(&pod("p1.x1", 1), load(1, &[1e9]));
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
        let table = PriceTable::new(Some(&prices));
        let estimate = table.estimate(&pod("p1.x2", 3), load(1_000_000, &[8e9, 2e9]));
        assert_eq!(estimate.source_monthly, Some(420.0));
        // 10 GB at $0.33, and a million queries at 0.8 x 8 + 0.2 x 2 read units.
        assert!((estimate.target_monthly - (3.3 + 6.8 * 16.0)).abs() < 1e-9, "{estimate:?}");
        // 10 million write units.
        assert!((estimate.copy - 40.0).abs() < 1e-9);
        // 10,000 pages and 100,000 read units for fetches, on the target only.
        assert!((estimate.verify - 0.11 * 16.0).abs() < 1e-9, "{estimate:?}");
    }

    /// Pinecone's example of 10 million records with 1,536 dimensions and 1 kB: $286 to write, $23.6 a month.
    #[test]
    fn a_serverless_source_costs_reading_too() {
        let bytes = [10e6 * 7_144.0 + 6e7];
        let serverless = Deployment::Serverless { cloud: "aws".into(), region: "r".into() }.into();
        let (from_pod, from_serverless) = (
            PriceTable::new(None).estimate(&pod("p1.x1", 1), load(10_000_000, &bytes)),
            PriceTable::new(None).estimate(&serverless, load(10_000_000, &bytes)),
        );
        assert!((from_pod.copy - 286.0).abs() < 0.2, "{from_pod:?}");
        assert!((from_pod.target_monthly - 23.6).abs() < 0.05, "{from_pod:?}");
        assert!((from_serverless.copy - from_pod.copy - 17.6).abs() < 1e-9, "{from_serverless:?}");
    }

    #[test]
    fn every_number_says_where_it_is_from() {
        let prices = Prices {
            storage_gb_month: Some(Money(0.2)),
            source: Some("contract of 2026-09".into()),
            ..Prices::default()
        };
        let table = PriceTable::new(Some(&prices)).with_logged_queries(500);
        let from = |name: &str| {
            let origin = table.origins.iter().find(|origin| origin.name == name).unwrap();
            (origin.value, origin.from)
        };
        assert_eq!(from("storage_gb_month"), (Some(0.2), "plan"));
        assert_eq!(from("million_read_units"), (Some(16.0), "built in"));
        assert_eq!(from("pod_monthly"), (None, "nobody"));
        assert_eq!(from("queries_per_month"), (Some(500.0), "query log"));
        assert!(table.origins.iter().any(|origin| origin.source == "contract of 2026-09"));
        let given = Prices { queries_per_month: Some(7), ..Prices::default() };
        assert_eq!(PriceTable::new(Some(&given)).with_logged_queries(500).queries_per_month, 7);
    }

    #[test]
    fn no_month_costs_less_than_the_minimum() {
        let prices = Prices { monthly_minimum: Some(Money(50.0)), ..Prices::default() };
        let estimate = PriceTable::new(Some(&prices)).estimate(&pod("p1.x1", 1), load(1, &[1e6]));
        assert_eq!(estimate.target_monthly, 50.0);
    }
}
