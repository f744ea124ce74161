//! Writes every record of one side to files, which stay whatever becomes of the run.

mod next;

pub use self::next::Step;
pub(super) use self::next::next;
use crate::assertion::Measured;
use crate::blocking::blocking;
use crate::error::Result;
use crate::model::Side;
use crate::plan::file::Snapshot;
use crate::run::Context;
use crate::run::snapshot;

pub(super) async fn take(step: Step, asked: &Snapshot, context: &Context) -> Result<()> {
    match step {
        Step::Write => {
            let (folder, _) = snapshot::own_folder(context, &asked.to);
            let taken = snapshot::take(context, asked.side(), folder).await?;
            context.wrote("snapshot", taken.folder.clone(), taken.records).await?;
            let mut measured = Measured::default();
            taken.measure(&mut measured);
            context.observed(Side::Target, &measured)
        }
    }
}

/// Takes nothing back: files that somebody may rely on are not the run's to delete.
pub(super) async fn undo(asked: &Snapshot, context: &Context) -> Result<String> {
    let (folder, unfinished) = snapshot::own_folder(context, &asked.to);
    blocking(move || {
        Ok(match (folder.is_dir(), unfinished.is_dir()) {
            (true, _) => format!("kept the snapshot in {}", folder.display()),
            (false, true) => format!("kept {}, which is not whole", unfinished.display()),
            (false, false) => "nothing was written".to_owned(),
        })
    })
    .await
}
