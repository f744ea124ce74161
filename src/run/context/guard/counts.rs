//! The counts of an index that something is decided by.

use std::ops::ControlFlow::{Break, Continue};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Patience, ask};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexStats, Quality};
use crate::store::Source;

/// How long answers may differ.
const DIFFERING: Patience =
    Patience { limit: Duration::from_secs(20), pause: Duration::from_secs(1) };

/// Returns the counts of an index, as it gives them now.
///
/// # Errors
/// `Refused` if they are estimates.
pub(in crate::run) async fn counted(index: &dyn Source) -> Result<IndexStats> {
    index.stats().await?.proven()
}

/// Returns the counts of an index; of one whose counts lag, once two answers in a row agree. A namespace that one answer
/// leaves out still counts.
///
/// # Errors
/// `Conflict` if the answers keep changing; `Refused` if they are estimates.
pub(in crate::run) async fn agreed(clock: &Clock, index: &dyn Source) -> Result<IndexStats> {
    let first = counted(index).await?;
    if first.quality == Quality::Exact {
        return Ok(first);
    }
    let last = Mutex::new(Some(first));
    let look = || async {
        let next = counted(index).await?;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        Ok::<_, Error>(confirmed(&mut last, next).map_or(Continue(()), Break))
    };
    let rest = || async {
        clock.sleep(DIFFERING.pause).await;
        Ok(())
    };
    if let Break(counts) = ask(DIFFERING.from_now(clock), look, rest).await? {
        return Ok(counts);
    }
    Err(Error::new(ErrorKind::Conflict, "the index counts its records differently each time")
        .with_hint("something writes to it: stop the writes, then run the same command again"))
}

/// Returns the answer if it agrees with the previous one.
fn confirmed(last: &mut Option<IndexStats>, next: IndexStats) -> Option<IndexStats> {
    let is_same = last.as_ref().is_some_and(|last| last.namespaces == next.namespaces);
    *last = Some(next.clone());
    is_same.then_some(next)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Namespace;

    fn stats(namespaces: &[&str]) -> IndexStats {
        let namespaces: BTreeMap<_, _> =
            namespaces.iter().map(|name| (Namespace::new(*name), 1)).collect();
        IndexStats { total: namespaces.len() as u64, namespaces, ..IndexStats::default() }
    }

    fn agreed_of(answers: &[&[&str]]) -> Option<IndexStats> {
        let mut last = None;
        answers.iter().find_map(|names| confirmed(&mut last, stats(names)))
    }

    #[test]
    fn a_namespace_that_one_answer_leaves_out_is_there() {
        assert_eq!(agreed_of(&[&["a"], &["a", "b"], &["a", "b"]]), Some(stats(&["a", "b"])));
        assert_eq!(
            agreed_of(&[&["a", "b"], &["a"], &["a", "b"], &["a", "b"]]),
            Some(stats(&["a", "b"]))
        );
    }

    #[test]
    fn one_answer_and_answers_that_keep_changing_are_none() {
        assert_eq!(agreed_of(&[&["a"]]), None);
        assert_eq!(agreed_of(&[&["a"], &["b"], &["a"], &["b"]]), None);
    }
}
