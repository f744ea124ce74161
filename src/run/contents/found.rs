//! The result of a look at both sides.

use std::collections::BTreeMap;

use crate::assertion::Measured;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Contents, IndexStats, Namespace, Observed, plural};

/// The most namespaces named in a message.
const NAMED: usize = 5;
/// The most example ids kept for a namespace.
pub(super) const EXAMPLES: usize = 3;

/// Everything a look at both sides found.
#[derive(Clone, Debug, Default)]
pub(in crate::run) struct Found {
    /// The source's own record counts, taken before anything was read.
    pub counts: IndexStats,
    /// Contents read from each namespace of the source.
    pub read: BTreeMap<Namespace, Contents>,
    /// Source namespaces that no longer match what was copied, ordered by name.
    pub changes: Vec<Change>,
    /// Target namespaces that lack records copied into them.
    pub lacking: Vec<Lack>,
    /// Namespaces that have changed since the copy in the same way on both sides.
    pub alike: Vec<Namespace>,
    /// Source records that were looked up in the target.
    pub compared: u64,
    /// Those of them that the target holds with different contents.
    pub differing: u64,
}

/// The difference between a source namespace and what was copied from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) struct Change {
    pub namespace: Namespace,
    pub kind: Kind,
    /// Records in the source that were not copied.
    pub added: u64,
    /// Records whose contents differ from the target's.
    pub changed: u64,
    /// Records that were copied and are no longer in the source.
    pub removed: u64,
    /// A few ids of such records.
    pub examples: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Kind {
    /// The namespace was copied and has changed since.
    Differs,
    /// The namespace appeared after the copies were planned.
    Appeared,
    /// The namespace was copied and is empty now.
    Vanished,
    /// The plan leaves the namespace behind, and its record count has changed since the copies were planned.
    LeftBehind,
}

/// Records missing from a target namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) struct Lack {
    pub namespace: Namespace,
    /// Records that were copied into the namespace and are not there.
    pub missing: u64,
    pub examples: Vec<String>,
}

impl Change {
    pub fn new(namespace: &Namespace, kind: Kind) -> Self {
        let namespace = namespace.clone();
        Self { namespace, kind, added: 0, changed: 0, removed: 0, examples: Vec::new() }
    }

    /// The number of changed records, at least 1.
    pub fn records(&self) -> u64 {
        (self.added + self.changed + self.removed).max(1)
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [("added", self.added), ("changed", self.changed), ("removed", self.removed)];
        let parts = parts.into_iter().filter(|(_, count)| *count > 0);
        let parts: Vec<String> =
            parts.map(|(what, count)| format!("{} {what}", Observed::count(count))).collect();
        let parts = parts.join(", ");
        match self.kind {
            Kind::Appeared => {
                let added = plural(self.added, "record");
                write!(f, "`{}` appeared after the copy was planned, {added}", self.namespace)?;
            }
            Kind::Vanished => {
                let removed = plural(self.removed, "record");
                write!(f, "`{}` vanished with its {removed}", self.namespace)?;
            }
            Kind::LeftBehind => {
                write!(f, "`{}`, which no copy takes, was written to: {parts}", self.namespace)?;
            }
            Kind::Differs if parts.is_empty() => write!(f, "`{}` differs", self.namespace)?,
            Kind::Differs => write!(f, "`{}`: {parts}", self.namespace)?,
        }
        write_examples(f, &self.examples)
    }
}

impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` lacks {}", self.namespace, plural(self.missing, "record"))?;
        write_examples(f, &self.examples)
    }
}

fn write_examples(f: &mut std::fmt::Formatter<'_>, examples: &[String]) -> std::fmt::Result {
    match examples {
        [] => Ok(()),
        examples => write!(f, " (for example {})", examples.join(", ")),
    }
}

impl Found {
    /// Source records that no longer match what was copied.
    pub fn changed(&self) -> u64 {
        self.changes.iter().map(Change::records).sum()
    }

    /// Copied records that the target does not hold.
    pub fn missing(&self) -> u64 {
        self.lacking.iter().map(|lack| lack.missing).sum()
    }

    /// The number of records read.
    pub fn records(&self) -> u64 {
        self.read.values().map(|contents| contents.records).sum()
    }

    /// Sets the metric `source.changed`.
    pub fn measure_source(&self, measured: &mut Measured) {
        // An empty source counts as one look, so that the metric has a sample.
        let looked = self.records().max(self.changed()).max(1);
        measured.set("source.changed", Observed::count(self.changed()), looked);
    }

    /// Sets the metrics `target.missing` and `target.changed`.
    pub fn measure_target(&self, measured: &mut Measured) {
        let looked = self.compared.max(1);
        measured.set("target.missing", Observed::count(self.missing()), looked).set(
            "target.changed",
            Observed::count(self.differing),
            looked,
        );
    }

    /// Describes the findings in sentences for the report; empty if there are none.
    pub fn sentences(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.changes.iter().take(NAMED).map(|change| format!("source: {change}")).collect();
        all.extend(more(self.changes.len()));
        all.extend(self.lacking.iter().take(NAMED).map(|lack| format!("target: {lack}")));
        all.extend(more(self.lacking.len()));
        if let Some(first) = self.alike.first() {
            all.push(match self.alike.len() {
                1 => format!(
                    "`{first}` is not what was copied; both sides hold the same: something writes to both"
                ),
                many => format!(
                    "`{first}` and {} namespaces more are not what was copied; both sides hold the same: something \
                     writes to both",
                    many - 1
                ),
            });
        }
        all
    }

    /// Refuses to go on if the source has changed.
    ///
    /// # Errors
    /// `Refused` if the source no longer matches what was copied.
    pub fn refuse_changed(&self) -> Result<()> {
        refuse(
            "the source is not what was copied",
            &self.changes,
            "stop what writes to the source; then roll back and run again, which copies everything anew, or bring these \
             records to the target in the same way and run the same command again. Nothing was deleted",
        )
    }

    /// # Errors
    /// `Refused` if the target holds records otherwise than they were copied.
    pub fn refuse_differing(&self) -> Result<()> {
        if self.differing == 0 {
            return Ok(());
        }
        let message = format!(
            "the target holds records otherwise than they were copied ({}): it may alter what is written to it",
            self.differing
        );
        Err(Error::new(ErrorKind::Refused, message).with_hint(
            "a `verify` stage says what differs, and how much of it the plan takes; nothing was deleted",
        ))
    }

    /// Refuses to go on if the target is incomplete.
    ///
    /// # Errors
    /// `Refused` if the target lacks records.
    pub fn refuse_lacking(&self) -> Result<()> {
        refuse(
            "the target does not hold all that was copied",
            &self.lacking,
            "copy what is missing to the target and run the same command again; where the application removed it there \
             on purpose, say how many may be missing: `assert: [target.missing <= 10]`. Nothing was deleted",
        )
    }
}

fn refuse(what: &str, of: &[impl std::fmt::Display], hint: &str) -> Result<()> {
    if of.is_empty() {
        return Ok(());
    }
    let mut named: Vec<String> = of.iter().take(NAMED).map(ToString::to_string).collect();
    named.extend(more(of.len()));
    Err(Error::new(ErrorKind::Refused, format!("{what}: {}", named.join("; "))).with_hint(hint))
}

fn more(count: usize) -> Option<String> {
    let more = count.saturating_sub(NAMED);
    (more > 0).then(|| format!("and {more} more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_namespaces_numbers_and_examples() {
        let change = |namespace: &str, kind, added, changed, removed| Change {
            namespace: Namespace::new(namespace),
            kind,
            added,
            changed,
            removed,
            examples: vec!["`r7`".into(), "`r8`".into()],
        };
        let mut found = Found {
            changes: vec![
                change("a", Kind::Differs, 0, 2, 0),
                change("b", Kind::Differs, 1, 0, 1_200),
                change("c", Kind::Appeared, 3, 0, 0),
                change("d", Kind::Vanished, 0, 0, 4),
                change("e", Kind::Differs, 0, 0, 0),
                change("f", Kind::LeftBehind, 2, 0, 0),
            ],
            ..Found::default()
        };
        assert_eq!(found.changed(), 2 + 1_201 + 3 + 4 + 1 + 2);
        found.changes[4].examples.clear();
        let error = found.refuse_changed().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        insta::assert_snapshot!(error.message(), @"the source is not what was copied: `a`: 2 changed (for example `r7`, `r8`); `b`: 1 added, 1,200 removed (for example `r7`, `r8`); `c` appeared after the copy was planned, 3 records (for example `r7`, `r8`); `d` vanished with its 4 records (for example `r7`, `r8`); `e` differs; and 1 more");
        assert!(Found::default().refuse_changed().is_ok());
    }
}
