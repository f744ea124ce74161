//! The files of a run, which whoever goes on from another machine has to find.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::error::Result;
use crate::state::Home;

/// Keeps the files of one run. Cloning shares it.
#[derive(Clone)]
pub(in crate::run) struct Files {
    home: Arc<dyn Home>,
    run: String,
    is_here: Arc<OnceCell<()>>,
}

impl Files {
    pub fn of(home: Arc<dyn Home>, run: String) -> Self {
        Self { home, run, is_here: Arc::default() }
    }

    /// Returns the folder in which the run writes its files.
    pub fn folder(&self) -> PathBuf {
        self.home.artifacts(&self.run)
    }

    /// Brings the files that the run has written elsewhere to this machine, once.
    ///
    /// # Errors
    /// Those of the state's place and of the disk.
    pub async fn fetch(&self) -> Result<()> {
        self.is_here.get_or_try_init(|| self.home.restore(&self.run)).await.copied()
    }

    /// Keeps a file or folder that lies elsewhere than among the run's. Returns its place, if it is another.
    ///
    /// # Errors
    /// Those of the state's place and of the disk.
    pub async fn keep(&self, path: &Path) -> Result<Option<String>> {
        self.home.keep(&self.run, path).await
    }
}
