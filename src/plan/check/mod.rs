//! Checks of what a well-formed plan means: they look at the typed plan and need no world.
//!
//! Each file checks one part and reports with the place of the node; nothing stops at the first mistake.

mod assertions;
mod canary;
mod context;
mod copies;
mod copy;
mod create;
mod globs;
mod hooks;
mod lint;
mod lookup;
mod manifest;
mod names;
mod order;
mod paths;
mod records;
mod rehearsal;
mod secrets;
mod traffic;

use std::collections::BTreeMap;

pub(crate) use context::{Context, System};
pub(crate) use names::is_name;
pub(crate) use traffic::address;

use super::stages::Stage as Resolved;

/// Results that the checks come by on their way.
pub(crate) struct Checked {
    pub stages: Vec<Resolved>,
    pub lookups: BTreeMap<String, BTreeMap<String, String>>,
}

/// Checks the whole plan.
pub(crate) fn check(mut context: Context<'_>) -> Checked {
    let file = context.file;
    names::check(&mut context);
    paths::check(&mut context);
    secrets::check(&mut context);
    order::check(&mut context);
    hooks::check(&mut context);
    traffic::check(&mut context);
    create::check(&mut context);
    let lookups = copy::check(&mut context);
    copies::check(&mut context, &lookups);
    records::check(&mut context);
    canary::check(&mut context);
    rehearsal::check(&mut context);
    lint::check(&mut context);
    let checked = file.stages.iter().enumerate().map(|(index, stage)| {
        let assertions = assertions::check(&mut context, index, stage);
        (assertions, context.place(&format!("/stages/{index}")))
    });
    Checked { stages: Resolved::resolve(&file.stages, checked), lookups }
}
