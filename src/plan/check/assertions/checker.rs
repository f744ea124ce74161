use std::ops::Range;

use super::super::super::codes::{self, Code};
use super::super::super::diagnostic::Diagnostic;
use super::super::super::file::Stage;
use super::super::super::source::Region;
use super::super::context::Context;

/// An assertion under examination: its text, where that stands, and its stage.
pub(super) struct Checker<'c, 'a> {
    pub text_at: &'c str,
    pub text: &'c str,
    pub stage: &'c Stage,
    pub context: &'c mut Context<'a>,
}

impl Checker<'_, '_> {
    /// Reports at a part of the assertion's text.
    pub fn report(
        &mut self,
        code: &'static Code,
        range: Range<usize>,
        message: impl Into<String>,
        more: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        let region = self.part(range);
        self.context.found.push(more(Diagnostic::new(code, region, message)));
    }

    /// Returns the region of a part of the text in the file; all of it if the file spells it in another way.
    pub fn part(&self, range: Range<usize>) -> Region {
        let whole = self.context.region(self.text_at);
        let written = self.context.sources.text(whole);
        match written.find(self.text) {
            Some(offset) => whole.part(offset + range.start, offset + range.end),
            None => whole,
        }
    }

    /// Returns whether one of these keys of the stage could not be read.
    pub fn is_unknown(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.context.is_tainted_within(&self.of_stage(key)))
    }

    /// Returns the pointer of a key of the stage.
    pub fn of_stage(&self, key: &str) -> String {
        format!("{}/{key}", self.text_at.split("/assert").next().unwrap_or_default())
    }

    pub fn out_of_reach(&mut self, range: Range<usize>, message: &str, help: &str) {
        self.report(&codes::OUT_OF_REACH, range, message, |d| d.help(help));
    }
}

/// Returns the fewest samples that show a percentile: of fewer it is the largest one.
pub(super) fn needed_samples(percentile: f64) -> u64 {
    (1.0 / (1.0 - percentile)).round() as u64
}
