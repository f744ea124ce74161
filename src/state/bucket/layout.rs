//! The keys of a plan's state in a bucket.

use super::packs::Pack;

/// The folders of what is written over and over or soon of no use, and of what stays.
const HOT: &str = "hot";
const RUNS: &str = "runs";

const LETTER: &str = ".json";
const WITHDRAWN: &str = ".withdrawn";
const LINES: &str = ".jsonl";

/// The keys of one plan.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    plan: String,
}

/// What a key of a plan is, as far as a plan without a head is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Head,
    /// A letter, or the mark of somebody who waited: both may be there before the first run.
    Hot,
    Run,
    Stranger,
}

impl Layout {
    pub fn new(plan: &str) -> Self {
        Self { plan: plan.to_owned() }
    }

    pub fn plan(&self) -> &str {
        &self.plan
    }

    pub fn head(&self) -> String {
        format!("{}/{HOT}/head.json", self.plan)
    }

    /// Returns the folder of marks that are of no use once they were read.
    pub fn probes(&self) -> String {
        format!("{}/{HOT}/probe", self.plan)
    }

    /// Returns the key of the mark of somebody who asks what time it is.
    pub fn probe(&self, id: &str) -> String {
        format!("{}/{HOT}/probe/{id}", self.plan)
    }

    pub fn inbox(&self) -> String {
        format!("{}/{HOT}/inbox", self.plan)
    }

    pub fn letter(&self, id: &str) -> String {
        format!("{}/{id}{LETTER}", self.inbox())
    }

    pub fn withdrawn(&self, id: &str) -> String {
        format!("{}/{id}{WITHDRAWN}", self.inbox())
    }

    /// Returns the folder of all runs.
    pub fn runs(&self) -> String {
        format!("{}/{RUNS}", self.plan)
    }

    /// Returns the folder of a run's segments.
    pub fn log(&self, run: &str) -> String {
        format!("{}/{RUNS}/{run}/log", self.plan)
    }

    pub fn segment(&self, run: &str, number: u64) -> String {
        format!("{}/{number:012}{LINES}", self.log(run))
    }

    /// Returns the folder of the files that a run writes on its machine.
    pub fn files(&self, run: &str) -> String {
        format!("{}/{RUNS}/{run}/artifacts/files", self.plan)
    }

    /// Returns the folder of what a run wrote elsewhere.
    pub fn kept(&self, run: &str) -> String {
        format!("{}/{RUNS}/{run}/artifacts/kept", self.plan)
    }

    pub fn pack(&self, run: &str, pack: Pack) -> String {
        let (kind, number) = match pack {
            Pack::Small(index) => ("16", index),
            Pack::Large(index) => ("256", index),
            Pack::Tail(last) => ("tail", last),
        };
        format!("{}/{RUNS}/{run}/pack/{kind}/{number:012}{LINES}", self.plan)
    }

    /// Returns what a key below the plan's folder is.
    pub fn place(&self, key: &str) -> Place {
        let below = key.strip_prefix(&self.plan).and_then(|rest| rest.strip_prefix('/'));
        let mut parts = below.unwrap_or_default().split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(HOT), Some("head.json"), None, _) => Place::Head,
            (Some(HOT), Some("inbox" | "probe"), Some(_), None) => Place::Hot,
            (Some(RUNS), Some(_), Some("log" | "pack" | "artifacts"), Some(_)) => Place::Run,
            _ => Place::Stranger,
        }
    }
}

/// Returns the number of a segment by its key; `None` for anything else.
pub(super) fn number_of(key: &str) -> Option<u64> {
    let name = key.rsplit('/').next()?.strip_suffix(LINES)?;
    (name.len() == 12).then(|| name.parse().ok()).flatten()
}

/// Returns the name of a letter by its key.
pub(super) fn letter_of(key: &str) -> Option<&str> {
    key.rsplit('/').next()?.strip_suffix(LETTER)
}

/// Returns the name of the letter that a key says was withdrawn.
pub(super) fn withdrawn_of(key: &str) -> Option<&str> {
    key.rsplit('/').next()?.strip_suffix(WITHDRAWN)
}

/// Returns whether a text can be the name of a run, which is part of keys.
pub(super) fn is_run(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_what_they_are() {
        let layout = Layout::new("twin");
        let is = |key: &str| layout.place(key);
        assert_eq!(is(&layout.head()), Place::Head);
        assert_eq!(is(&layout.letter("01")), Place::Hot);
        assert_eq!(is(&layout.withdrawn("01")), Place::Hot);
        assert_eq!(is(&layout.probe("01")), Place::Hot);
        assert_eq!(is(&layout.segment("r", 7)), Place::Run);
        assert_eq!(is(&layout.pack("r", Pack::Tail(7))), Place::Run);
        for key in ["twin/terraform.tfstate", "twin/hot/x", "twin/runs/r", "other/hot/head.json"] {
            assert_eq!(is(key), Place::Stranger, "{key}");
        }
        assert_eq!(layout.segment("r", 7), "twin/runs/r/log/000000000007.jsonl");
        assert_eq!(number_of(&layout.segment("r", 7)), Some(7));
        assert_eq!(letter_of(&layout.letter("01")), Some("01"));
        assert_eq!(letter_of(&layout.withdrawn("01")), None);
    }
}
