//! Why a table refuses a record, and what a plan refuses beyond that.

use crate::model::{Rare, Value};
use crate::store::Refusal;

/// Why a table refuses a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// A word for the reason, for counts.
    pub rule: &'static str,
    /// The column or field it is about.
    pub field: Option<String>,
    pub message: String,
}

impl Misfit {
    pub(super) fn new(rule: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self { rule, field: Some(field.to_owned()), message: message.into() }
    }

    pub(super) fn of_value(field: &str, value: &Value, rare: Rare) -> Self {
        let rule = if rare == Rare::Time { "time" } else { "bytes" };
        Self::new(rule, field, Refusal::of_value(field, value, rare).reason)
    }
}

/// What a plan refuses that the server would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strictness {
    /// Zero vectors: under cosine no query ever finds them.
    pub refuses_zero_vectors: bool,
    /// Values that a half-precision column would round.
    pub refuses_rounding: bool,
}
