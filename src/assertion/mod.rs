//! Judging: from measurements to verdicts.
//!
//! A [`Judgement`] is the finding on one assertion: the verdict, the value seen, the threshold, how many samples stood
//! behind it and the window. It is reached in one of two ways. A stage that ends with a set of numbers ([`Measured`])
//! is judged once, by [`judge_once`]. A canary step is watched: samples go into a [`Series`], which forgets what is
//! older than the longest window, and a [`Judge`] reads it again and again until an assertion has failed for good or
//! the step is over.
//!
//! One law holds everywhere: *no data is never a pass*. A pass needs a measurement that could be taken, had
//! `min_samples` behind it and met the threshold.
//!
//! Latencies are kept in HdrHistograms of microseconds with 3 significant digits, so a percentile is at most
//! 0.1 % above the true one. A percentile is the nearest rank over *all* queries, and one that failed ranks
//! behind every one that was answered: `p95(query) < 100ms` says that 95 of 100 queries were answered in
//! time, so a peer that gives up on the slow ones is not flattered.

mod compare;
mod judge;
mod judgement;
mod measured;
mod once;
mod series;
mod tally;
#[cfg(test)]
mod test_assertion;

pub use judge::{Judge, Progress, Readings};
pub use judgement::stage_verdict;
pub use measured::{Measured, metric_ref};
pub use once::judge_once;
pub use series::Series;

pub use crate::model::{Judgement, MeasuredValue, Observed, Verdict};
