//! Prices of Pinecone's, from a dated table that a plan can override.

use serde::Serialize;
use serde_json::Value;

use crate::model::{self, Money};
use crate::pinecone_wire::Deployment;
use crate::plan::file::Prices;
use crate::provider::advice::{Load, Origin, PriceList, SourceCost, TargetCost};

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
pub(super) struct PriceTable {
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

impl PriceTable {
    pub fn new(prices: Option<&Prices>, logged: Option<u64>) -> Self {
        let table = Self::given(prices);
        match logged {
            Some(queries) => table.with_logged_queries(queries),
            None => table,
        }
    }

    fn given(prices: Option<&Prices>) -> Self {
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
    fn with_logged_queries(mut self, per_month: u64) -> Self {
        let origin = self.origins.iter_mut().find(|one| one.name == "queries_per_month");
        if let Some(origin) = origin.filter(|origin| origin.value.is_none()) {
            origin.value = Some(per_month as f64);
            origin.from = "query log";
            origin.source = "counted over the time its timestamps cover".to_owned();
            self.queries_per_month = per_month;
        }
        self
    }

    /// Returns what a month of a serverless index costs.
    fn monthly(&self, load: Load<'_>) -> f64 {
        let storage = load.bytes / 1e9 * self.storage_gb_month;
        let units =
            asked_units(load.asked).unwrap_or_else(|| mean_read_units(load.namespace_bytes));
        let queries = self.queries_per_month as f64 * units / 1e6 * self.million_read_units;
        ((storage + queries) * (1.0 - self.discount)).max(self.monthly_minimum)
    }

    fn reading(&self, records: u64) -> f64 {
        reading_units(records) / 1e6 * self.million_read_units
    }
}

/// Units as documented by Pinecone (2026): one write unit per kB; one read unit per query and GB of the namespace, at
/// least 0.25; one read unit per 10 records fetched and per page of 100 ids listed. Pods charge no units.
impl PriceList for PriceTable {
    fn as_of(&self) -> &'static str {
        self.as_of
    }

    fn origins(&self) -> &[Origin] {
        &self.origins
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn of_source(&self, deployment: &model::Deployment, load: Load<'_>) -> SourceCost {
        let (monthly, read) = match Deployment::of(deployment) {
            Some(Deployment::Pod { pod_type, pods, .. }) => {
                let size = f64::from(pods) * size_factor(&pod_type);
                (self.pod_monthly.map(|price| price * size), 0.0)
            }
            Some(Deployment::Serverless { .. }) => {
                (Some(self.monthly(load)), self.reading(load.records))
            }
            None | Some(Deployment::Other(_)) => (None, 0.0),
        };
        SourceCost { monthly: self.source_monthly.or(monthly), read }
    }

    fn of_target(&self, load: Load<'_>) -> TargetCost {
        TargetCost {
            monthly: Some(self.monthly(load)),
            write: write_units(load.bytes) / 1e6 * self.million_write_units,
            import: self.import_gb.map(|price| load.bytes / 1e9 * price),
            read: self.reading(load.records),
        }
    }

    fn leaving(&self, bytes: f64) -> f64 {
        (bytes / 1e9 - EGRESS_INCLUDED_GB).max(0.0) * self.egress_gb
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

/// Write units for writing this many bytes once in full requests.
pub(super) fn write_units(bytes: f64) -> f64 {
    bytes / 1e3
}

/// Read units for listing and fetching this many records once.
pub(super) fn reading_units(records: u64) -> f64 {
    records as f64 / 100.0 + records as f64 / 10.0
}

/// Returns the mean read units per query of a log; `None` without one.
fn asked_units(asked: &[(f64, f64)]) -> Option<f64> {
    let all: f64 = asked.iter().map(|(queries, _)| queries).sum();
    let units = asked.iter().map(|(queries, bytes)| queries * query_units(*bytes)).sum::<f64>();
    (all > 0.0).then(|| units / all)
}

/// Read units for one query of a namespace of this size.
fn query_units(bytes: f64) -> f64 {
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

    #[test]
    fn every_number_says_where_it_is_from() {
        let prices = Prices {
            storage_gb_month: Some(Money(0.2)),
            source: Some("contract of 2026-09".into()),
            ..Prices::default()
        };
        let table = PriceTable::new(Some(&prices), Some(500));
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
        assert_eq!(PriceTable::new(Some(&given), Some(500)).queries_per_month, 7);
    }

    #[test]
    fn a_log_says_which_namespaces_are_asked() {
        assert_eq!(asked_units(&[]), None);
        assert_eq!(asked_units(&[(0.0, 8e9)]), None);
        assert_eq!(asked_units(&[(3.0, 8e9), (1.0, 1e6)]), Some((24.0 + 0.25) / 4.0));
    }
}
