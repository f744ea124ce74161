//! From a file's path to a checked plan, or to all that is wrong with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::Plan;
use super::check::{Context, System, check};
use super::codes::{self, Code};
use super::diagnostic::{Diagnostic, Diagnostics};
use super::difference::reviewed;
use super::digest::digest;
use super::extends::read_nodes;
use super::file::{Audit, CreateSpec, PlanFile, Verify};
use super::node::{Node, step};
use super::places::Places;
use super::resolve::{Declared, Doubted, Inputs, bind, resolve};
use super::schema::{expanded, schema_of};
use super::source::{Region, Sources};
use super::stages::{CopyStage, StageKind};
use super::walk::{Secret, Walked, is_tainted, walk};

/// A plan without errors, and the warnings about it.
#[derive(Clone, Debug)]
pub struct Read {
    pub plan: Plan,
    /// Warnings about it; may be empty.
    pub warnings: Diagnostics,
}

/// The plan language: what a plan can say of the systems that are known.
pub struct Language {
    systems: Vec<&'static dyn System>,
    schema: Value,
    /// The schema without references.
    expanded: Value,
}

impl Language {
    pub(crate) fn new(systems: Vec<&'static dyn System>) -> Self {
        let schema = schema_of(&systems);
        let expanded = expanded(&schema, &schema);
        Self { systems, schema, expanded }
    }

    /// Returns the code of every diagnostic, in order.
    pub fn codes(&self) -> Vec<&'static Code> {
        let own = self.systems.iter().flat_map(|system| system.codes()).copied();
        let mut codes: Vec<_> = codes::all().chain(own).collect();
        codes.sort_by_key(|code| code.code);
        codes
    }

    /// Returns the kinds of index of all systems.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.systems.iter().flat_map(|system| system.kinds()).copied().collect()
    }

    /// Returns the JSON Schema (draft 2020-12) of a plan file.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Reads, resolves and checks a plan. Touches the plan's own files only: the plan, the one it extends, and
    /// its lookups.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, with at least one error; warnings are among them.
    pub fn read(&self, path: &Path, inputs: &Inputs) -> Result<Read, Diagnostics> {
        self.reading().finish(path, None, inputs)
    }

    /// Reads a plan as if the file at `path` held `text`. Other files are looked for from the path's folder.
    ///
    /// # Errors
    ///
    /// Those of [`Language::read`].
    pub fn read_text(
        &self,
        path: &Path,
        text: String,
        inputs: &Inputs,
    ) -> Result<Read, Diagnostics> {
        self.reading().finish(path, Some(text), inputs)
    }

    fn reading(&self) -> Reading<'_> {
        Reading {
            language: self,
            sources: Sources::default(),
            found: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

struct Reading<'a> {
    language: &'a Language,
    sources: Sources,
    found: Vec<Diagnostic>,
    secrets: Vec<Secret>,
}

