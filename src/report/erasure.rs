use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::words::{plural, time};
use crate::journal::{Entry, Event};
use crate::model::{Namespace, Side};
use crate::text::{REMARK, named, named_in};

/// What belonged to somebody and was deleted from one side while the run was open, outside of its stages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErasureReport {
    pub side: Side,
    /// What was deleted, as the command line said it.
    pub what: String,
    pub by: String,
    pub at: Timestamp,
    pub namespaces: u64,
    pub records: u64,
    /// Whether the index shows none of it any more.
    pub finished: bool,
}

impl ErasureReport {
    /// The erasures of a run, oldest first. One that was cut off and begun again is one.
    pub(super) fn all(entries: &[Entry]) -> Vec<Self> {
        let mut all: Vec<(Self, BTreeMap<Namespace, u64>)> = Vec::new();
        for Entry { at, event, .. } in entries {
            let (Event::EraseIntended { side, what, .. } | Event::Erased { side, what }) = event
            else {
                continue;
            };
            let is_it =
                |(one, _): &&mut (Self, _)| !one.finished && one.side == *side && one.what == *what;
            let known = all.iter_mut().rev().find(is_it);
            match (event, known) {
                (Event::EraseIntended { namespaces, .. }, Some((_, held))) => {
                    // The second try finds only what is left.
                    for (namespace, records) in namespaces {
                        let all = held.entry(namespace.clone()).or_default();
                        *all = (*all).max(*records);
                    }
                }
                (Event::EraseIntended { by, namespaces, .. }, None) => {
                    all.push((Self::begun(*side, what, by, *at), namespaces.clone()));
                }
                (_, Some((one, _))) => one.finished = true,
                (_, None) => {}
            }
        }
        let counted = |(one, held): (Self, BTreeMap<Namespace, u64>)| Self {
            namespaces: held.len() as u64,
            records: held.values().sum(),
            ..one
        };
        all.into_iter().map(counted).collect()
    }

    fn begun(side: Side, what: &str, by: &str, at: Timestamp) -> Self {
        let (what, by) = (what.to_owned(), by.to_owned());
        Self { side, what, by, at, namespaces: 0, records: 0, finished: false }
    }

    /// `20 records of 1 namespace were deleted from the source (--match a_*), asked for by ada at …`
    pub(super) fn words(&self) -> String {
        let records = plural(self.records, "record");
        let namespaces = plural(self.namespaces, "namespace");
        let were = match (self.finished, self.records) {
            (true, 1) => "was deleted",
            (true, _) => "were deleted",
            (false, 1) => "is being deleted",
            (false, _) => "are being deleted",
        };
        format!(
            "{records} of {namespaces} {were} from the {} ({}), asked for by {} at {}",
            self.side.name(),
            named_in(&self.what, REMARK),
            named(&self.by),
            time(self.at)
        )
    }
}
