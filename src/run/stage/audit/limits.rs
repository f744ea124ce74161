//! Limits that depend on the subscription (Pinecone, "Database limits" and "Pricing", as of 2026-11).

use serde::Serialize;

use crate::model::Observed;
use crate::plan::file::ServicePlan;

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

/// The comparison of one plan's limit with what the migration needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LimitCheck {
    pub plan: ServicePlan,
    /// The limited quantity: `namespaces of an index`.
    pub what: &'static str,
    pub needed: u64,
    pub allowed: u64,
    pub holds: bool,
}

/// The target resources a migration needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Needs {
    pub namespaces: u64,
    /// The units for writing every record once.
    pub write_units: f64,
    /// The units for reading every record once in a verification.
    pub read_units: f64,
}

/// Checks every limit of the plan in use, or of all plans if it is not known: the service does not say which one a
/// project has.
pub(super) fn check(needs: Needs, plan: Option<ServicePlan>) -> Vec<LimitCheck> {
    let of_plan = |allowance: &&Allowance| plan.is_none_or(|plan| plan == allowance.plan);
    ALLOWANCES.iter().filter(of_plan).flat_map(|allowance| checks(allowance, needs)).collect()
}

fn checks(allowance: &Allowance, needs: Needs) -> Vec<LimitCheck> {
    let check = |what, needed: f64, allowed: Option<u64>| {
        let (needed, allowed) = (needed.ceil() as u64, allowed?);
        Some(LimitCheck { plan: allowance.plan, what, needed, allowed, holds: needed <= allowed })
    };
    [
        check("namespaces of an index", needs.namespaces as f64, Some(allowance.namespaces)),
        check("write units a month, for the copy", needs.write_units, allowance.write_units),
        check("read units a month, for a verify", needs.read_units, allowance.read_units),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns whether bulk import is available; `None` if the plan is not known.
pub(in crate::run::stage) fn has_import(plan: Option<ServicePlan>) -> Option<bool> {
    let plan = plan?;
    ALLOWANCES.iter().find(|one| one.plan == plan).map(|one| one.bulk_import)
}

/// Describes each limit that would be exceeded, with its numbers.
pub(super) fn warnings(checks: &[LimitCheck]) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for check in checks.iter().filter(|check| !check.holds) {
        if seen.contains(&check.what) {
            continue;
        }
        seen.push(check.what);
        let same = checks.iter().filter(|one| !one.holds && one.what == check.what);
        let plans: Vec<_> = same
            .map(|one| format!("{} ({})", one.plan.name(), Observed::count(one.allowed)))
            .collect();
        warnings.push(format!(
            "{} {}: over the limit of the plan {}",
            Observed::count(check.needed),
            check.what,
            plans.join(" and ")
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Needs = Needs { namespaces: 12, write_units: 1_000.0, read_units: 10.0 };

    #[test]
    fn what_fits_everywhere_warns_nowhere() {
        let checks = check(SMALL, None);
        assert_eq!(checks.len(), 3 + 3 + 1 + 1);
        assert!(warnings(&checks).is_empty());
    }

    #[test]
    fn a_limit_that_does_not_hold_is_told_with_its_number() {
        let needs = Needs { namespaces: 12_400, write_units: 3e6, ..SMALL };
        assert_eq!(
            warnings(&check(needs, None)),
            [
                "12,400 namespaces of an index: over the limit of the plan starter (100) and builder (1,000)",
                "3,000,000 write units a month, for the copy: over the limit of the plan starter (2,000,000)",
            ]
        );
        assert!(warnings(&check(needs, Some(ServicePlan::Standard))).is_empty());
        let at = |namespaces| {
            warnings(&check(Needs { namespaces, ..SMALL }, Some(ServicePlan::Standard)))
        };
        assert!(at(100_000).is_empty() && !at(100_001).is_empty());
    }
}
