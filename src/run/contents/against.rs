//! Compares records of the source with what the target holds under the same ids.

use std::collections::HashMap;

use super::found::EXAMPLES;
use crate::copy::{Changed, Comparison};
use crate::error::Result;
use crate::journal::Transfer;
use crate::model::{Record, RecordId};
use crate::run::line::Line;
use crate::store::fetch_all;
use crate::store::read::Picks;

/// The comparison of one transfer: its records, looked up in the target and counted by result.
pub(super) struct Against<'a> {
    transfer: &'a Transfer,
    line: &'a Line,
    /// The records to look for in the target.
    picks: Picks,
    pub compared: u64,
    /// Records that the target does not hold.
    pub missing: u64,
    /// Records that the target does not hold and would not accept, or that the plan's changes cannot be applied to.
    pub unfit: u64,
    /// Records that the target holds and would not accept now: it was changed since, or keeps somebody else's.
    unfit_held: u64,
    /// Records that the target holds with different contents. Of those that the copy left unchanged in the target, only the
    /// ones that are no longer what the source held then.
    pub differing: u64,
    /// Example ids of missing records and of differing ones.
    pub missing_examples: Vec<String>,
    pub differing_examples: Vec<String>,
}

impl<'a> Against<'a> {
    pub fn new(transfer: &'a Transfer, line: &'a Line, picks: Picks) -> Self {
        Self {
            transfer,
            line,
            picks,
            compared: 0,
            missing: 0,
            unfit: 0,
            unfit_held: 0,
            differing: 0,
            missing_examples: Vec::new(),
            differing_examples: Vec::new(),
        }
    }

    /// Looks up the selected ones of these records and counts what is missing or differs.
    pub async fn take(&mut self, records: &[Record]) -> Result<()> {
        let Some(shard) = self.transfer.shards.first().map(|state| &state.shard) else {
            return Ok(());
        };
        let target = &self.line.pipeline.target;
        let (write, fetch) = (target.must_write()?, target.must_fetch()?);
        let mut wanted = Vec::new();
        for record in records.iter().filter(|record| (self.picks)(&record.id)) {
            match self.line.pipeline.transform.change(&shard.source, record.clone()) {
                Changed::LeftOut => {}
                Changed::Refused(..) => self.unfit += 1,
                Changed::Kept(record) => wanted.push(record),
            }
        }
        // Fetches return records in any order; sorting keeps the examples the same every time.
        wanted.sort_by(|a, b| a.id.cmp(&b.id));
        let ids: Vec<RecordId> = wanted.iter().map(|record| record.id.clone()).collect();
        let held = fetch_all(&*fetch, &self.transfer.target, &ids).await?;
        let held: HashMap<RecordId, Record> =
            held.into_iter().map(|record| (record.id.clone(), record)).collect();
        let mut comparison = Comparison::default();
        for record in &wanted {
            let seen = held.get(&record.id);
            let was_left = seen.is_some() && self.line.kept.has(&self.transfer.target, &record.id);
            // One that was left as it is was never among those that were refused.
            if !was_left && write.rejects(&self.transfer.target, record, None).is_some() {
                match seen {
                    Some(_) => self.unfit_held += 1,
                    None => {
                        self.unfit += 1;
                        continue;
                    }
                }
            }
            let is_as_it_should = match was_left {
                true => self.is_as_it_was_left(record),
                false => {
                    let (kept, comparing) = (write.kept(record), &self.line.pipeline.comparing);
                    comparison.compare(shard, &kept, seen, comparing).is_empty()
                }
            };
            if is_as_it_should {
                continue;
            }
            let examples = match seen {
                None => &mut self.missing_examples,
                Some(_) => &mut self.differing_examples,
            };
            if examples.len() < EXAMPLES {
                examples.push(format!("`{}`", record.id.shown()));
            }
        }
        self.compared += comparison.compared;
        self.missing += comparison.missing;
        self.differing += comparison.mismatched;
        Ok(())
    }

    /// Returns whether the source still holds what it did when the copy left the record unchanged in the target.
    fn is_as_it_was_left(&mut self, record: &Record) -> bool {
        let has_changed = self.line.kept.has_changed(&self.transfer.target, record);
        self.compared += u64::from(has_changed);
        self.differing += u64::from(has_changed);
        !has_changed
    }

    /// Records that should be in the target and are not. Records that the target refused are not counted, but for as many as
    /// it holds all the same: in their place, others would go unnoticed.
    pub fn lacking(&self) -> u64 {
        let refused = self.transfer.refused().saturating_sub(self.unfit_held);
        (self.missing + self.unfit).saturating_sub(refused)
    }
}
