//! Whether the plan's manifest can be right: told before anything is touched.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Namespace;
use crate::plan::Plan;
use crate::run::stage::manifest_rows;

/// A manifest must give as many ids of each namespace as the source counts records.
pub(super) fn check_manifest(plan: &Plan, namespaces: &[Mapping]) -> Result<()> {
    let Some(rows) = manifest_rows(plan)? else { return Ok(()) };
    let mut found: BTreeMap<&Namespace, u64> =
        namespaces.iter().map(|mapping| (&mapping.source, 0)).collect();
    for row in rows {
        if let Some(count) = found.get_mut(&row?.namespace) {
            *count += 1;
        }
    }
    let problems: Vec<String> = namespaces
        .iter()
        .filter_map(|mapping| {
            let ids = found.get(&mapping.source).copied().unwrap_or(0);
            let (name, records) = (&mapping.source, mapping.records);
            match ids.cmp(&records) {
                Ordering::Less => Some(format!(
                    "`{name}`: {ids} ids for {records} records, {} are missing",
                    records - ids
                )),
                Ordering::Greater => Some(format!(
                    "`{name}`: {ids} ids for {records} records, {} are there twice or not in the source",
                    ids - records
                )),
                Ordering::Equal => None,
            }
        })
        .take(10)
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    let message = format!("the manifest does not fit the source: {}", problems.join("; "));
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("export it again from your system of record; nothing was touched"))
}
