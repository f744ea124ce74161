//! Ids that the target held already, and what the looks at contents say of them later: each answer of `existing` with each
//! change of either side, at a verification and before the deletion.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::model::{Namespace, Record, RecordId, StageId, Vector, Vectors};
use vecshift::run::{Outcome, RunOptions, Silent};

use crate::existing::{TO, beside};
use crate::rig::{Rig, ids_of};

const MORE: &str = "  - { kind: verify, id: verify-2, assert: [source.changed == 0] }
  - { kind: decommission, confirm: old, snapshot: \"file:backup\", assert: [source.changed == 0, target.changed == 0] }";

/// What happens after the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    /// A record that was copied is other in the source.
    OfCopied,
    /// A record whose id the target held with something else in it is other in the source.
    OfMet,
    /// It is no longer in the source.
    GoneOfMet,
    /// It is other in the target.
    OfMetInTarget,
    /// It is no longer in the target.
    GoneOfMetInTarget,
}

impl Change {
    const ALL: [Self; 6] = [
        Self::Nothing,
        Self::OfCopied,
        Self::OfMet,
        Self::GoneOfMet,
        Self::OfMetInTarget,
        Self::GoneOfMetInTarget,
    ];
}

struct Case {
    rig: Rig,
    /// An id that was met with something else under it, where the copy lets that be.
    met: RecordId,
    copied: RecordId,
}

impl Case {
    /// A plan that says `existing`, done up to `stage`.
    async fn until(existing: &str, stage: &str) -> Self {
        let asked = if existing == "refuse" { "" } else { &format!(", existing: {existing}") };
        let others = if existing == "refuse" { 0 } else { 2 };
        let (rig, changed) = beside(asked, MORE, others).await;
        let world = rig.world();
        world.source.describe().await.unwrap().unwrap();
        world.target.describe().await.unwrap().unwrap();
        let held = ids_of(&*world.target, &Namespace::new(TO)).await;
        let all = ids_of(&*world.source, &Namespace::new("a")).await;
        let (met, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|id| held.contains(id));
        let met = changed.first().map_or(met[0].clone(), |record| record.id.clone());
        let until = RunOptions { until: Some(StageId::new(stage)), ..rig.options() };
        let outcome = rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await;
        assert!(matches!(outcome, Ok(Outcome::Held { .. })), "{existing}: {outcome:?}");
        Self { rig, met, copied: others[0].clone() }
    }

    async fn make(&self, change: Change) {
        let (from, to) = (Namespace::new("a"), Namespace::new(TO));
        let other = |id: &RecordId| Record {
            id: id.clone(),
            vectors: Vectors::plain(Vector::from_values([0.25; 8]), None),
            metadata: Default::default(),
        };
        let emulator = &self.rig.emulator;
        match change {
            Change::Nothing => {}
            Change::OfCopied => emulator.insert("old", &from, vec![other(&self.copied)]).unwrap(),
            Change::OfMet => emulator.insert("old", &from, vec![other(&self.met)]).unwrap(),
            Change::GoneOfMet => emulator.remove("old", &from, vec![self.met.clone()]).unwrap(),
            Change::OfMetInTarget => emulator.insert("new", &to, vec![other(&self.met)]).unwrap(),
            Change::GoneOfMetInTarget => {
                emulator.remove("new", &to, vec![self.met.clone()]).unwrap();
            }
        }
    }

    /// What a look that follows says: nothing, or a sentence about the source or the target.
    fn expected(&self, existing: &str, change: Change, is_deletion: bool) -> Option<String> {
        let Self { met, copied, .. } = self;
        let left_alone = existing == "skip";
        Some(match change {
            Change::Nothing => return None,
            Change::OfCopied => format!("`a`: 1 changed (for example `{copied}`)"),
            Change::OfMet => format!("`a`: 1 changed (for example `{met}`)"),
            // The target has records of its own beside it, so nobody knows which of them it is.
            Change::GoneOfMet => "`a`: 1 removed".to_owned(),
            Change::OfMetInTarget if left_alone => return None,
            Change::OfMetInTarget if is_deletion => "target.changed".to_owned(),
            Change::OfMetInTarget => "mismatched == 0".to_owned(),
            Change::GoneOfMetInTarget if left_alone && !is_deletion => return None,
            Change::GoneOfMetInTarget if is_deletion => {
                format!("`{TO}` lacks 1 record (for example `{met}`)")
            }
            Change::GoneOfMetInTarget => "missing == 0".to_owned(),
        })
    }

    /// Everything that was said at the end, by the error or the failure and by the notes.
    async fn said(&self) -> (Outcome, String) {
        let outcome = self.rig.run().await;
        let notes = self.rig.state().stages.into_iter().flat_map(|stage| stage.notes.clone());
        let mut said: Vec<String> = notes.collect();
        match &outcome {
            Outcome::Erred { error, .. } => said.push(error.to_string()),
            Outcome::Failed { reason, .. } => said.push(reason.clone()),
            _ => {}
        }
        (outcome, said.join("\n"))
    }
}

async fn holds(is_deletion: bool, stage: &str) {
    for existing in ["refuse", "overwrite", "skip"] {
        for change in Change::ALL {
            let case = Case::until(existing, stage).await;
            case.make(change).await;
            let (outcome, said) = case.said().await;
            let of = format!("{existing}, {change:?}: {outcome:?}\n{said}");
            match case.expected(existing, change, is_deletion) {
                Some(expected) => {
                    assert!(!matches!(outcome, Outcome::Done), "{of}");
                    assert!(said.contains(&expected), "{expected}: {of}");
                    if let Outcome::Erred { error, .. } = &outcome {
                        assert_eq!(error.kind(), ErrorKind::Refused, "{of}");
                    }
                    assert_eq!(case.rig.emulator.indexes(), ["new", "old"], "{of}");
                }
                // A verification that has nothing to say leaves it to the deletion.
                None if !is_deletion && change == Change::GoneOfMetInTarget => {
                    assert!(said.contains(&format!("`{TO}` lacks 1 record")), "{of}");
                }
                None => {
                    assert!(matches!(outcome, Outcome::Done), "{of}");
                    assert!(!said.contains("changed") && !said.contains("lacks"), "{of}");
                    assert_eq!(case.rig.emulator.indexes(), ["new"], "{of}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_says_what_changed_and_nothing_else() {
    holds(false, "copy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_refused_by_what_changed_and_by_nothing_else() {
    holds(true, "verify-2").await;
}
