//! Checks that the source of a rehearsal is of a kind that the source's system has.

use super::super::codes;
use super::super::diagnostic::either;
use super::context::Context;

pub(super) fn check(context: &mut Context<'_>) {
    let Some(rehearsal) = &context.file.rehearsal else { return };
    let Some(system) = context.system(&context.file.source.provider) else { return };
    let (kinds, kind) = (system.rehearsal_kinds(), rehearsal.source.kind.name());
    if kinds.is_empty() || kinds.contains(&kind) || context.is_tainted("/source/provider") {
        return;
    }
    let message = format!("`{}` has no index of the kind `{kind}`", system.name());
    context.report_with(&codes::UNKNOWN_WORD, "/rehearsal/source/kind", message, |d| {
        d.label(format!("expected {}", either(kinds.iter().copied())))
    });
}
