//! The plan: a YAML file becomes a [`PlanFile`](file::PlanFile) (what was written), then a [`Plan`] (resolved, checked, with a
//! digest).
//!
//! Reading goes through these steps; each reports all that it finds and goes on, so that one reading shows
//! every mistake of a file with its place:
//!
//! 1. `extends` opens the file, `yaml` makes a tree of nodes of it, each with its region in the text, and the
//!    tree is laid over that of the plan it extends.
//! 2. `resolve` evaluates templates in the tree.
//! 3. `walk` checks the tree against the JSON Schema, which is generated from the types in [`file`] and the
//!    keys of the systems that the [`Language`] knows, and yields JSON that is sure to fit them.
//! 4. `check` asks whether the typed plan makes sense: names, order, weights, units, assertions against the
//!    metric catalogue, lookups.
//! 5. `digest` binds it all to one line.
//!
//! Every mistake is a [`Diagnostic`] with a code of the table in `codes`.

pub mod assertion;
mod catalogue;
mod check;
pub(crate) mod codes;
mod diagnostic;
mod difference;
mod digest;
mod extends;
pub mod file;
mod files;
mod node;
mod places;
mod read;
mod reference;
mod render;
mod resolve;
mod schema;
mod source;
mod spelling;
mod stages;
mod template;
mod walk;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use assertion::{Assertion, Comparison, MetricRef, Threshold};
pub use catalogue::{Argument, METRICS, Metric, Unit, metrics_markdown};
pub(crate) use check::{Context, System, address, is_name};
pub use codes::{Code, Level, error_pages};
pub use diagnostic::{Diagnostic, Diagnostics, Related};
pub(crate) use diagnostic::{either, nearest};
pub use difference::differences;
pub use files::{files_of, is_pattern};
pub(crate) use node::step;
pub use read::{Inputs, Language, Read};
pub use reference::{explain, reference_markdown};
pub use render::Colour;
pub use stages::{CopyStage, Stage, StageKind};
pub use template::Template;

pub use crate::model::{Place, Severity};

use crate::error::Result;
use file::{Endpoint, Hook, Prices, Rehearsal, Traffic, Writes};

/// A plan that was read, resolved and checked: no mistake can be found in it without looking at the world.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: String,
    pub description: Option<String>,
    pub source: Endpoint,
    pub target: Endpoint,
    pub writes: Writes,
    pub traffic: Option<Traffic>,
    pub hooks: Vec<Hook>,
    pub prices: Option<Prices>,
    /// The world that a rehearsal builds.
    pub rehearsal: Option<Rehearsal>,
    /// `sha256:<hex>` over the resolved plan in canonical form.
    pub digest: String,
    /// The folder relative paths in the plan start from.
    pub base: PathBuf,
    /// The path the plan was read from, as it was given.
    pub path: PathBuf,
    /// The stages that run, in order.
    pub stages: Vec<Stage>,
    /// Stages that were set aside, with their places among all: see [`Plan::leave_only`].
    aside: Vec<(usize, Stage)>,
    /// The reviewed content: see [`Plan::reviewed`].
    reviewed: serde_json::Value,
    /// Rows of each lookup file of the copy stages, by lookup name: key column to value column.
    pub lookups: BTreeMap<String, BTreeMap<String, String>>,
    /// Values of `vars` and `env`, for templates that are evaluated later.
    bindings: Arc<template::Bindings>,
    places: Arc<places::Places>,
}

impl Plan {
    /// Makes a template of one of the plan's late texts, with the plan's `vars` and `env`.
    ///
    /// # Errors
    ///
    /// `Invalid` if the text is not a template; texts of the plan itself were checked when it was read.
    pub fn template(&self, text: &str) -> Result<Template> {
        Template::new(text, &self.bindings)
    }

    /// Returns the place of a part of the plan, by its JSON pointer in the file, for example `/stages/2/assert/0`. For
    /// a part that is not in the file, that is the place of the nearest one around it.
    pub fn place(&self, pointer: &str) -> Place {
        self.places.of(pointer)
    }

    /// Returns the line of the plan's text at a place.
    pub fn source_line(&self, place: &Place) -> Option<&str> {
        self.places.line(place)
    }

    /// Resolves a path in the plan, which starts from the plan's folder.
    pub fn resolve_path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.base.join(path)
    }
}
