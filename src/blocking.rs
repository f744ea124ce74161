use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, Result};

/// Runs work that blocks (files, sorting, Parquet) where it holds up nothing else.
///
/// # Errors
/// Those of the work; `Unexpected` if it did not come to its end.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    #[cfg(test)]
    if Inline::is_on() {
        return work();
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| cut_off().with_source(error))?
}

/// Runs work that blocks where it is asked for, as long as this lives on a thread: a simulation plays the same way each time
/// only if no thread comes earlier or later.
#[cfg(test)]
pub(crate) struct Inline(std::marker::PhantomData<*const ()>);

#[cfg(test)]
thread_local! {
    static INLINE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[cfg(test)]
impl Inline {
    pub fn begin() -> Self {
        INLINE.set(true);
        Self(std::marker::PhantomData)
    }

    fn is_on() -> bool {
        INLINE.get()
    }
}

#[cfg(test)]
impl Drop for Inline {
    fn drop(&mut self) {
        INLINE.set(false);
    }
}

/// A thread for large work that blocks, one piece after the other. Threads that are taken as they come would each keep
/// the memory that the largest piece took.
pub(crate) struct Worker(mpsc::Sender<Job>);

type Job = Box<dyn FnOnce() + Send>;

impl Worker {
    /// Starts the thread, which ends with this.
    ///
    /// # Errors
    /// `Io` if there can be no more threads.
    pub fn start() -> Result<Self> {
        let (jobs, mut given) = mpsc::channel::<Job>(1);
        let work = move || {
            while let Some(job) = given.blocking_recv() {
                job();
            }
        };
        let started = std::thread::Builder::new().name("worker".to_owned()).spawn(work);
        started.map_err(|error| Error::io("cannot start a thread", error))?;
        Ok(Self(jobs))
    }

    /// Runs `work` after what was given before.
    ///
    /// # Errors
    /// Those of the work; `Unexpected` if it did not come to its end.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (done, end) = oneshot::channel();
        let job = move || {
            // Who no longer waits does not need it.
            let _ = done.send(work());
        };
        self.0.send(Box::new(job)).await.map_err(|_| cut_off())?;
        end.await.map_err(|error| cut_off().with_source(error))?
    }
}

fn cut_off() -> Error {
    Error::unexpected("work on files was cut off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_does_all_of_its_work_on_one_thread_and_survives_an_error() {
        let worker = Worker::start().unwrap();
        let thread = || Ok(std::thread::current().id());
        let first = worker.run(thread).await.unwrap();
        let failed = worker.run(|| Err::<(), _>(Error::invalid("no"))).await;
        assert_eq!(failed.unwrap_err().message(), "no");
        assert_eq!(worker.run(thread).await.unwrap(), first);
        assert_ne!(first, std::thread::current().id());
        let lost = worker.run(|| -> Result<()> { panic!("a piece of work that panics") }).await;
        assert_eq!(lost.unwrap_err().message(), "work on files was cut off");
    }
}
