//! Checks of several copy stages side by side: where they write, and which of them a `verify` is about.

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::json;

use super::super::codes;
use super::super::file::{Copy, Namespaces, StageKind};
use super::super::template::Template;
use super::context::Context;
use crate::model::Namespace;

type Lookups = BTreeMap<String, BTreeMap<String, String>>;

pub(super) fn check(context: &mut Context<'_>, lookups: &Lookups) {
    overlaps(context, lookups);
    named(context);
}

/// Reports two copies that are sure to write to the same namespace. An overlap that depends on the names in the source
/// is found when those are known.
fn overlaps(context: &mut Context<'_>, lookups: &Lookups) {
    let copies: Vec<_> = context
        .stages()
        .filter_map(|(pointer, stage)| match &stage.kind {
            StageKind::Copy(copy)
                if !context.is_tainted_within(&format!("{pointer}/namespaces")) =>
            {
                Some((pointer, Part::of(context, copy, lookups)))
            }
            _ => None,
        })
        .collect();
    for (number, (pointer, part)) in copies.iter().enumerate() {
        let meeting = copies[..number]
            .iter()
            .find_map(|(first, other)| other.meets(part).map(|why| (first, why)));
        let Some((first, why)) = meeting else { continue };
        let at = |pointer: &str| match context.root.at(&format!("{pointer}/namespaces/select")) {
            Some(_) => format!("{pointer}/namespaces/select"),
            None => format!("{pointer}/kind"),
        };
        let (first, at) = (context.region(&at(first)), at(pointer));
        let message = format!("two copy stages write to the same namespace: {why}");
        context.report_with(&codes::COPIES_MEET, &at, message, |d| {
            d.related(first, "the other").help(
                "give one of them other names with `namespaces.rename`, or narrow its `select`",
            )
        });
    }
}

/// The namespaces of one copy, as far as they are known before the source is.
struct Part {
    /// Its patterns; `*` if it takes all.
    patterns: Vec<String>,
    select: GlobSet,
    exclude: GlobSet,
    /// The way names change, as text: equal texts give equal names.
    rename: String,
    /// Namespaces that it names, with their new names.
    names: BTreeMap<String, String>,
}

impl Part {
    fn of(context: &Context<'_>, copy: &Copy, lookups: &Lookups) -> Self {
        let asked = copy.namespaces.clone().unwrap_or_default();
        let Namespaces { mut select, exclude, rename, .. } = asked;
        if select.is_empty() {
            select.push("*".to_owned());
        }
        let exclude = globs(&exclude);
        let template = rename.as_deref().map(|text| Template::new(text, context.bindings));
        let renamed = |name: &str| match &template {
            None => Some(name.to_owned()),
            Some(template) => {
                let mut known = json!({ "namespace": name });
                for (lookup, rows) in lookups {
                    if let Some(value) = rows.get(name) {
                        known[lookup] = json!(value);
                    }
                }
                template.as_ref().ok()?.render(&known).ok()
            }
        };
        let literal = |name: &&String| !name.contains(['*', '?', '[', '{']);
        let names = select.iter().filter(literal).filter(|name| !exclude.is_match(name));
        let canonical = |name: String| Namespace::new(name).explicit().to_owned();
        Self {
            names: names
                .filter_map(|name| Some((name.clone(), canonical(renamed(name)?))))
                .collect(),
            select: globs(&select),
            patterns: select,
            exclude,
            rename: rename.unwrap_or_else(|| "{{ namespace }}".to_owned()).trim().to_owned(),
        }
    }

    fn takes(&self, name: &str) -> bool {
        self.select.is_match(name) && !self.exclude.is_match(name)
    }

    /// Describes where both are sure to write to one namespace.
    fn meets(&self, other: &Self) -> Option<String> {
        for (mine, target) in &self.names {
            if let Some((theirs, _)) = other.names.iter().find(|(_, theirs)| *theirs == target) {
                return Some(format!("`{mine}` and `{theirs}` would both become `{target}`"));
            }
        }
        if self.rename != other.rename {
            return None;
        }
        let mut names = (self.names.keys().filter(|name| other.takes(name)))
            .chain(other.names.keys().filter(|name| self.takes(name)));
        if let Some(name) = names.next() {
            return Some(format!("both take `{name}` and give it the same name"));
        }
        if !self.exclude.is_empty() || !other.exclude.is_empty() {
            return None;
        }
        let is_all = |part: &Self| part.patterns.iter().any(|pattern| pattern == "*");
        let shared = self.patterns.iter().find(|pattern| other.patterns.contains(pattern));
        let shared = match shared {
            None if is_all(self) => other.patterns.first(),
            None if is_all(other) => self.patterns.first(),
            shared => shared,
        };
        shared.map(|pattern| format!("both take `{pattern}` and give it the same names"))
    }
}

/// Returns the patterns as a set; an invalid one is reported elsewhere and matches nothing here.
fn globs(patterns: &[String]) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    patterns.iter().filter_map(|pattern| Glob::new(pattern).ok()).for_each(|glob| {
        builder.add(glob);
    });
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

/// Checks that a `verify` that names a copy names one that runs before it.
fn named(context: &mut Context<'_>) {
    let stages: Vec<_> = context
        .stages()
        .map(|(pointer, stage)| (pointer, stage.id().to_string(), stage.kind.clone()))
        .collect();
    for (index, (pointer, _, kind)) in stages.iter().enumerate() {
        let StageKind::Verify(verify) = kind else { continue };
        let Some(name) = &verify.copy else { continue };
        let is_copy = |(_, id, kind): &&(String, String, StageKind)| {
            matches!(kind, StageKind::Copy(_)) && id == name
        };
        // A stage whose kind or id is not known may be the one.
        let is_unknown = (0..context.file.stages.len()).any(|index| {
            let stage = format!("/stages/{index}");
            context.is_tainted(&stage) || context.is_tainted(&format!("{stage}/id"))
        });
        if is_unknown || stages[..index].iter().any(|stage| is_copy(&stage)) {
            continue;
        }
        let copies = stages[..index].iter().filter(|(.., kind)| matches!(kind, StageKind::Copy(_)));
        let near = super::super::diagnostic::nearest(name, copies.map(|(_, id, _)| id.as_str()));
        let message = match stages[index..].iter().find(is_copy) {
            Some(_) => format!("the copy stage `{name}` comes after this stage"),
            None => format!("no copy stage is called `{name}`"),
        };
        context.report_with(&codes::NO_SUCH_COPY, &format!("{pointer}/copy"), message, |d| {
            d.suggest(near)
        });
    }
}
