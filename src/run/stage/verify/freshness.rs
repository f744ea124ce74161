//! Waits until the target shows what was written to it.

use std::time::Duration;

use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::groups::Group;
use super::next::Step;
use crate::clock::{Timestamp, after, until};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexStats, Quality, Span, Token, plural};
use crate::run::context::guard::counted;
use crate::run::{Context, Note, Progress};
use crate::store::{Reader, Write};

/// The first pause between two checks, and the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The longest time that counts may lag behind what can be read. After that, a low count means that records are
/// missing, which a comparison shows better than waiting.
const COUNTS_LAG: Duration = Duration::from_secs(60);
/// The number of namespaces checked concurrently.
const AT_ONCE: usize = 8;
/// The most namespaces named in a message.
const NAMED: usize = 5;

/// The steps that wait, in their order.
const SEE: [Step; 3] = [Step::SeeCounts, Step::SeeOthers, Step::SeeAll];

/// The checks to make in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look<'a> {
    /// Its count only, without reading from the namespace.
    Counts,
    /// Its count, and whether these readers see its last write, which reads from the namespace.
    LastWrites(&'a [Reader]),
}

/// A wait with one deadline for several steps.
pub(super) struct Freshness {
    limit: Duration,
    began: Timestamp,
    /// Whether this step has looked before.
    is_again: bool,
}

/// The number of namespaces waited for, and how they were found to be complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waited {
    pub namespaces: u64,
    /// Namespaces whose last write was reported readable; the others were judged by their counts.
    pub by_sequence_number: u64,
}

impl Freshness {
    /// Goes on with a wait that an earlier step of this stage began, or begins one.
    pub fn of(context: &Context, step: Step, limit: Duration) -> Result<Self> {
        let begun = &context.stage_state()?.steps_begun;
        let began = SEE.iter().filter_map(|step| begun.get(&step.name())).min().copied();
        let is_again = begun.contains_key(&step.name());
        Ok(Self { limit, began: began.unwrap_or(context.clock.now()), is_again })
    }

    /// Returns the time since the wait began.
    pub fn elapsed(&self, context: &Context) -> Duration {
        until(self.began, context.clock.now())
    }

    /// Looks once whether every write to `groups` is readable, and reports what it waits for. Counts have to agree too,
    /// but for at most a minute once sequence numbers say that everything can be read. `None`: it is to be looked again.
    ///
    /// # Errors
    /// `Timeout`, naming the namespaces that lag.
    pub async fn see(
        &self,
        context: &Context,
        groups: &[&Group],
        look: Look<'_>,
    ) -> Result<Option<Waited>> {
        if self.is_again {
            let pause = (self.elapsed(context) / 4).clamp(PAUSE, LONGEST_PAUSE);
            context.sleep(pause).await?;
        }
        let is_late = context.clock.now() >= after(self.began, self.limit);
        let trusts_counts = self.elapsed(context) < COUNTS_LAG.min(self.limit / 2);
        let seen = look_at(context, groups, look, trusts_counts).await?;
        let lags: Vec<&str> = seen.behind.iter().map(|(_, lag)| lag.as_str()).collect();
        if lags.is_empty() {
            let filled = groups.iter().filter(|group| group.written() > 0).count();
            let by_sequence_number = seen.by_sequence_number;
            return Ok(Some(Waited { namespaces: filled as u64, by_sequence_number }));
        }
        if is_late {
            return Err(self.timeout(&lags));
        }
        self.report(context, groups.len(), &lags);
        Ok(None)
    }

    fn report(&self, context: &Context, all: usize, lags: &[&str]) {
        let gives_up = self.limit.saturating_sub(self.elapsed(context));
        let note = format!(
            "{}; gives up in {}",
            some_of(lags, 1),
            Span(Duration::from_secs(gives_up.as_secs()))
        );
        context.progress(&Progress {
            stage: context.id(),
            unit: "namespaces caught up",
            done: (all - lags.len()) as u64,
            total: all as u64,
            note: Some(Note::WaitsFor(note)),
        });
    }

