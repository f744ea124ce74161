//! The file that lists every difference.

use std::io::{BufWriter, Write as _};

use crate::blocking::blocking;
use crate::copy::Difference;
use crate::error::{Error, Result};
use crate::fs::{Access, Replacement, replace};
use crate::model::plural;
use crate::run::Context;

/// The number of differences shown in the report; the artifact has all of them.
const SHOWN: u64 = 20;

/// The artifact of differences, created with the first one.
pub(super) struct Differences<'a> {
    context: &'a Context,
    file: Option<BufWriter<Replacement>>,
    count: u64,
}

impl<'a> Differences<'a> {
    pub fn new(context: &'a Context) -> Self {
        Self { context, file: None, count: 0 }
    }

    fn path(&self) -> std::path::PathBuf {
        self.context.artifacts.join(format!("{}-differences.jsonl", self.context.stage().id))
    }

    pub fn put(&mut self, difference: &Difference) -> Result<()> {
        let path = self.path();
        let cannot = |error| Error::io(format!("cannot write {}", path.display()), error);
        let file = match self.file.take() {
            Some(file) => self.file.insert(file),
            None => {
                let file = Replacement::begin(&path, Access::Usual).map_err(cannot)?;
                self.file.insert(BufWriter::new(file))
            }
        };
        serde_json::to_writer(&mut *file, difference).map_err(|error| {
            Error::unexpected("a difference cannot be written").with_source(error)
        })?;
        file.write_all(b"\n").map_err(cannot)?;
        self.count += 1;
        if self.count <= SHOWN {
            self.context.note(format!(
                "`{}` in `{}`: {}",
                difference.id.shown(),
                difference.source_namespace,
                difference.detail
            ))?;
        }
        Ok(())
    }

    pub async fn finish(mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return self.forget().await };
        let cannot = |error| Error::io("cannot write the differences", error);
        let file = file.into_inner().map_err(|error| cannot(error.into_error()))?;
        blocking(move || file.commit().map_err(cannot)).await?;
        if self.count > SHOWN {
            self.context.note(format!("and {} more", plural(self.count - SHOWN, "difference")))?;
        }
        self.context.wrote("differences", self.path(), self.count).await
    }

    /// Empties the file of an earlier attempt, whose differences may no longer exist.
    async fn forget(&self) -> Result<()> {
        let path = self.path();
        if !path.exists() {
            return Ok(());
        }
        replace(&path, b"", Access::Usual)
            .map_err(|error| Error::io(format!("cannot empty {}", path.display()), error))?;
        self.context.wrote("differences", path, 0).await
    }
}
