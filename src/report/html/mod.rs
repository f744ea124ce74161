//! The report as one HTML file: no script, nothing from elsewhere, readable on a phone, in the dark and on paper.
//!
//! A [`page`] is what the template draws: sections of texts, tables and figures, all as plain values. Whatever comes
//! from a run reaches the file through one formatter, which escapes it ([`render`]); nothing is marked as safe, drawings
//! included. A drawing states its finding in words, and its numbers stand in a table below it.
//!
//! Drawings stretch with the page instead of being scaled: places along their width are percentages, so that their
//! texts are as large on a phone as on a wide screen ([`draw`]).

mod about;
mod attention;
mod contents;
mod course;
mod draw;
mod early;
mod judged;
mod latency;
mod page;
mod render;
mod scale;
mod story;
mod summary;
mod timeline;

use super::{Early, Report};
use crate::error::Result;

/// Renders the report as an HTML file.
///
/// # Errors
/// `Unexpected` if the template does not fit the page.
pub fn html(report: &Report) -> Result<String> {
    let sections = [
        attention::section(report),
        timeline::section(report),
        judged::section(report),
        latency::section(report),
        course::section(report),
        contents::section(report),
        about::cost(report),
        story::section(report),
        about::environment(report),
    ];
    render::render(&summary::page(report, sections.into()))
}

/// Renders a command without a report as an HTML file: what stopped it, and what of the plan was not reached.
///
/// # Errors
/// As [`html`].
pub fn early_html(early: &Early) -> Result<String> {
    render::render(&early::page(early))
}
