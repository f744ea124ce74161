//! The report of a run for people and machines: one model, several renderings.
//!
//! [`Report::from_entries`] builds the model from the journal alone, so the report at the end of a run and one
//! asked for weeks later are the same code on the same events. [`table`] is for a terminal, [`markdown`] for a
//! change ticket, [`junit`] for a CI server, [`html`] for a browser, [`sarif`] for code scanning; the model itself
//! serialises as JSON.

mod assertion;
mod build;
mod cost;
mod course;
mod early;
mod ending;
mod erasure;
mod html;
mod junit;
mod latency;
mod markdown;
mod model;
mod namespaces;
mod rollback;
mod sarif;
mod stage;
mod steps;
mod stretch;
mod table;
mod traffic;
mod unreached;
mod waiting;
mod words;

pub use assertion::AssertionReport;
pub use course::{RecordsAt, WeightAt};
pub use early::{Early, Problem};
pub use ending::Ending;
pub use erasure::ErasureReport;
pub use html::{early_html, html};
pub use junit::{early_junit, junit};
pub use latency::{LatencyReport, Limit, Percentiles};
pub use markdown::{early_markdown, markdown};
pub use model::{Approval, ErrorReport, HookReport, Next, REPORT_FORMAT, Report, Shortened};
pub use namespaces::NamespaceReport;
pub use rollback::Rollback;
pub use sarif::sarif;
pub use stage::{CopyReport, StageReport};
pub use steps::StepReport;
pub use stretch::{Pace, Stretch};
pub use table::{Look, paint, table};
pub use traffic::TrafficReport;
pub use unreached::Unreached;
pub use waiting::Waiting;
pub use words::{artifact, asker, count, duration, plural, time};
