//! The file that lists every difference.

use std::io::{BufWriter, Write};

use crate::copy::Difference;
use crate::error::{Error, Result};
use crate::model::plural;
use crate::run::Context;

/// The number of differences shown in the report; the artifact has all of them.
const SHOWN: u64 = 20;

/// The artifact of differences, created with the first one.
pub(super) struct Differences<'a> {
    context: &'a Context,
    file: Option<BufWriter<std::fs::File>>,
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
                std::fs::create_dir_all(&self.context.artifacts).map_err(cannot)?;
                self.file.insert(BufWriter::new(std::fs::File::create(&path).map_err(cannot)?))
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
        let Some(mut file) = self.file.take() else { return self.forget().await };
        file.flush().map_err(|error| Error::io("cannot write the differences", error))?;
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
        std::fs::write(&path, "")
            .map_err(|error| Error::io(format!("cannot empty {}", path.display()), error))?;
        self.context.wrote("differences", path, 0).await
    }
}
