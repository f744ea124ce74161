//! The sentences about an audit in the run's report. The artifacts have the rest.

use super::findings::Findings;
use super::limits::warnings;
use super::text::{candidate_words, dollars};
use crate::error::Result;
use crate::journal::Event;
use crate::model::{Observed, plural};
use crate::provider::advice::Candidate;
use crate::run::Context;
use crate::run::selection::not_copied;

pub(super) fn record(context: &Context, findings: &Findings) -> Result<()> {
    for sentence in sentences(findings) {
        context.note(sentence)?;
    }
    let figures = [
        ("records", Some(findings.records as f64)),
        ("mean_record_bytes", Some(findings.mean_record_bytes)),
        ("target_monthly", findings.cost.target_monthly),
        ("copy_cost", Some(findings.cost.copy)),
        ("verify_cost", Some(findings.cost.verify)),
    ];
    let figures = figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let figures = figures.collect();
    context.record(Event::Measured { stage: context.id(), figures })
}

fn sentences(findings: &Findings) -> Vec<String> {
    let number = |value: u64| Observed::count(value).to_string();
    let spec = &findings.index.spec;
    let mut notes = vec![
        format!(
            "{}: {}, {} in {}, {} in {} selected{}",
            spec.name,
            spec.deployment,
            plural(findings.records, "record"),
            plural(findings.namespaces as u64, "namespace"),
            number(findings.selected_records),
            number(findings.selected_namespaces as u64),
            findings.caveat.map(|caveat| format!("; {caveat}")).unwrap_or_default()
        ),
        format!(
            "sample of {}: {} on average, {} at most; {}; ids of at most {}",
            plural(findings.sampled as u64, "record"),
            Observed::Bytes(findings.mean_record_bytes.round()),
            Observed::Bytes(findings.largest_records.first().map_or(0.0, |one| one.bytes as f64)),
            plural(findings.fields.len() as u64, "metadata field"),
            plural(findings.ids.longest as u64, "character")
        ),
    ];
    notes.extend(findings.inventory.iter().flat_map(|inventory| inventory.sentences()));
    let of_target = findings.target_inventory.sentences().into_iter();
    notes.extend(of_target.map(|sentence| format!("target: {sentence}")));
    notes.extend(records(findings));
    if !findings.lost_operations.is_empty() {
        let lost: Vec<_> = findings.lost_operations.iter().map(|lost| lost.operation).collect();
        notes.push(format!(
            "what the source can do and the target cannot, or does differently: {}",
            lost.join(", ")
        ));
    }
    if let Some(schema) = &findings.suggested_schema {
        notes.push(format!(
            "only some metadata fields can be filtered on; the target filters on all unless it is made with the schema {schema}"
        ));
    }
    notes.extend(warnings(&findings.limits));
    notes.extend(not_copied(&findings.not_copied));
    notes.extend(candidates(findings));
    notes.push(cost(findings));
    notes.extend(log(findings));
    notes
}

/// Describes what is unusual about the records, and what the target would not accept.
fn records(findings: &Findings) -> Vec<String> {
    let mut notes = Vec::new();
    let unsafe_fields: Vec<_> = findings
        .fields
        .values()
        .filter(|field| field.unsafe_integers > 0)
        .map(|field| format!("`{}`", field.name))
        .collect();
    if !unsafe_fields.is_empty() {
        notes.push(format!(
            "whole numbers beyond 2^53 in {}: a store that keeps numbers as 64-bit floats may have two that differ by 1 as the same number",
            unsafe_fields.join(", ")
        ));
    }
    for (what, fields) in
        [("nested values", &findings.nested_fields), ("null", &findings.null_fields)]
    {
        if !fields.is_empty() {
            notes.push(format!("metadata fields with {what}: {}", fields.join(", ")));
        }
    }
    if let Some(example) = &findings.ids.unusual_example {
        notes.push(format!(
            "{} ids have spaces, slashes, percent signs or control characters, like `{}`",
            Observed::count(findings.ids.unusual),
            example.shown()
        ));
    }
    let refused = findings.rejects_by_rule.sentences();
    notes.extend(refused.iter().map(|sentence| format!("the target would refuse {sentence}")));
    notes
}

/// Describes the possible routes of each copy, and what streaming takes.
fn candidates(findings: &Findings) -> Vec<String> {
    let of_copy = |candidates: &[Candidate]| {
        let allowed = || candidates.iter().filter(|candidate| candidate.is_open());
        let names: Vec<_> = allowed().map(|candidate| format!("`{}`", candidate.words)).collect();
        let copy = candidates.first().and_then(|candidate| candidate.copy.as_ref());
        let of = copy.map_or(String::new(), |copy| format!("{copy}: "));
        let mut note = format!("{of}possible ways to copy: {}", names.join(", "));
        if let Some(candidate) = allowed().find(|candidate| candidate.seconds_at_least.is_some()) {
            note.push_str(&format!("; streaming takes {}", candidate_words(candidate)));
        }
        note
    };
    findings.candidates.chunk_by(|a, b| a.copy == b.copy).map(of_copy).collect()
}

fn cost(findings: &Findings) -> String {
    let cost = &findings.cost;
    let before = cost.source_monthly.map_or("unknown".to_owned(), dollars);
    let given: Vec<_> = findings
        .prices
        .origins()
        .iter()
        .filter(|origin| matches!(origin.from, "plan" | "query log"))
        .map(|origin| format!("{} ({})", origin.name, origin.from))
        .collect();
    let given = match given.is_empty() {
        true => "none of them given by the plan".to_owned(),
        false => format!("but for {}", given.join(", ")),
    };
    let after = cost.target_monthly.map_or("unknown".to_owned(), dollars);
    let by = match findings.prices.as_of() {
        "" => String::new(),
        as_of => format!("; by list prices of {as_of}, {given}"),
    };
    format!(
        "cost a month: {before} before, {after} after; copying {}, verifying every record {}, {}{by}",
        dollars(cost.copy),
        dollars(cost.verify),
        findings.basis
    )
}

fn log(findings: &Findings) -> Vec<String> {
    let Some(log) = &findings.query_log else { return Vec::new() };
    let hottest: Vec<_> = log
        .hottest
        .iter()
        .take(3)
        .map(|hot| {
            let share = Observed::Share((hot.share * 1000.0).round() / 1000.0);
            format!("`{}` ({share})", hot.namespace)
        })
        .collect();
    let mut notes = vec![format!(
        "hottest of {}: {}; {} never asked",
        plural(log.queries, "logged query"),
        hottest.join(", "),
        plural(log.never_asked, "namespace")
    )];
    if log.unknown_queries + log.unreadable > 0 {
        notes.push(format!(
            "the query log has {} of namespaces the index does not have and {} that could not be read",
            plural(log.unknown_queries, "query"),
            plural(log.unreadable, "row")
        ));
    }
    notes
}
