//! Checks of the index that a create stage asks Pinecone for.
//!
//! The limits are those of "Create an index" and "Tag an index", 2026.

use super::mistakes::BAD_TAG;
use super::region;
use super::spec::Keys;
use crate::model::{Metric, VectorType};
use crate::plan::file::{AssertionEntry, CreateSpec};
use crate::plan::{Context, Diagnostic, codes, step};

pub(super) fn check(context: &mut Context<'_>, pointer: &str, spec: &CreateSpec) {
    let keys = Keys::of(spec);
    deployment(context, pointer, &keys);
    vectors(context, pointer, spec, &keys);
    tags(context, pointer, spec);
    region::check(context, pointer, &keys);
}

fn deployment(context: &mut Context<'_>, pointer: &str, keys: &Keys) {
    let wrong =
        ["serverless", "pod"].iter().any(|key| context.is_tainted(&format!("{pointer}/{key}")));
    match (&keys.serverless, &keys.pod) {
        _ if wrong => {}
        (None, None) => {
            let message = "the index is neither `serverless` nor `pod`";
            context.report_with(&codes::INDEX_SPEC, pointer, message, |d| {
                d.help("add `serverless: { cloud: aws, region: us-east-1 }`")
            });
        }
        (Some(_), Some(_)) => {
            let serverless = context.key_region(&format!("{pointer}/serverless"));
            let message = "an index is `serverless` or `pod`, not both";
            context.report_with(&codes::INDEX_SPEC, &format!("{pointer}/pod"), message, |d| {
                d.related(serverless, "serverless here")
            });
        }
        (None, Some(pod)) => {
            if let Some(pod_type) = &pod.pod_type
                && !is_pod_type(pod_type)
            {
                let message = format!("there is no pod type `{pod_type}`");
                context.report_with(
                    &codes::INDEX_SPEC,
                    &format!("{pointer}/pod/pod_type"),
                    message,
                    |d| d.label("`s1`, `p1` or `p2`, then `.x1`, `.x2`, `.x4` or `.x8`"),
                );
            }
        }
        (Some(_), None) => {}
    }
}

fn is_pod_type(text: &str) -> bool {
    let (family, size) = text.split_once('.').unwrap_or((text, "x1"));
    ["s1", "p1", "p2"].contains(&family) && ["x1", "x2", "x4", "x8"].contains(&size)
}

fn vectors(context: &mut Context<'_>, pointer: &str, spec: &CreateSpec, keys: &Keys) {
    let at = |key: &str| format!("{pointer}/{key}");
    let wrong = |key: &str| context.is_tainted(&at(key));
    if wrong("vector_type") || wrong("dimension") {
        return;
    }
    if spec.vector_type != Some(VectorType::Sparse) {
        if spec.dimension.is_none() {
            let help = match said_dimension(context) {
                Some(said) => format!("the plan says elsewhere that it is `dimension: {said}`"),
                None => "write the source's, which `vecshift audit` shows, for example `dimension: 1536`"
                    .to_owned(),
            };
            context.report_with(&codes::INDEX_SPEC, pointer, "the index has no dimension", |d| {
                d.help(help)
            });
        }
        return;
    }
    if spec.dimension.is_some() {
        let message = "a sparse index has no dimension";
        context
            .report_with(&codes::INDEX_SPEC, &at("dimension"), message, |d| d.label("remove it"));
    }
    if spec.metric.is_some_and(|metric| metric != Metric::Dotproduct) {
        let message = "a sparse index measures by `dotproduct` only";
        context.report(&codes::INDEX_SPEC, &at("metric"), message);
    }
    if keys.pod.is_some() {
        context.report(&codes::INDEX_SPEC, &at("vector_type"), "pods have no sparse indexes");
    }
}

/// Returns the dimension that an assertion or the rehearsal gives the source.
fn said_dimension(context: &Context<'_>) -> Option<String> {
    let texts = context.stages().flat_map(|(_, stage)| &stage.common.assertions);
    let asserted = texts.map(|entry| match entry {
        AssertionEntry::Text(text) => text,
        AssertionEntry::Long(long) => &long.check,
    });
    let mut asserted = asserted.filter_map(|text| {
        let value = text.replace(' ', "");
        value.strip_prefix("source.dimension==").map(str::to_owned)
    });
    let rehearsed = || context.file.rehearsal.as_ref()?.source.dimension.map(|n| n.to_string());
    asserted.next().or_else(rehearsed)
}

fn tags(context: &mut Context<'_>, pointer: &str, spec: &CreateSpec) {
    if spec.tags.len() > 20 {
        let message = format!("an index has at most 20 tags, and these are {}", spec.tags.len());
        context.report(&BAD_TAG, &format!("{pointer}/tags"), message);
    }
    for (key, value) in &spec.tags {
        let at = format!("{pointer}/tags/{}", step(key));
        let key_fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if key.is_empty() || key.len() > 80 || !key.chars().all(key_fits) {
            let message = format!("`{key}` cannot be the key of a tag");
            let region = context.key_region(&at);
            let diagnostic = Diagnostic::new(&BAD_TAG, region, message);
            context.found.push(diagnostic.note("a key is up to 80 letters, digits, `_` and `-`"));
        }
        let value_fits = |c: char| c.is_ascii_alphanumeric() || ";@_-.+ ".contains(c);
        if value.is_empty() || value.len() > 120 || !value.chars().all(value_fits) {
            let message = format!("`{value}` cannot be the value of a tag");
            context.report_with(&BAD_TAG, &at, message, |d| {
                d.note("a value is 1 to 120 letters, digits, spaces and `; @ _ - . +`")
            });
        }
    }
}
