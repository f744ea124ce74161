//! What a copy stage names and what is not there: patterns, rows of a lookup, metadata fields. A misspelt name is one of
//! these, and says nothing of itself.

use std::collections::BTreeSet;

use globset::GlobBuilder;

use crate::model::{FieldName, Filter, IndexStats, Namespace, Observed, Record};
use crate::plan::{CopyStage, Plan, file};

/// Names that a sentence gives.
const NAMED: usize = 3;

/// Everything of a copy stage that matches no namespace of the source, a sentence each.
pub fn idle_names(plan: &Plan, copy: &file::Copy, stats: &IndexStats) -> Vec<String> {
    let Some(asked) = &copy.namespaces else { return Vec::new() };
    let mut idle = idle_patterns(stats, asked);
    idle.extend(idle_rows(plan, asked, stats));
    idle
}

/// The patterns of a selection that match no namespace, each with what would: the same pattern where upper and lower case
/// count alike.
fn idle_patterns(stats: &IndexStats, namespaces: &file::Namespaces) -> Vec<String> {
    let matches = |pattern: &str, folded: bool| {
        let glob = GlobBuilder::new(pattern).case_insensitive(folded).build().ok();
        let matcher = glob.map(|glob| glob.compile_matcher());
        let is_match = |name: &&Namespace| {
            matcher.as_ref().is_some_and(|matcher| matcher.is_match(name.explicit()))
        };
        stats.namespaces.keys().filter(is_match).count()
    };
    let patterns = namespaces.select.iter().chain(&namespaces.exclude);
    let idle = patterns.filter(|pattern| matches(pattern, false) == 0);
    idle.map(|pattern| match matches(pattern, true) {
        0 => format!("`{pattern}` matches no namespace"),
        folded => format!(
            "`{pattern}` matches no namespace; in other letters it would match {folded}: upper and lower case differ"
        ),
    })
    .collect()
}

/// The rows of the copy's lookups that are of no namespace.
fn idle_rows(plan: &Plan, namespaces: &file::Namespaces, stats: &IndexStats) -> Vec<String> {
    let known: BTreeSet<&str> = stats.namespaces.keys().map(Namespace::explicit).collect();
    let own = namespaces.lookup.keys().filter_map(|name| plan.lookups.get_key_value(name));
    let idle = own.filter_map(|(name, rows)| {
        let idle: Vec<&str> =
            rows.keys().map(String::as_str).filter(|row| !known.contains(row)).collect();
        let shown: Vec<String> = idle.iter().take(NAMED).map(|row| format!("`{row}`")).collect();
        let more = if idle.len() > NAMED { " and more" } else { "" };
        let (rows, are) = if idle.len() == 1 { ("row", "is") } else { ("rows", "are") };
        (!idle.is_empty()).then(|| {
            format!(
                "{} {rows} of the lookup `{name}` {are} of no namespace: {}{more}",
                Observed::count(idle.len() as u64),
                shown.join(", ")
            )
        })
    });
    idle.collect()
}

/// The metadata fields that a copy stage changes or filters by and that none of these records has, a sentence each.
pub fn idle_fields<'a>(
    copy: &CopyStage,
    records: impl IntoIterator<Item = &'a Record>,
) -> Vec<String> {
    let mut held: BTreeSet<&str> = BTreeSet::new();
    let mut looked_at = 0;
    for record in records {
        looked_at += 1;
        held.extend(record.metadata.0.keys().map(FieldName::as_str));
    }
    if looked_at == 0 {
        return Vec::new();
    }
    let changes = copy.asked.metadata.clone().unwrap_or_default();
    let mut idle = Vec::new();
    let mut look = |field: &str, is_there: bool, named_in: &str| {
        if !is_there {
            idle.push(format!(
                "none of the {} records looked at has the field `{field}`, which `{named_in}` names",
                Observed::count(looked_at)
            ));
        }
    };
    for field in copy.filter.as_ref().map(Filter::fields).unwrap_or_default() {
        look(field, held.contains(field), "filter");
    }
    for field in &changes.drop {
        look(field, held.contains(field.as_str()), "metadata.drop");
    }
    for field in changes.rename.keys() {
        look(field, held.contains(field.as_str()), "metadata.rename");
    }
    for field in changes.cast.keys() {
        // It is cast under its new name.
        let old = changes.rename.iter().filter(|(_, new)| *new == field).map(|(old, _)| old);
        let is_there =
            held.contains(field.as_str()) || old.into_iter().any(|old| held.contains(old.as_str()));
        look(field, is_there, "metadata.cast");
    }
    idle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RecordId, Vector, Vectors};

    #[test]
    fn fields_that_no_record_has_are_named_by_who_names_them() {
        let filter = serde_json::json!({ "lang": "de", "langs": { "$exists": true } });
        let asked: file::Copy = serde_json::from_value(serde_json::json!({
            "metadata": {
                "drop": ["dorp", "secret"],
                "rename": { "titel": "title", "old": "new" },
                "cast": { "new": "string", "yaer": "number" },
            },
        }))
        .unwrap();
        let filter = Some(Filter::read(&filter).unwrap());
        let copy = CopyStage { asked, filter, ..CopyStage::whole() };
        let record = |metadata: serde_json::Value| Record {
            id: RecordId::from("a"),
            vectors: Vectors::plain(Vector::from_values([1.0]), None),
            metadata: serde_json::from_value(metadata).unwrap(),
        };
        let records = [
            record(serde_json::json!({ "lang": "de", "secret": 1 })),
            record(serde_json::json!({ "old": 7 })),
        ];
        let named: Vec<String> = idle_fields(&copy, &records);
        let named: Vec<&str> =
            named.iter().map(|one| one.split_once("the field ").unwrap().1).collect();
        assert_eq!(
            named,
            [
                "`langs`, which `filter` names",
                "`dorp`, which `metadata.drop` names",
                "`titel`, which `metadata.rename` names",
                "`yaer`, which `metadata.cast` names",
            ]
        );
        assert!(idle_fields(&copy, &[]).is_empty());
    }
}