    fn timeout(&self, lags: &[&str]) -> Error {
        let message = format!(
            "the target does not show everything that was written after {}: {}",
            Span(self.limit),
            some_of(lags, NAMED)
        );
        Error::new(ErrorKind::Timeout, message)
            .with_hint("run the same command again; give it longer with `catch_up`")
    }
}

struct Seen<'a> {
    behind: Vec<(&'a Group, String)>,
    by_sequence_number: u64,
}

/// Checks once. With `trusts_counts`, a namespace that shows fewer records than were written lags even if its last
/// write can be read.
async fn look_at<'a>(
    context: &Context,
    groups: &[&'a Group],
    look: Look<'_>,
    trusts_counts: bool,
) -> Result<Seen<'a>> {
    let target = &context.world.target;
    let (counts, write) = (counted(&**target).await?, target.must_write()?);
    let mut seen = Seen { behind: Vec::new(), by_sequence_number: 0 };
    let mut ask = Vec::new();
    for group in groups {
        match (look, group.token(&*write)?) {
            (Look::LastWrites(readers), Some(token)) => ask.push((*group, token, readers)),
            (Look::LastWrites(_), None) if trusts_counts || !group.is_adopted() => {
                seen.behind.extend(short(group, &counts));
            }
            (Look::LastWrites(_), None) => {}
            (Look::Counts, _) if trusts_counts => seen.behind.extend(short(group, &counts)),
            (Look::Counts, _) => {}
        }
    }
    let answers: Vec<_> = ask
        .into_iter()
        .map(|(group, token, readers)| visibility(&*write, group, token, readers).boxed())
        .collect();
    let answers: Vec<_> = stream::iter(answers).buffer_unordered(AT_ONCE).try_collect().await?;
    for (group, is_visible) in answers {
        let lag = match (is_visible, short(group, &counts)) {
            (Some(true), Some(lag)) if trusts_counts => Some(lag),
            (Some(true), _) => None,
            (Some(false), lag) => Some(lag.unwrap_or_else(|| {
                (group, format!("`{}` does not show its last write yet", group.target))
            })),
            (None, lag) => lag,
        };
        seen.by_sequence_number += u64::from(is_visible == Some(true) && lag.is_none());
        seen.behind.extend(lag);
    }
    seen.behind.sort_by(|a, b| a.0.target.cmp(&b.0.target));
    Ok(seen)
}

/// Returns the group if its namespace shows fewer records than were written to it. What an exact count does not show is not
/// on its way: it is missing, which a comparison names.
fn short<'a>(group: &'a Group, counts: &IndexStats) -> Option<(&'a Group, String)> {
    let (count, written) = (counts.count(&group.target), group.written());
    (count < written && counts.quality != Quality::Exact).then(|| {
        (group, format!("`{}` shows {count} of {}", group.target, plural(written, "record")))
    })
}

/// Returns whether all of `readers` see a write; `None` if that is not known of one of them.
async fn visibility<'a>(
    write: &dyn Write,
    group: &'a Group,
    token: Token,
    readers: &[Reader],
) -> Result<(&'a Group, Option<bool>)> {
    for reader in readers {
        let is_visible = write.visible(&group.target, &token, *reader).await?;
        if is_visible != Some(true) {
            return Ok((group, is_visible));
        }
    }
    Ok((group, Some(true)))
}

fn some_of(lags: &[&str], most: usize) -> String {
    let mut text = lags.iter().take(most).copied().collect::<Vec<_>>().join("; ");
    if lags.len() > most {
        text.push_str(&format!("; and {} more", plural((lags.len() - most) as u64, "namespace")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_a_few_and_counts_the_rest() {
        let lags = ["a", "b", "c"];
        assert_eq!(some_of(&lags, 1), "a; and 2 namespaces more");
        assert_eq!(some_of(&lags, 3), "a; b; c");
    }
}
