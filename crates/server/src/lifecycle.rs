//! How the process stops: softly when asked, at once when asked again.

use std::{future::Future, io, time::Duration};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

/// Time that requests under way get after a soft stop.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Every task of the process, and the two ways to end them.
#[derive(Clone, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

/// How the tasks ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// All by themselves.
    Softly,
    /// Some were cut off: they outlasted [`DRAIN`], or somebody was in a hurry.
    Hard,
}

impl Lifecycle {
    /// Starts a task. It ends by itself after [`Lifecycle::stopping`], or is cut off.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = task => {}
                () = hard.cancelled() => warn!(task = name, "cut off"),
            }
        });
    }

    /// Told when the process begins to stop.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Asks all tasks to end and waits for them, at most [`DRAIN`]; then cuts off what is left.
    pub async fn stop(&self) -> Stopped {
        self.soft.cancel();
        self.tasks.close();
        let outcome = tokio::time::timeout(DRAIN, self.tasks.wait()).await;
        let cut_off = self.hard.is_cancelled();
        self.hard.cancel();
        self.tasks.wait().await;
        if outcome.is_ok() && !cut_off {
            Stopped::Softly
        } else {
            Stopped::Hard
        }
    }

    /// Cuts off all tasks now.
    pub fn abort(&self) {
        self.hard.cancel();
    }

    /// Waits for a signal, then stops softly; a second signal cuts off.
    pub async fn run_until_signalled(&self, mut signals: Signals) -> Stopped {
        let name = signals.next().await;
        info!(signal = name, "stopping; once more to stop at once");
        let stop = self.stop();
        tokio::pin!(stop);
        tokio::select! {
            stopped = &mut stop => stopped,
            name = signals.next() => {
                warn!(signal = name, "stopping at once");
                self.abort();
                stop.await
            }
        }
    }
}

/// The signals that ask a process to end.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes the signals over from here on: without this they end the process where it stands.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one's name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Forbids core dumps of this process, in which keys and PINs would lie on a disk.
///
/// On Linux a limit of zero does not stop a core that goes to a program (core(5)), such as a crash reporter, so the
/// process is marked as not dumpable, too. Nobody but root can attach to it or read its memory then.
///
/// # Errors
/// The operating system refuses.
pub fn forbid_core_dumps() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Takes as many file descriptors as the operating system lets us have: connections need one each, and many systems
/// begin with 1024.
///
/// # Errors
/// The operating system refuses.
pub fn raise_file_limit() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return Ok(());
    }
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?)
}

/// How many files the process may have open; `None` for any number.
#[must_use]
pub fn file_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_that_heed_the_stop_end_softly() {
        let lifecycle = Lifecycle::default();
        let stopping = lifecycle.stopping();
        lifecycle.spawn("heeds", async move { stopping.cancelled().await });
        assert_eq!(lifecycle.stop().await, Stopped::Softly);
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_do_not_are_cut_off_after_the_drain() {
        let lifecycle = Lifecycle::default();
        lifecycle.spawn("stubborn", std::future::pending());
        let begin = tokio::time::Instant::now();
        assert_eq!(lifecycle.stop().await, Stopped::Hard);
        assert_eq!(begin.elapsed().as_secs(), DRAIN.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn an_abort_does_not_wait() {
        let lifecycle = Lifecycle::default();
        lifecycle.spawn("stubborn", std::future::pending());
        let begin = tokio::time::Instant::now();
        lifecycle.abort();
        assert_eq!(lifecycle.stop().await, Stopped::Hard);
        assert!(begin.elapsed() < DRAIN);
    }

    #[test]
    fn core_dumps_are_forbidden_for_good() {
        forbid_core_dumps().expect("lowering a limit is always allowed");
        let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        #[cfg(target_os = "linux")]
        assert_eq!(
            rustix::process::dumpable_behavior().expect("always answered"),
            rustix::process::DumpableBehavior::NotDumpable
        );
    }

    #[test]
    fn the_file_limit_is_raised_as_far_as_allowed() {
        raise_file_limit().expect("up to the maximum is always allowed");
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(file_limit(), limit.maximum);
    }
}
