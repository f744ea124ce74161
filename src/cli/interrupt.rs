//! Ctrl-C and SIGTERM: the first asks the run to stop at a checkpoint, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::exit::Exit;
use super::failure::Failure;
use super::output::Output;
use crate::error::{Error, Result};

/// Printed at the first signal by a run.
pub const AT_A_CHECKPOINT: &str = "Stopping at the next checkpoint; once more stops at once.";
/// Printed at the first signal by a command that has nothing to finish.
pub const SOON: &str = "Stopping.";

/// The time after the first signal for what would be lost otherwise. A CI that cancels a job gives it few seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// Listens for signals until it is dropped.
pub struct Interrupt {
    /// Cancelled by the first signal.
    pub gently: CancellationToken,
    at_once: CancellationToken,
    was_terminated: Arc<AtomicBool>,
    _task: AbortOnDropHandle<()>,
}

impl Interrupt {
    /// Starts listening; `words` are printed at the first signal.
    pub fn listen(output: Output, words: &'static str) -> Result<Self> {
        let (gently, at_once) = (CancellationToken::new(), CancellationToken::new());
        let was_terminated = Arc::new(AtomicBool::new(false));
        let mut signals = Signals::new()?;
        let (first, second, terminated) = (gently.clone(), at_once.clone(), was_terminated.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            terminated.store(signals.next().await, Ordering::SeqCst);
            output.talk(words);
            first.cancel();
            terminated.store(signals.next().await, Ordering::SeqCst);
            second.cancel();
        }));
        Ok(Self { gently, at_once, was_terminated, _task: task })
    }

    /// Waits for `work`, or for the second signal.
    pub async fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = work => result,
            () = self.at_once.cancelled() => Err(Failure::Interrupted(self.exit())),
        }
    }

    /// Waits for `work` that changes nothing, or for the first signal.
    pub async fn look<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = work => result,
            () = self.gently.cancelled() => Err(Failure::Interrupted(self.exit())),
        }
    }

    /// Waits for `work` and, after the first signal, only a moment more: what it has taken by then can be let go of, and what
    /// it has read can be shown.
    pub async fn briefly<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = async {
            self.gently.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
            Err(Failure::Interrupted(self.exit()))
        };
        self.guard(async {
            tokio::select! {
                result = work => result,
                result = late => result,
            }
        })
        .await
    }

    /// Returns the exit code of the signal received.
    pub fn exit(&self) -> Exit {
        if self.was_terminated.load(Ordering::SeqCst) {
            Exit::Terminated
        } else {
            Exit::Interrupted
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let cannot = |error| Error::io("cannot listen for signals", error);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(cannot)?,
            terminate: signal(SignalKind::terminate()).map_err(cannot)?,
        })
    }

    /// Waits for a signal and returns whether it was SIGTERM.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => true,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> bool {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot listen for Ctrl-C");
            std::future::pending::<()>().await;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Look;

    fn listening() -> Interrupt {
        let look = Look::default();
        let output = Output { is_json: false, is_quiet: true, stdout: look, stderr: look };
        Interrupt::listen(output, SOON).unwrap()
    }

    async fn never() -> Result<(), Failure> {
        std::future::pending().await
    }

    async fn within(time: Duration) -> Result<(), Failure> {
        tokio::time::sleep(time).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_signal_a_look_ends_and_what_was_taken_has_a_moment_more() {
        let interrupt = listening();
        assert!(interrupt.briefly(within(PATIENCE * 10)).await.is_ok(), "before any signal");
        interrupt.gently.cancel();
        assert!(matches!(interrupt.look(never()).await, Err(Failure::Interrupted(_))));
        assert!(interrupt.briefly(within(PATIENCE / 2)).await.is_ok());
        assert!(matches!(interrupt.briefly(never()).await, Err(Failure::Interrupted(_))));
        interrupt.at_once.cancel();
        assert!(matches!(interrupt.briefly(never()).await, Err(Failure::Interrupted(_))));
    }
}
