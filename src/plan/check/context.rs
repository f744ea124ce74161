//! What every check looks at, how it reports, and what it asks of the systems that a plan names.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::{Schema, SchemaGenerator};
use serde_json::Map;

use crate::model::Side;
use crate::plan::codes::{self, Code};
use crate::plan::diagnostic::Diagnostic;
use crate::plan::file::{CreateSpec, Endpoint, PlanFile, Provider, Secret as Reference, Stage};
use crate::plan::node::Node;
use crate::plan::source::{Region, Sources};
use crate::plan::template::Bindings;
use crate::plan::walk::{Secret, is_tainted};

/// A system as the plan language knows it: its word, the keys of its own, and what they may say.
pub(crate) trait System: Send + Sync {
    /// The word of `provider:`.
    fn name(&self) -> &'static str;

    /// The meaning of the word, for the reference.
    fn meaning(&self) -> &'static str;

    /// The meaning of `index` for this system, if it is not the name of an index.
    fn index(&self) -> Option<&'static str> {
        None
    }

    /// Returns the schema of an object with the keys that its endpoints have besides `provider` and `index`. Where two
    /// systems have a key of the same name, it has the same schema.
    fn endpoint(&self, generator: &mut SchemaGenerator) -> Schema;

    /// Returns the references to secrets that an endpoint gives, each with its key.
    fn secrets(&self, endpoint: &Endpoint) -> Vec<(&'static str, Reference)>;

    /// Checks what the plan asks of this system as one of its sides.
    fn check(&self, context: &mut Context<'_>, side: Side);

    /// Reports a key, at `pointer`, that this system has and the endpoint's does not, or the other way round; returns
    /// whether it did. If neither does, it is reported as an unknown key.
    fn refuses_key(&self, _context: &mut Context<'_>, _pointer: &str, _key: &str) -> bool {
        false
    }

    /// Returns the schema of an object with the keys of its own that `create.spec` has; `None` if it makes nothing. The
    /// rule on keys of one name is that of [`System::endpoint`].
    fn spec(&self, _generator: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    /// Checks what a create stage asks of it, at `pointer`.
    fn check_spec(&self, _context: &mut Context<'_>, _pointer: &str, _spec: &CreateSpec) {}

    /// Returns whether it keeps names that stand for one index or another, so that traffic can be moved by one.
    fn has_aliases(&self) -> bool {
        false
    }

    /// Returns the kinds of index that there are, as `source.kind` and `target.kind` say them; at least one.
    fn kinds(&self) -> &'static [&'static str];

    /// Returns the kinds of index that a rehearsal can make as the source; none if it needs nothing made.
    fn rehearsal_kinds(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the codes of the mistakes that only its own keys can have.
    fn codes(&self) -> &'static [&'static Code] {
        &[]
    }

    /// Returns what its secrets begin with, so that one that stands in a plan is never shown.
    fn key_prefix(&self) -> Option<&'static str> {
        None
    }

    /// Says that it answers no queries, if so: `files answer no queries`.
    fn is_silent(&self) -> Option<&'static str> {
        None
    }
}

/// Returns the names of the keys that the endpoints of a system have besides `provider` and `index`.
pub(super) fn endpoint_keys(system: &dyn System) -> Vec<String> {
    keys_of(&system.endpoint(&mut SchemaGenerator::default()))
}

/// Returns the names of the keys of its own that an index of a system has; `None` if it makes nothing.
pub(super) fn spec_keys(system: &dyn System) -> Option<Vec<String>> {
    system.spec(&mut SchemaGenerator::default()).as_ref().map(keys_of)
}

fn keys_of(schema: &Schema) -> Vec<String> {
    let keys = schema.get("properties").and_then(|keys| keys.as_object());
    keys.into_iter().flat_map(Map::keys).cloned().collect()
}

