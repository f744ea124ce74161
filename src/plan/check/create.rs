//! Checks of the index that `create` makes: its keys are those of the target's system, which checks them.

use super::super::codes;
use super::super::diagnostic::either;
use super::super::file::{CreateSpec, StageKind};
use super::context::{Context, System, spec_keys};

pub(super) fn check(context: &mut Context<'_>) {
    // Which system it is made in is not known.
    if context.is_tainted("/target/provider") {
        return;
    }
    let Some(system) = context.system(&context.file.target.provider) else { return };
    let specs: Vec<_> = context
        .stages()
        .filter_map(|(pointer, stage)| match &stage.kind {
            StageKind::Create(create) => Some((format!("{pointer}/spec"), create.spec.clone())),
            _ => None,
        })
        .collect();
    for (pointer, spec) in specs {
        foreign_keys(context, &pointer, &spec, system);
        system.check_spec(context, &pointer, &spec);
    }
}

/// Reports keys that are those of other systems.
fn foreign_keys(
    context: &mut Context<'_>,
    pointer: &str,
    spec: &CreateSpec,
    system: &'static dyn System,
) {
    let Some(own) = spec_keys(system) else { return };
    for key in spec.own.keys().filter(|key| !own.contains(*key)) {
        let has_it =
            |one: &&&'static dyn System| spec_keys(**one).is_some_and(|keys| keys.contains(key));
        let owners = context.systems.iter().filter(has_it).map(|one| one.name());
        let label = format!("a key of {}", either(owners));
        let message = format!("unknown key `{key}` for an index of `{}`", system.name());
        let at = format!("{pointer}/{}", super::super::node::step(key));
        context.report_key(&codes::UNKNOWN_KEY, &at, message, |d| d.label(label));
    }
}
