//! The world of a plan's `rehearsal:` block.

use std::collections::VecDeque;

use super::World;
use crate::error::{Error, Result};
use crate::model::{Namespace, Record};
use crate::plan::Plan;
use crate::plan::file::StageKind;
use crate::provider::parquet::{self, RecordReader};

impl World {
    /// The source index the plan is rehearsed with, its records generated or read from the plan's `data`.
    ///
    /// # Errors
    /// `Invalid` where the plan has no `rehearsal:`; what reading `data` says.
    pub fn of_plan(plan: &Plan) -> Result<Self> {
        let rehearsal = plan.file.rehearsal.as_ref().ok_or_else(|| {
            Error::invalid(format!("the plan `{}` has no `rehearsal:`", plan.file.name))
                .with_hint("describe the source it is rehearsed with; see docs/plan.md")
        })?;
        let spec = plan.file.stages.iter().find_map(|stage| match &stage.kind {
            StageKind::Create(create) => Some(&create.spec),
            _ => None,
        });
        let (dimension, metric) =
            (spec.and_then(|spec| spec.dimension), spec.and_then(|spec| spec.metric));
        let (name, source) = (&plan.file.source.index, &rehearsal.source);
        match &source.data {
            None => Self::generated(name, source, dimension, metric),
            Some(data) => {
                let records =
                    Rows { reader: parquet::read(plan.base.join(data))?, batch: VecDeque::new() };
                Self::of_records(name, source, dimension, metric, records)
            }
        }
    }
}

/// The records of a Parquet file one by one.
struct Rows {
    reader: RecordReader,
    batch: VecDeque<(Namespace, Record)>,
}

impl Iterator for Rows {
    type Item = Result<(Namespace, Record)>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.batch.is_empty() {
            match self.reader.next()? {
                Ok(batch) => self.batch = batch.into(),
                Err(error) => return Some(Err(error)),
            }
        }
        self.batch.pop_front().map(Ok)
    }
}
