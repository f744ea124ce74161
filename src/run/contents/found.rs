//! What a look came to.

use std::collections::BTreeMap;

use crate::assertion::Measured;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Contents, IndexStats, Namespace, Observed};

/// Namespaces that a message names.
const NAMED: usize = 5;
/// Ids that stand as examples for a namespace.
pub(super) const EXAMPLES: usize = 3;

/// What a look at both sides found.
#[derive(Clone, Debug, Default)]
pub(in crate::run) struct Found {
    /// The source's own counts, asked before anything was read.
    pub counts: IndexStats,
    /// What was read of each namespace of the source.
    pub read: BTreeMap<Namespace, Contents>,
    /// Namespaces of the source that are not what was copied, in order of their names.
    pub changes: Vec<Change>,
    /// Namespaces of the target that lack records which were copied into them.
    pub lacking: Vec<Lack>,
    /// Namespaces that differ from what was copied in the same way on both sides.
    pub alike: Vec<Namespace>,
    /// Records of the source that were looked for in the target.
    pub compared: u64,
    /// Those of them that the target holds with other contents.
    pub differing: u64,
}

/// How a namespace of the source differs from what was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) struct Change {
    pub namespace: Namespace,
    pub kind: Kind,
    /// Records that are in the source and were not copied.
    pub added: u64,
    /// Records whose contents are not those that the target holds.
    pub changed: u64,
    /// Records that were copied and that the source no longer has.
    pub removed: u64,
    /// Some of these records.
    pub examples: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Kind {
    /// It was copied, and is other now.
    Differs,
    /// No copy planned it: it was not there.
    Appeared,
    /// It was copied, and holds nothing any more.
    Vanished,
    /// No copy takes it, and it does not hold as many records as when the copy was planned.
    LeftBehind,
}

/// What a namespace of the target lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) struct Lack {
    pub namespace: Namespace,
    /// Records that were copied into it and that it does not hold.
    pub missing: u64,
    pub examples: Vec<String>,
}

impl Change {
    pub fn new(namespace: &Namespace, kind: Kind) -> Self {
        let namespace = namespace.clone();
        Self { namespace, kind, added: 0, changed: 0, removed: 0, examples: Vec::new() }
    }

    /// Records that are not as they were copied; at least one.
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
                let added = Observed::count(self.added);
                write!(
                    f,
                    "`{}` appeared after the copy was planned, {added} records",
                    self.namespace
                )?;
            }
            Kind::Vanished => {
                let removed = Observed::count(self.removed);
                write!(f, "`{}` vanished with its {removed} records", self.namespace)?;
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
        write!(f, "`{}` lacks {} records", self.namespace, Observed::count(self.missing))?;
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
    /// Records of the source that are not as they were copied.
    pub fn changed(&self) -> u64 {
        self.changes.iter().map(Change::records).sum()
    }

    /// Records that were copied and that the target does not hold.
    pub fn missing(&self) -> u64 {
        self.lacking.iter().map(|lack| lack.missing).sum()
    }

    /// Records that were read.
    pub fn records(&self) -> u64 {
        self.read.values().map(|contents| contents.records).sum()
    }

    /// Sets `source.changed`.
    pub fn measure_source(&self, measured: &mut Measured) {
        // A source that is empty was looked at too.
        let looked = self.records().max(self.changed()).max(1);
        measured.set("source.changed", Observed::count(self.changed()), looked);
    }

    /// Sets `target.missing` and `target.changed`.
    pub fn measure_target(&self, measured: &mut Measured) {
        let looked = self.compared.max(1);
        measured.set("target.missing", Observed::count(self.missing()), looked).set(
            "target.changed",
            Observed::count(self.differing),
            looked,
        );
    }

    /// Sentences for the report; empty where nothing was found.
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

    /// # Errors
    /// `Refused` where the source is not what was copied.
    pub fn refuse_changed(&self) -> Result<()> {
        refuse(
            "the source is not what was copied",
            &self.changes,
            "stop what writes to the source; then roll back and run again, which copies everything anew, or bring these \
             records to the target in the same way and run the same command again. Nothing was deleted",
        )
    }

    /// # Errors
    /// `Refused` where the target lacks records.
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