/// The plan under examination and where its parts stand.
pub(crate) struct Context<'a> {
    pub file: &'a PlanFile,
    /// The systems that the plan language knows.
    pub systems: &'a [&'static dyn System],
    pub root: &'a Node,
    pub sources: &'a Sources,
    /// Values of `vars` and `env` in templates.
    pub bindings: &'a Bindings,
    /// The plan's folder.
    pub base: &'a Path,
    /// Pointers whose value was replaced by a sample, because it was wrong.
    pub tainted: &'a BTreeSet<String>,
    pub found: &'a mut Vec<Diagnostic>,
    pub secrets: &'a mut Vec<Secret>,
}

impl<'a> Context<'a> {
    /// Reports at the node of `pointer`, unless something was already reported there.
    pub fn report(&mut self, code: &'static Code, pointer: &str, message: impl Into<String>) {
        self.report_with(code, pointer, message, |diagnostic| diagnostic);
    }

    pub fn report_with(
        &mut self,
        code: &'static Code,
        pointer: &str,
        message: impl Into<String>,
        more: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        self.report_at(code, pointer, self.region(pointer), message, more);
    }

    /// Reports a diagnostic at the key that leads to `pointer`.
    pub fn report_key(
        &mut self,
        code: &'static Code,
        pointer: &str,
        message: impl Into<String>,
        more: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        self.report_at(code, pointer, self.key_region(pointer), message, more);
    }

    /// Reports a diagnostic at a region, unless what `pointer` leads to was wrong before.
    fn report_at(
        &mut self,
        code: &'static Code,
        pointer: &str,
        region: Region,
        message: impl Into<String>,
        more: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        if !self.is_tainted(pointer) {
            self.found.push(more(Diagnostic::new(code, region, message)));
        }
    }

    /// Returns whether the node or one around it was wrong.
    pub fn is_tainted(&self, pointer: &str) -> bool {
        is_tainted(self.tainted, pointer)
    }

    /// Returns whether something inside the node was wrong and is left out.
    pub fn is_tainted_within(&self, pointer: &str) -> bool {
        let inside = format!("{pointer}/");
        let mut from = self.tainted.range(inside.clone()..);
        self.is_tainted(pointer) || from.next().is_some_and(|place| place.starts_with(&inside))
    }

    /// Reports a file that is not there.
    pub fn must_be_there(&mut self, pointer: &str, file: &str) {
        let path = self.base.join(file);
        if !path.is_file() {
            let message = format!("the file `{file}` is not there");
            let looked =
                format!("looked for `{}`: paths start from the plan's folder", path.display());
            self.report_with(&codes::NO_FILE, pointer, message, |d| d.note(looked));
        }
    }

    /// Returns the system of this word; `None` if there is none, which the schema rules out.
    pub fn system(&self, provider: &Provider) -> Option<&'static dyn System> {
        self.systems.iter().find(|system| system.name() == provider.name()).copied()
    }

    /// Returns the endpoint of one side.
    pub fn endpoint(&self, side: Side) -> &'a Endpoint {
        match side {
            Side::Source => &self.file.source,
            Side::Target => &self.file.target,
        }
    }

    pub fn region(&self, pointer: &str) -> Region {
        self.root.focus(pointer)
    }

    /// Returns the region of the key that leads to `pointer`.
    pub fn key_region(&self, pointer: &str) -> Region {
        let entry = pointer
            .rsplit_once('/')
            .and_then(|(parent, key)| self.root.at(parent).and_then(|node| node.entry(key)));
        entry.map_or_else(|| self.region(pointer), |entry| entry.key_region)
    }

    pub fn place(&self, pointer: &str) -> crate::plan::Place {
        self.sources.place(self.region(pointer))
    }

    /// Returns the stages that are not tainted as a whole, with their pointers.
    pub fn stages(&self) -> impl Iterator<Item = (String, &'_ Stage)> + use<'_> {
        self.file
            .stages
            .iter()
            .enumerate()
            .map(|(index, stage)| (format!("/stages/{index}"), stage))
            .filter(|(pointer, _)| !self.is_tainted(pointer))
    }
}
