//! Limits of the subscription that the target's service is used under.

use crate::model::Observed;
use crate::provider::advice::LimitCheck;

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
        let plans: Vec<_> =
            same.map(|one| format!("{} ({})", one.plan, Observed::count(one.allowed))).collect();
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

    #[test]
    fn a_limit_that_does_not_hold_is_named_once_with_every_plan() {
        let check = |plan, what, needed, allowed| LimitCheck {
            plan,
            what,
            needed,
            allowed,
            holds: needed <= allowed,
        };
        let namespaces = "namespaces of an index";
        let checks = [
            check("starter", namespaces, 12_400, 100),
            check("starter", "write units a month, for the copy", 3_000_000, 2_000_000),
            check("builder", namespaces, 12_400, 1_000),
            check("standard", namespaces, 12_400, 100_000),
        ];
        assert_eq!(
            warnings(&checks),
            [
                "12,400 namespaces of an index: over the limit of the plan starter (100) and builder (1,000)",
                "3,000,000 write units a month, for the copy: over the limit of the plan starter (2,000,000)",
            ]
        );
        assert!(warnings(&checks[3..]).is_empty());
    }
}
