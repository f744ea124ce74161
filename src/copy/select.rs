//! Selects the namespaces to copy, and their names in the target.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::transform::namespace_context;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexStats, Mapping, Namespace};
use crate::plan::{Plan, file};
use crate::provider::registry::connector;

/// Returns the source namespaces that the plan selects, in bytewise order, with their counts.
///
/// # Errors
/// `Invalid` if a glob does not parse.
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

/// Returns the selected namespaces with their names in the target.
///
/// # Errors
/// `Invalid`, naming all namespaces concerned, if a name cannot be rendered (a lookup does not know the namespace), if
/// two would get the same name and the plan does not merge, or if a name breaks the target's rules.
pub fn map_namespaces(
    plan: &Plan,
    chosen: Vec<(Namespace, u64)>,
    namespaces: Option<&file::Namespaces>,
) -> Result<Vec<Mapping>> {
    let template = match namespaces.and_then(|namespaces| namespaces.rename.as_deref()) {
        Some(text) => Some(plan.template(text)?),
        None => None,
    };
    let system = connector(&plan.target.provider)?;
    let merges = namespaces.is_some_and(|namespaces| namespaces.merge);
    let mut mappings: Vec<Mapping> = Vec::new();
    let mut taken: BTreeMap<Namespace, Namespace> = BTreeMap::new();
    let mut problems = Vec::new();
    let (mut has_collision, mut lacks_row) = (false, false);
    for (source, records) in chosen {
        let target = match &template {
            None => source.clone(),
            Some(template) => match template.render(&namespace_context(&source, &plan.lookups)) {
                Ok(name) if name.trim() != name || name.is_empty() => {
                    problems.push(format!(
                        "`{source}` would become `{name}`, which is empty or ends in white space"
                    ));
                    continue;
                }
                Ok(name) => Namespace::new(name),
                Err(error) => {
                    lacks_row |= plan.lookups.iter().any(|(lookup, rows)| {
                        template.source().contains(lookup.as_str())
                            && !rows.contains_key(source.explicit())
                    });
                    problems.push(format!("`{source}`: {}", error.message()));
                    continue;
                }
            },
        };
        if let Some(problem) = system.refuses_namespace(&plan.target, &target) {
            let new_name = template.as_ref().map(|_| format!(" would become `{target}`"));
            problems.push(format!("`{source}`{}: {problem}", new_name.unwrap_or_default()));
        } else if let Some(other) = taken.insert(target.clone(), source.clone())
            && !merges
        {
            has_collision = true;
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
    let hint = match (has_collision, lacks_row) {
        (true, _) => {
            "give each a name of its own, or say `merge: true` where their ids are disjoint"
        }
        (false, true) => "add the missing rows to the lookup, or narrow `namespaces.select`",
        (false, false) if template.is_none() => {
            "give them other names with `namespaces.rename`, or narrow `namespaces.select`"
        }
        (false, false) => {
            "change the template of `namespaces.rename`, or narrow `namespaces.select`"
        }
    };
    let what = match &template {
        Some(_) => "namespaces cannot be renamed",
        None => "namespaces cannot keep their names in the target",
    };
    let message = format!("{what}: {}{tail}", problems.join("; "));
    Err(Error::new(ErrorKind::Invalid, message).with_hint(hint))
}

/// Sums the records each target namespace receives over its sources.
pub fn expected_by_target(mappings: &[Mapping]) -> BTreeMap<Namespace, u64> {
    let mut expected = BTreeMap::new();
    for mapping in mappings {
        *expected.entry(mapping.target.clone()).or_default() += mapping.records;
    }
    expected
}

/// Returns the target namespaces that have more than one source.
pub fn merged(mappings: &[Mapping]) -> BTreeSet<&Namespace> {
    let mut first: BTreeMap<&Namespace, &Namespace> = BTreeMap::new();
    mappings
        .iter()
        .filter(|mapping| {
            *first.entry(&mapping.target).or_insert(&mapping.source) != &mapping.source
        })
        .map(|mapping| &mapping.target)
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(source: &str, target: &str, records: u64) -> Mapping {
        Mapping { source: source.into(), target: target.into(), records }
    }

    #[test]
    fn a_target_gets_the_sum_of_its_sources() {
        let mappings = [mapping("a", "x", 1), mapping("b", "x", 2), mapping("c", "y", 4)];
        let expected = expected_by_target(&mappings);
        assert_eq!((expected["x"], expected["y"]), (3, 4));
        assert_eq!(merged(&mappings).into_iter().collect::<Vec<_>>(), [&Namespace::from("x")]);
    }

    #[test]
    fn one_source_in_several_parts_is_not_a_merge() {
        assert!(merged(&[mapping("a", "x", 1), mapping("a", "x", 2)]).is_empty());
    }
}
