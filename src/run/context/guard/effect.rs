use std::fmt;

use crate::journal::Confirmation;
use crate::model::{IndexStats, Namespace, Resource, Share, Side};

/// An effect that cannot be taken back, or that moves traffic.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    DeleteSource(Box<Checked>),
    DeleteTarget {
        index: String,
        is_purge: bool,
    },
    RemoveResource(Resource),
    /// Removes a namespace that this run filled with probe records, to see whether they become readable.
    RemoveProbe(Namespace),
    ChangeProtection {
        side: Side,
        is_on: bool,
    },
    SetWeight(Share),
}

/// The findings and the confirmation required for deleting the source.
#[derive(Clone, Debug)]
pub(in crate::run) struct Checked {
    /// The counts that were checked, and written to the snapshot if the plan has one.
    pub counts: IndexStats,
    pub confirmed: Confirmation,
    pub has_snapshot: bool,
}

impl Effect {
    /// The name of the effect's row in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DeleteSource(_) => "delete the source",
            Self::DeleteTarget { .. } => "delete the target",
            Self::RemoveResource(_) => "remove a resource",
            Self::RemoveProbe(_) => "remove probe records",
            Self::ChangeProtection { .. } => "change deletion protection",
            Self::SetWeight(_) => "set a weight",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeleteTarget { index, .. } => write!(f, "delete the target `{index}`"),
            Self::RemoveResource(resource) => write!(f, "remove the {resource}"),
            Self::RemoveProbe(namespace) => write!(f, "remove the probe records of `{namespace}`"),
            Self::ChangeProtection { side, is_on } => {
                let word = if *is_on { "protect" } else { "unprotect" };
                write!(f, "{word} the {}", side.name())
            }
            Self::SetWeight(weight) => write!(f, "set the weight {weight}"),
            Self::DeleteSource(_) => f.write_str(self.name()),
        }
    }
}
