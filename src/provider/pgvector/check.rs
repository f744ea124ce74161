//! What of a table that a create stage asks for cannot be made.

use super::design::{Element, Made};
use super::keys::Keys as EndpointKeys;
use super::made::planned;
use super::name::misfit;
use super::place::Place;
use super::spec::Rounding;
use super::spec::{self, Keys};
use crate::model::{Side, VectorType};
use crate::plan::file::CreateSpec;
use crate::plan::{Context, codes, step};

/// Checks what a create stage asks for.
pub(super) fn check(context: &mut Context<'_>, pointer: &str, spec: &CreateSpec) {
    let keys: Keys = spec.fields().unwrap_or_default();
    let at = |key: &str| format!("{pointer}/{key}");
    if keys.hnsw.is_some() && keys.ivfflat.is_some() {
        let first = context.key_region(&at("hnsw"));
        let message = "an index over the vectors is `hnsw` or `ivfflat`, not both";
        context.report_with(&codes::INDEX_SPEC, &at("ivfflat"), message, |d| {
            d.related(first, "hnsw here")
        });
    }
    if keys.namespaces.is_some()
        && let Ok(Place::Tables(_)) = Place::read(&context.endpoint(Side::Target).index)
    {
        let target = context.region("/target/index");
        let message = "each namespace has a table of its own already";
        context.report_with(&codes::INDEX_SPEC, &at("namespaces"), message, |d| {
            d.related(target, "by the name of the target's tables")
        });
    }
    let has_halves = keys.element == Some(Element::F16)
        || keys.vectors.values().any(|one| one.element == Some(Element::F16));
    if keys.rounding == Some(Rounding::Accept) && !has_halves {
        let message = "`f32` keeps every component: only `element: f16` rounds";
        context.report(&codes::INDEX_SPEC, &at("rounding"), message);
    }
    if !keys.vectors.is_empty() {
        several(context, pointer, spec, &keys);
        columns(context, spec);
        return;
    }
    if spec.vector_type == Some(VectorType::Sparse) {
        let message = "a table for sparse values alone cannot be made yet";
        context.report(&codes::INDEX_SPEC, &at("vector_type"), message);
        return;
    }
    let Some(dimension) = spec.dimension else {
        if !context.is_tainted(&at("dimension")) {
            context.report(&codes::INDEX_SPEC, pointer, "the index has no dimension");
        }
        return;
    };
    let kind = keys.element.unwrap_or_default().kind();
    if kind.limit().is_some_and(|most| dimension > most) {
        let message = "a vector of pgvector has at most 16,000 components";
        context.report(&codes::INDEX_SPEC, &at("dimension"), message);
    } else if (keys.hnsw.is_some() || keys.ivfflat.is_some())
        && let Some(most) = kind.index_limit().filter(|most| dimension > *most)
    {
        let message = format!("an index over these vectors takes at most {most} components");
        context.report_with(&codes::INDEX_SPEC, &at("dimension"), message, |d| {
            d.help("leave the index out: every query then looks at every record of its namespace")
        });
    }
    columns(context, spec);
}

/// Checks that the table that would be made has the columns that the plan names.
fn columns(context: &mut Context<'_>, spec: &CreateSpec) {
    let endpoint = context.endpoint(Side::Target);
    let row = EndpointKeys::of(endpoint).row.unwrap_or_default();
    let asked = spec::asked_for(&endpoint.index, spec);
    let Ok(place) = Place::read(&endpoint.index) else { return };
    let Err(why) = planned(&place, &row, &asked) else { return };
    let hint = why.hint().map(str::to_owned);
    context.report_with(&codes::BAD_COLUMNS, "/target/row", why.message(), |d| match hint {
        Some(hint) => d.help(hint),
        None => d,
    });
}

/// Checks the columns of a table with several vectors.
fn several(context: &mut Context<'_>, pointer: &str, spec: &CreateSpec, keys: &Keys) {
    let given = [
        ("dimension", spec.dimension.is_some()),
        ("metric", spec.metric.is_some()),
        ("vector_type", spec.vector_type.is_some()),
        ("element", keys.element.is_some()),
        ("hnsw", keys.hnsw.is_some()),
        ("ivfflat", keys.ivfflat.is_some()),
    ];
    let columns = context.key_region(&format!("{pointer}/vectors"));
    for (key, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        let message = format!("`{key}` is said of each of `vectors`, not of all of them");
        context.report_with(&codes::INDEX_SPEC, &format!("{pointer}/{key}"), message, |d| {
            d.related(columns, "the vectors")
        });
    }
    for (name, one) in &keys.vectors {
        let at = |key: &str| format!("{pointer}/vectors/{}/{key}", step(name));
        let made = Made::of_keys(name, one);
        let (kind, has_index) = (made.kind(), made.method.is_some());
        if let Some(why) = misfit(name) {
            let message =
                format!("`{}` cannot be the name of a column: it {why}", name.escape_debug());
            let at = format!("{pointer}/vectors/{}", step(name));
            context.report_key(&codes::INDEX_SPEC, &at, message, |d| d);
        }
        if one.hnsw.is_some() && one.ivfflat.is_some() {
            let message = "an index over the vectors is `hnsw` or `ivfflat`, not both";
            context.report(&codes::INDEX_SPEC, &at("ivfflat"), message);
        }
        if made.is_sparse && one.ivfflat.is_some() {
            let message = "no IVFFlat index can be made over sparse vectors";
            context.report(&codes::INDEX_SPEC, &at("ivfflat"), message);
        }
        if made.is_sparse && one.element.is_some() {
            let message = "sparse vectors are kept as `f32`";
            context.report(&codes::INDEX_SPEC, &at("element"), message);
        }
        // Of sparse vectors the limits are about components that are not zero.
        if made.is_sparse {
            continue;
        }
        let most = if has_index { kind.index_limit() } else { kind.limit() };
        if let Some(most) = most.filter(|most| one.dimension > *most) {
            let what =
                if has_index { "an index over these vectors" } else { "a vector of pgvector" };
            let message = format!("{what} takes at most {most} components");
            context.report(&codes::INDEX_SPEC, &at("dimension"), message);
        }
    }
}
