//! Which namespaces are copied, and under which names.

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::transform::namespace_context;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexStats, Namespace};
use crate::plan::{Plan, file};

/// One namespace and its name on the other side.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Mapping {
    pub source: Namespace,
    pub target: Namespace,
    /// Records by the source's own count.
    pub records: u64,
}

/// The namespaces of the source that the plan selects, in bytewise order, with their counts.
///
/// # Errors
/// `Invalid` for a glob that does not parse.
pub fn choose(
    stats: &IndexStats,
    namespaces: Option<&file::Namespaces>,
) -> Result<Vec<(Namespace, u64)>> {
    let all = stats.namespaces.iter().map(|(namespace, records)| (namespace.clone(), *records));
    let Some(asked) = namespaces else { return Ok(all.collect()) };
    let (select, exclude) = (globs(&asked.select)?, globs(&asked.exclude)?);
    let is_chosen = |namespace: &Namespace| {
        let name = namespace.explicit();
        (asked.select.is_empty() || select.is_match(name)) && !exclude.is_match(name)
    };
    Ok(all.filter(|(namespace, _)| is_chosen(namespace)).collect())
}

/// The chosen namespaces with their names on the other side.
///
/// # Errors
/// `Invalid` where a name cannot be rendered (a namespace that a lookup does not know), where two would get
/// the same name, or where a name breaks the target's rules: all such namespaces at once.
pub fn map_namespaces(
    plan: &Plan,
    chosen: Vec<(Namespace, u64)>,
    namespaces: Option<&file::Namespaces>,
) -> Result<Vec<Mapping>> {
    let template = match namespaces.and_then(|namespaces| namespaces.rename.as_deref()) {
        Some(text) => Some(plan.template(text)?),
        None => None,
    };
    let mut mappings: Vec<Mapping> = Vec::new();
    let mut taken: BTreeMap<Namespace, Namespace> = BTreeMap::new();
    let mut problems = Vec::new();
    for (source, records) in chosen {
        let target = match &template {
            None => source.clone(),
            Some(template) => match template.render(&namespace_context(&source, &plan.lookups)) {
                Ok(name) => Namespace::new(name),
                Err(error) => {
                    problems.push(format!("`{source}`: {}", error.message()));
                    continue;
                }
            },
        };
        if let Some(problem) = name_problem(&target) {
            problems.push(format!("`{source}` would become `{target}`: {problem}"));
        } else if let Some(other) = taken.insert(target.clone(), source.clone()) {
            problems.push(format!("`{other}` and `{source}` would both become `{target}`"));
        } else {
            mappings.push(Mapping { source, target, records });
        }
    }
    if problems.is_empty() {
        return Ok(mappings);
    }
    let more = problems.len().saturating_sub(10);
    problems.truncate(10);
    let tail = if more > 0 { format!("; and {more} more") } else { String::new() };
    Err(Error::new(
        ErrorKind::Invalid,
        format!("namespaces cannot be renamed: {}{tail}", problems.join("; ")),
    )
    .with_hint("add the missing rows to the lookup, or narrow `namespaces.select`"))
}

/// Namespace names have 1 to 512 ASCII characters without NUL (Pinecone, database limits, 2026).
fn name_problem(namespace: &Namespace) -> Option<&'static str> {
    let name = namespace.explicit();
    match name {
        name if name.len() > 512 => Some("longer than 512 characters"),
        name if !name.is_ascii() => Some("not ASCII"),
        name if name.contains('\0') => Some("contains NUL"),
        _ => None,
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = Glob::new(pattern).map_err(|error| {
            Error::invalid(format!("`{pattern}` is not a glob")).with_source(error)
        })?;
        builder.add(glob);
    }
    builder
        .build()
        .map_err(|error| Error::invalid("the globs cannot be combined").with_source(error))
}
