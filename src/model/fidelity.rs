//! How faithfully stores keep vectors, and which comparison of two stores is honest for that.

use std::fmt;

use serde::Serialize;

/// How faithfully a store gives back the vectors that it was given, from the most faithful on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fidelity {
    /// Every bit.
    Bits,
    /// Vectors are made unit vectors; a unit vector keeps its bits.
    Unit,
    /// Vectors are made unit vectors, which is undone when they are read: their last bits differ.
    Ulps,
    /// Components are rounded.
    Lossy,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// A comparison of vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likeness {
    /// Every bit is compared.
    Bits,
    /// Every bit of the source's unit vector.
    Unit,
    /// Both unit vectors, component by component, within [`Likeness::DIRECTION`].
    Direction,
    /// Components as numbers, equal if they are at most so far apart.
    Tolerance(f64),
}

impl Fidelity {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Bits => "keeps every bit",
            Self::Unit => "keeps unit vectors",
            Self::Ulps => "changes the last bits",
            Self::Lossy => "rounds components",
            Self::Unknown => "may keep something else",
        }
    }
}

impl Fidelity {
    /// Its fidelity as a source.
    fn as_read(self) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Bits | Self::Unit | Self::Ulps | Self::Lossy => Self::Bits,
        }
    }
}

impl Likeness {
    /// The most that a component of two unit vectors of the same direction differs by, where one was normalised with
    /// 32-bit floats: two roundings of a value of at most 1. The cosine of two such vectors is above 1 - 10^-6 up to 65,536
    /// components.
    pub const DIRECTION: f64 = 1.0 / 4_194_304.0;

    /// Returns the comparison that is honest between two stores; `None` if one rounds and the plan does not say by how
    /// much. What a source gives, it gives again, whatever it once made of what it was given: only one of which that is not
    /// known weakens the comparison. The plan's tolerance goes before all.
    pub fn of(source: Fidelity, target: Fidelity, tolerance: Option<f64>) -> Option<Self> {
        match (tolerance, source.as_read().max(target)) {
            (Some(tolerance), _) => Some(Self::Tolerance(tolerance)),
            (None, Fidelity::Bits) => Some(Self::Bits),
            (None, Fidelity::Unit) => Some(Self::Unit),
            (None, Fidelity::Ulps | Fidelity::Unknown) => Some(Self::Direction),
            (None, Fidelity::Lossy) => None,
        }
    }

    /// Returns the one of two that says less.
    pub(super) fn weaker(self, other: Self) -> Self {
        let place = |likeness| match likeness {
            Self::Bits => (0, 0.0),
            Self::Unit => (1, 0.0),
            Self::Direction => (2, 0.0),
            Self::Tolerance(by) => (3, by),
        };
        if place(other) > place(self) { other } else { self }
    }

    /// Describes it in a few words.
    pub(super) fn short(self) -> String {
        match self {
            Self::Bits => "every bit".to_owned(),
            Self::Unit => "every bit of unit vectors".to_owned(),
            Self::Direction => "directions".to_owned(),
            Self::Tolerance(by) => format!("within {by}"),
        }
    }

    /// Returns the value of the metric `comparison`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bits => "bits",
            Self::Unit => "unit",
            Self::Direction => "direction",
            Self::Tolerance(_) => "tolerance",
        }
    }

    /// Describes the comparison and its reason in a sentence of a report.
    pub fn sentence(self, source: Fidelity, target: Fidelity) -> String {
        let sides = match source == target {
            true => format!("each side {}", source.words()),
            false => format!("the source {}, the target {}", source.words(), target.words()),
        };
        // A tolerance goes before what the sides keep, which is then no reason for it.
        let is_asked = self != Self::Bits && Self::of(source, target, None) == Some(Self::Bits);
        let joined = if is_asked { ", although " } else { ": " };
        format!("{self}{joined}{sides}")
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bits => f.write_str("every bit of the vectors was compared"),
            Self::Unit => {
                f.write_str("every bit of the unit vectors was compared, not their lengths")
            }
            Self::Direction => f.write_str(
                "the directions of the vectors were compared, not their last bits or lengths",
            ),
            Self::Tolerance(by) => {
                write!(
                    f,
                    "components were compared as numbers, equal within the plan's tolerance of {by}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_target_keeps_decides() {
        use Fidelity::{Bits, Lossy, Ulps, Unit, Unknown};
        for (source, target, tolerance, wanted) in [
            (Bits, Bits, None, Some(Likeness::Bits)),
            (Bits, Unit, None, Some(Likeness::Unit)),
            (Unit, Bits, None, Some(Likeness::Bits)),
            (Lossy, Bits, None, Some(Likeness::Bits)),
            (Lossy, Lossy, None, None),
            (Bits, Ulps, None, Some(Likeness::Direction)),
            (Unknown, Bits, None, Some(Likeness::Direction)),
            (Bits, Lossy, None, None),
            (Bits, Lossy, Some(0.01), Some(Likeness::Tolerance(0.01))),
            (Bits, Bits, Some(0.0), Some(Likeness::Tolerance(0.0))),
        ] {
            assert_eq!(Likeness::of(source, target, tolerance), wanted, "{source:?} {target:?}");
        }
    }
}
