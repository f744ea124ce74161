//! Inventory of a source: what is read of it, what is not and why, and what else a reader of the plan should know.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Observed, plural};

/// Most names that are shown as examples.
const EXAMPLES: usize = 5;

/// The parts of a source, if it is made of files: these and their columns. Of any source what else should be known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// Number of files that are read, their bytes and their rows; 0 of what is not made of files.
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    /// Things that are not read, by reason.
    pub passed_over: Vec<PassedOver>,
    /// Other things that a reader of the plan should know, in sentences.
    pub remarks: Vec<String>,
    /// Things that no copy can be made with, or none that loses nothing.
    pub obstacles: Vec<Obstacle>,
}

/// Something that no copy can be made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// What is in the way, in a sentence, with the number of records where it is about some.
    pub what: String,
    /// What can be done about it.
    pub way_out: String,
}

impl Obstacle {
    /// Returns both in a sentence.
    pub fn sentence(&self) -> String {
        format!("in the way: {}: {}", self.what, self.way_out)
    }

    /// Refuses what all of these are in the way of.
    ///
    /// # Errors
    /// `Refused` with all of them, and what to do about the first.
    pub fn refuse(obstacles: &[Self]) -> Result<()> {
        let Some(first) = obstacles.first() else { return Ok(()) };
        let all: Vec<&str> = obstacles.iter().map(|one| one.what.as_str()).collect();
        Err(Error::new(ErrorKind::Refused, all.join("; ")).with_hint(first.way_out.clone()))
    }
}

/// Things of one sort that are not read for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    pub what: Sort,
    /// Reason, for example `hidden` or `in columns.ignore`.
    pub reason: String,
    pub count: u64,
    /// Names of all columns, or of the first few files.
    pub names: Vec<String>,
}

/// Sort of thing that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    File,
    Column,
}

impl Inventory {
    /// Notes that something is not read.
    pub fn pass_over(&mut self, what: Sort, reason: &str, name: &str) {
        let known = |one: &&mut PassedOver| one.what == what && one.reason == reason;
        let found = match self.passed_over.iter_mut().find(known) {
            Some(found) => found,
            None => {
                let names = Vec::new();
                let reason = reason.to_owned();
                self.passed_over.push(PassedOver { what, reason, count: 0, names });
                let Some(last) = self.passed_over.last_mut() else { return };
                last
            }
        };
        let is_new = !found.names.iter().any(|known| known == name);
        // A column is one thing, in however many files.
        found.count += u64::from(what == Sort::File || is_new);
        if is_new && (what == Sort::Column || found.names.len() < EXAMPLES) {
            found.names.push(name.to_owned());
        }
    }

    /// Returns whether anything of this sort is not read.
    pub fn has_passed_over(&self, what: Sort) -> bool {
        self.passed_over.iter().any(|one| one.what == what)
    }

    /// Returns what is read, what is not, the remarks and the obstacles, in a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let made_of_files = || {
            format!(
                "the source is {}: {}, {}",
                plural(self.files, "file"),
                Observed::Bytes(self.bytes as f64),
                plural(self.rows, "row")
            )
        };
        let mut sentences: Vec<String> = (self.files > 0).then(made_of_files).into_iter().collect();
        sentences.extend(self.passed_over.iter().map(PassedOver::sentence));
        sentences.extend(self.remarks.iter().cloned());
        sentences.extend(self.obstacles.iter().map(Obstacle::sentence));
        sentences
    }
}

impl PassedOver {
    /// Returns a sentence like `2 files are not read (hidden): _SUCCESS, .part.crc`.
    pub fn sentence(&self) -> String {
        let noun = match self.what {
            Sort::File => "file",
            Sort::Column => "column",
        };
        let are = if self.count == 1 { "is" } else { "are" };
        let more = match self.count > EXAMPLES as u64 {
            true => ", …",
            false => "",
        };
        let names = self.names.iter().take(EXAMPLES).map(String::as_str).collect::<Vec<_>>();
        let names = names.join(", ");
        format!("{} {are} not read ({}): {names}{more}", plural(self.count, noun), self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_over_is_counted_and_named() {
        let mut inventory = Inventory { files: 1, bytes: 2_000, rows: 1, ..Default::default() };
        for name in ["_SUCCESS", ".crc"] {
            inventory.pass_over(Sort::File, "hidden", name);
        }
        for number in 0..7 {
            inventory.pass_over(Sort::Column, "in `columns.ignore`", &format!("c{}", number % 6));
        }
        let sentences = inventory.sentences();
        assert_eq!(sentences.len(), 3);
        assert!(sentences[0].starts_with("the source is 1 file: "), "{}", sentences[0]);
        assert_eq!(sentences[1], "2 files are not read (hidden): _SUCCESS, .crc");
        assert_eq!(
            sentences[2],
            "6 columns are not read (in `columns.ignore`): c0, c1, c2, c3, c4, …"
        );
    }
}