impl Reading<'_> {
    fn finish(
        mut self,
        path: &Path,
        text: Option<String>,
        inputs: &Inputs,
    ) -> Result<Read, Diagnostics> {
        let plan = self.plan(path, text, inputs);
        for Secret { text, region } in &self.secrets {
            self.sources.hide(text, *region);
        }
        let prefixes = self.language.systems.iter().filter_map(|system| system.key_prefix());
        prefixes.for_each(|prefix| self.sources.hide_keys(prefix));
        let diagnostics = Diagnostics::new(self.found, Arc::new(self.sources));
        match plan {
            Some(plan) if !diagnostics.has_errors() => Ok(Read { plan, warnings: diagnostics }),
            _ => Err(diagnostics),
        }
    }

    fn plan(&mut self, path: &Path, text: Option<String>, inputs: &Inputs) -> Option<Plan> {
        let mut root = read_nodes(path, text, &mut self.sources, &mut self.found)?;
        let mut doubted = Vec::new();
        let (bindings, declared) = bind(&root, inputs, &mut doubted);
        let used = resolve(&mut root, &bindings, &declared, &self.sources, &mut doubted);
        let Walked { value, tainted, unread, secrets } =
            walk(&root, &self.language.expanded, &mut self.found);
        self.secrets = secrets;
        let is_certain = |one: &Doubted| !one.places.iter().any(|place| is_tainted(&unread, place));
        let certain = doubted.into_iter().filter(is_certain);
        self.found.extend(certain.map(|one| one.diagnostic));
        if !unread.contains("/extends") {
            self.unused(&root, &declared, &used);
        }
        let file = self.typed(value)?;
        let base = folder(path);
        let checked = check(Context {
            file: &file,
            systems: &self.language.systems,
            root: &root,
            sources: &self.sources,
            bindings: &bindings,
            base: &base,
            tainted: &tainted,
            found: &mut self.found,
            secrets: &mut self.secrets,
        });
        let digest = digest(&file, &checked, &bindings);
        let reviewed = reviewed(&file, &checked, &bindings);
        let kinds = || checked.stages.iter().map(|stage| &stage.kind);
        Some(Plan {
            name: file.name,
            description: file.description,
            source: file.source,
            target: file.target,
            writes: file.writes,
            traffic: file.traffic,
            hooks: file.hooks,
            prices: file.prices,
            rehearsal: file.rehearsal,
            reviewed,
            digest,
            base,
            path: path.to_owned(),
            copies: kinds().filter_map(copy).cloned().collect(),
            verifies: kinds().filter_map(verified).cloned().collect(),
            create: kinds().find_map(created).cloned(),
            audit: kinds().find_map(audited).cloned(),
            stages: checked.stages,
            lookups: checked.lookups,
            bindings: Arc::new(bindings),
            places: Arc::new(Places::new(root, self.sources.clone())),
        })
    }

    /// Converts the value to its type. The walk has made sure that it fits; if not, that is reported rather than
    /// hidden.
    fn typed(&mut self, value: Value) -> Option<PlanFile> {
        match serde_json::from_value(value) {
            Ok(file) => Some(file),
            Err(error) => {
                let message = format!("this plan cannot be understood: {error}");
                self.found.push(Diagnostic::new(&codes::WRONG_TYPE, Region::default(), message));
                None
            }
        }
    }

    fn unused(&mut self, root: &Node, declared: &Declared, used: &BTreeSet<String>) {
        let reads = |first: &str, name: &str| {
            let whole = format!("{first}.{name}");
            used.iter().any(|used| {
                used == first || *used == whole || used.starts_with(&format!("{whole}."))
            })
        };
        for name in declared.vars.iter().filter(|name| !reads("vars", name)) {
            let pointer = format!("/vars/{}", step(name));
            let message = format!("no template uses the variable `{name}`");
            let region = root
                .get("vars")
                .and_then(|vars| vars.entry(name))
                .map_or_else(|| root.focus(&pointer), |entry| entry.key_region);
            self.found.push(Diagnostic::new(&codes::UNUSED, region, message));
        }
        for (index, name) in declared.env.iter().enumerate().filter(|(_, name)| !reads("env", name))
        {
            let message = format!("no template uses the environment variable `{name}`");
            let region = root.focus(&format!("/env/{index}"));
            self.found.push(Diagnostic::new(&codes::UNUSED, region, message));
        }
        let stages = root.get("stages").map(Node::items).unwrap_or_default();
        let lookups = stages
            .iter()
            .filter_map(|stage| stage.get("namespaces")?.get("lookup"))
            .flat_map(Node::entries);
        let is_used = |name: &str| used.iter().any(|used| used.split('.').next() == Some(name));
        for lookup in lookups.filter(|lookup| !is_used(&lookup.key)) {
            let message = format!("no template uses the lookup `{}`", lookup.key);
            self.found.push(Diagnostic::new(&codes::UNUSED, lookup.key_region, message));
        }
    }
}

fn copy(kind: &StageKind) -> Option<&CopyStage> {
    match kind {
        StageKind::Copy(copy) => Some(copy),
        _ => None,
    }
}

fn created(kind: &StageKind) -> Option<&CreateSpec> {
    match kind {
        StageKind::Create(create) => Some(&create.spec),
        _ => None,
    }
}

fn verified(kind: &StageKind) -> Option<&Verify> {
    match kind {
        StageKind::Verify(verify) => Some(verify),
        _ => None,
    }
}

fn audited(kind: &StageKind) -> Option<&Audit> {
    match kind {
        StageKind::Audit(audit) => Some(audit),
        _ => None,
    }
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
