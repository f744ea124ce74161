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
mod resolved;
mod schema;
mod source;
mod spelling;
mod stages;
mod template;
mod walk;
mod yaml;

pub use assertion::{Assertion, Comparison, MetricRef, Threshold};
pub use catalogue::{Argument, METRICS, Metric, Unit, metrics_markdown};
pub(crate) use check::{Context, System, address, is_name};
pub use codes::{Code, Level};
pub use diagnostic::{Diagnostic, Diagnostics, Related};
pub(crate) use diagnostic::{either, nearest};
pub use difference::differences;
pub use files::{files_of, is_pattern};
pub(crate) use node::step;
pub use read::{Language, Read};
pub use reference::{error_pages, explain, reference_markdown};
pub use render::Colour;
pub use resolve::Inputs;
pub use resolved::Plan;
pub use stages::{CopyStage, Stage, StageKind};
pub use template::Template;

pub use crate::model::{Place, Severity};
