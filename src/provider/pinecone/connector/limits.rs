//! Limits that depend on the subscription (Pinecone, "Database limits" and "Pricing", as of 2026-11).

use super::price::{reading_units, write_units};
use crate::plan::file::ServicePlan;
use crate::provider::advice::{LimitCheck, Needs};

/// The allowances of one subscription plan.
struct Allowance {
    plan: ServicePlan,
    namespaces: u64,
    /// Write units per month, if they are limited.
    write_units: Option<u64>,
    read_units: Option<u64>,
    bulk_import: bool,
}

const ALLOWANCES: [Allowance; 4] = [
    Allowance {
        plan: ServicePlan::Starter,
        namespaces: 100,
        write_units: Some(2_000_000),
        read_units: Some(1_000_000),
        bulk_import: false,
    },
    Allowance {
        plan: ServicePlan::Builder,
        namespaces: 1_000,
        write_units: Some(5_000_000),
        read_units: Some(2_000_000),
        bulk_import: false,
    },
    Allowance {
        plan: ServicePlan::Standard,
        namespaces: 100_000,
        write_units: None,
        read_units: None,
        bulk_import: true,
    },
    Allowance {
        plan: ServicePlan::Enterprise,
        namespaces: 100_000,
        write_units: None,
        read_units: None,
        bulk_import: true,
    },
];

/// Checks every limit of the plan in use, or of all plans if it is not known: the service does not say which one a
/// project has.
pub(super) fn check(needs: Needs, plan: Option<ServicePlan>) -> Vec<LimitCheck> {
    let of_plan = |allowance: &&Allowance| plan.is_none_or(|plan| plan == allowance.plan);
    ALLOWANCES.iter().filter(of_plan).flat_map(|allowance| checks(allowance, needs)).collect()
}

fn checks(allowance: &Allowance, needs: Needs) -> Vec<LimitCheck> {
    let check = |what, needed: f64, allowed: Option<u64>| {
        let (needed, allowed) = (needed.ceil() as u64, allowed?);
        Some(LimitCheck {
            plan: allowance.plan.name(),
            what,
            needed,
            allowed,
            holds: needed <= allowed,
        })
    };
    [
        check("namespaces of an index", needs.namespaces as f64, Some(allowance.namespaces)),
        check("write units a month, for the copy", write_units(needs.bytes), allowance.write_units),
        check(
            "read units a month, for a verify",
            reading_units(needs.records),
            allowance.read_units,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns whether bulk import is available; `None` if the plan is not known.
pub(super) fn has_import(plan: Option<ServicePlan>) -> Option<bool> {
    let plan = plan?;
    ALLOWANCES.iter().find(|one| one.plan == plan).map(|one| one.bulk_import)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Needs = Needs { namespaces: 12, records: 90, bytes: 1e6 };

    fn broken(needs: Needs, plan: Option<ServicePlan>) -> Vec<(&'static str, u64)> {
        let checks = check(needs, plan);
        let broken = checks.iter().filter(|check| !check.holds);
        broken.map(|check| (check.plan, check.allowed)).collect()
    }

    #[test]
    fn what_fits_everywhere_breaks_nothing() {
        assert_eq!(check(SMALL, None).len(), 3 + 3 + 1 + 1);
        assert!(broken(SMALL, None).is_empty());
    }

    #[test]
    fn each_plan_has_its_own_limits() {
        let needs = Needs { namespaces: 12_400, bytes: 3e9, ..SMALL };
        let plans = [("starter", 100), ("starter", 2_000_000), ("builder", 1_000)];
        assert_eq!(broken(needs, None), plans);
        assert!(broken(needs, Some(ServicePlan::Standard)).is_empty());
        let at = |namespaces| broken(Needs { namespaces, ..SMALL }, Some(ServicePlan::Standard));
        assert!(at(100_000).is_empty() && !at(100_001).is_empty());
    }
}
