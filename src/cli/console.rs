//! A listener that shows what a run does, to a person at a terminal or in a CI log.
//!
//! On a terminal it prints a line for each change of state, above a progress bar. Elsewhere it prints plain lines: one
//! for each change, and one for every half minute of progress.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::narrate::{Detail, INDENT, line};
use super::output::complain;
use super::progress::Meter;
use crate::clock::Stopwatch;
use crate::journal::{Entry, Event, RunState};
use crate::model::Verdict;
use crate::report::{Look, paint};
use crate::run::{Listener, Progress};
use crate::text::{visible, wrap};

/// The least duration of work that is shown with a bar.
const WORTH_A_BAR: Duration = Duration::from_secs(2);
/// The interval at which progress is printed without a terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(30);
/// The same interval while the run is waiting.
const WAITING_EVERY: Duration = Duration::from_secs(5);

/// The style of the console's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Quiet,
    Plain,
    Bars,
}

/// Shows on standard error what a run does.
pub struct Console {
    manner: Manner,
    look: Look,
    detail: Detail,
    /// The argument that names the plan in suggested commands.
    plan: String,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    /// The work in progress, by stage and unit.
    meter: Option<(String, Meter)>,
    /// The time since the last line of progress.
    said: Option<Stopwatch>,
    bar: Option<ProgressBar>,
    /// The last verdict of each assertion in each step, so that only changes are shown.
    verdicts: BTreeMap<(String, Option<usize>, String), Verdict>,
}

impl Console {
    pub fn new(manner: Manner, look: Look, detail: Detail, plan: &str) -> Self {
        Self { manner, look, detail, plan: plan.to_owned(), live: Mutex::default() }
    }

    /// Removes the bar before something else is printed.
    pub fn finish(&self) {
        self.live().clear_bar();
    }

    fn live(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, live: &Live, text: &str) {
        // A log is searched line by line, so it is not wrapped; a terminal would break lines anywhere.
        let text = match self.manner {
            Manner::Bars => &wrap(text, self.look.width, INDENT),
            Manner::Plain | Manner::Quiet => text,
        };
        let text = if self.look.colour { paint(text) } else { text.to_owned() };
        match &live.bar {
            Some(bar) => bar.suspend(|| complain(&text)),
            None => complain(&text),
        }
    }
}

impl Listener for Console {
    fn event(&self, entry: &Entry, state: &RunState) {
        let mut live = self.live();
        if self.manner == Manner::Quiet || !live.is_news(&entry.event) {
            return;
        }
        if ends_work(&entry.event) {
            live.clear_bar();
        }
        if let Some(text) = line(entry, state, &self.plan, self.detail) {
            self.say(&live, &text);
        }
    }

    fn progress(&self, progress: &Progress) {
        if self.manner == Manner::Quiet {
            return;
        }
        let mut live = self.live();
        let key = format!("{} {}", progress.stage, progress.unit);
        if live.meter.as_ref().is_none_or(|(known, _)| *known != key) {
            live.clear_bar();
            live.meter = Some((key, Meter::default()));
            live.said = Some(Stopwatch::start());
        }
        let Some((_, meter)) = &mut live.meter else { return };
        let since = meter.update(progress.done);
        let words = format!("{}: {}", progress.stage, meter.words(progress));
        match self.manner {
            Manner::Bars if since >= WORTH_A_BAR => live.show(progress, words),
            Manner::Plain
                if live.said.is_none_or(|said| said.elapsed() >= plain_every(progress)) =>
            {
                live.said = Some(Stopwatch::start());
                self.say(&live, &format!("{INDENT}{words}"));
            }
            _ => {}
        }
    }
}

impl Live {
    /// Returns whether an event is worth a line. A judgement that repeats the previous one is not.
    fn is_news(&mut self, event: &Event) -> bool {
        let Event::Judged(judged) = event else { return true };
        let judgement = &judged.judgement;
        let key = (judged.stage.to_string(), judged.step, judgement.assertion.clone());
        self.verdicts.insert(key, judgement.verdict) != Some(judgement.verdict)
    }

    fn show(&mut self, progress: &Progress, words: String) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("  [{bar:24}] {wide_msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        bar.set_length(progress.total.max(progress.done));
        bar.set_position(progress.done);
        bar.set_message(visible(&words).into_owned());
    }

    fn clear_bar(&mut self) {
        self.meter = None;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn plain_every(progress: &Progress) -> Duration {
    if progress.is_waiting() { WAITING_EVERY } else { PLAIN_EVERY }
}

/// Returns whether the event ends the work shown by the bar.
fn ends_work(event: &Event) -> bool {
    matches!(
        event,
        Event::StagePassed { .. }
            | Event::StageFailed { .. }
            | Event::StageErred { .. }
            | Event::StageHeld { .. }
            | Event::StepPassed { .. }
            | Event::RollbackStarted { .. }
            | Event::RunFinished
    )
}
