//! Ctrl-C and SIGTERM: the first asks the run to stop at a checkpoint, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
