//! What events say in more than a word.

use serde::{Deserialize, Serialize};

use crate::model::{Judgement, Share, StageId};

/// One judged assertion of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub stage: StageId,
    /// The canary step, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Attempt of the stage, from 1.
    pub attempt: u32,
    pub judgement: Judgement,
}

/// The route on which the records of a copy travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Enumerated, fetched, changed and upserted.
    Stream,
    /// A stream whose ids are listed by a staging index made from a collection of the source.
    Staging,
    /// Copied within the provider: the target is made from a collection of the source.
    Collection,
    /// Written as Parquet files, which the target imports.
    Import,
}

impl Route {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Staging => "collection, staging index, stream",
            Self::Collection => "collection",
            Self::Import => "import",
        }
    }
}

/// Knowledge of a weight after setting it failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum Aftermath {
    /// The weight was read and is this.
    Read {
        weight: Share,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        print: Option<String>,
    },
    /// The driver changed nothing.
    Unchanged,
    /// The weight could not be read.
    Unknown,
}

/// A file the run left for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    pub name: String,
    /// Path, relative to the run's folder unless absolute.
    pub path: String,
    /// Number of rows or records in it.
    pub records: u64,
    /// The place in the state's where it is kept, if that is another than where it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// What was written, for whoever reads it later or elsewhere; earlier versions did not record it.
    #[serde(flatten)]
    pub written: Option<Written>,
}

/// The bytes of a file when its writing ended; of a folder, those of the list in it that has the sums of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}
