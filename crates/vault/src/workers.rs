//! Where the arithmetic runs: off the request threads, as much at once as there are cores.

use std::sync::Arc;

use engine::ports::KeysError;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;

/// Permits for the cores. Waiting is fair, so nothing starves; whoever stops waiting gives up its place.
pub(crate) struct Workers {
    cores: Arc<Semaphore>,
    /// Part of the cores: what can wait must not take all of them from what people are waiting for.
    preparation: Arc<Semaphore>,
    /// Part of the cores: whoever likes may ask for these signatures, as often as the network carries.
    answers: Arc<Semaphore>,
}

impl Workers {
    pub(crate) fn new(cores: usize) -> Self {
        Self {
            cores: Arc::new(Semaphore::new(cores.max(1))),
            preparation: Arc::new(Semaphore::new((cores / 2).max(1))),
            answers: Arc::new(Semaphore::new((cores / 2).max(1))),
        }
    }

    /// Runs work on a thread of its own. Once begun it runs to its end and keeps its permit until then, even if nobody
    /// waits for the result any more.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, KeysError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = take(&self.cores).await;
        spawn(work, permit).await
    }

    /// As [`Workers::run`], for work of which the next signature is independent: primes, checks of new keys.
    pub(crate) async fn prepare<T, F>(&self, work: F) -> Result<T, KeysError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permits = (take(&self.preparation).await, take(&self.cores).await);
        spawn(work, permits).await
    }

    /// As [`Workers::run`], for answers to strangers: OCSP and time-stamps. Of a flood of them, no more than half the
    /// cores' worth stands in the queue for the cores, so that everything else has its turn after those few.
    pub(crate) async fn answer<T, F>(&self, work: F) -> Result<T, KeysError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permits = (take(&self.answers).await, take(&self.cores).await);
        spawn(work, permits).await
    }

    /// Runs work that borrows what must not be copied, while the runtime's other tasks move to another thread. On a
    /// runtime with one thread they wait.
    pub(crate) async fn run_here<T>(&self, work: impl FnOnce() -> T) -> T {
        let _permit = take(&self.cores).await;
        match Handle::current().runtime_flavor() {
            RuntimeFlavor::CurrentThread => work(),
            _ => task::block_in_place(work),
        }
    }
}

async fn take(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore)
        .acquire_owned()
        .await
        .expect("nobody closes the semaphore")
}

/// A panic in the work becomes an error, and the permit comes back all the same.
async fn spawn<T, F, P>(work: F, permits: P) -> Result<T, KeysError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
    P: Send + 'static,
{
    let task = task::spawn_blocking(move || {
        let _permits = permits;
        work()
    });
    task.await
        .map_err(|error| KeysError::Unavailable(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_runs_at_once_than_there_are_cores() {
        let workers = Arc::new(Workers::new(2));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..12)
            .map(|index| {
                let (workers, running, most) = (workers.clone(), running.clone(), most.clone());
                let work = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(5));
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                tokio::spawn(async move {
                    match index % 4 {
                        0 => workers.run(work).await.unwrap(),
                        1 => workers.prepare(work).await.unwrap(),
                        2 => workers.answer(work).await.unwrap(),
                        _ => workers.run_here(work).await,
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert_eq!(workers.cores.available_permits(), 2);
        assert_eq!(workers.preparation.available_permits(), 1);
        assert_eq!(workers.answers.available_permits(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_flood_of_answers_takes_half_the_cores_and_a_signature_does_not_wait_for_it() {
        let workers = Arc::new(Workers::new(4));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
        let flood: Vec<_> = (0..40)
            .map(|_| {
                let (workers, running, most) = (workers.clone(), running.clone(), most.clone());
                let gate = gate.clone();
                let work = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let open = gate.0.lock().unwrap();
                    drop(gate.1.wait_while(open, |open| !*open).unwrap());
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                tokio::spawn(async move { workers.answer(work).await.unwrap() })
            })
            .collect();
        while running.load(Ordering::SeqCst) < 2 {
            task::yield_now().await;
        }
        // None of the answers ends before the gate opens; these come through all the same.
        for _ in 0..10 {
            workers.run(|| ()).await.unwrap();
            workers.prepare(|| ()).await.unwrap();
            workers.run_here(|| ()).await;
        }
        assert!(flood.iter().all(|answer| !answer.is_finished()));
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        for answer in flood {
            answer.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn work_nobody_waits_for_any_more_runs_to_its_end_and_gives_its_core_back() {
        let workers = Workers::new(1);
        let (begun, begins) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel();
        let (ended, ends) = std::sync::mpsc::channel();
        let work = workers.run(move || {
            begun.send(()).unwrap();
            released.recv().unwrap();
            ended.send(()).unwrap();
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(20), work)
                .await
                .is_err()
        );
        begins.recv().unwrap();
        assert_eq!(workers.cores.available_permits(), 0);
        release.send(()).unwrap();
        ends.recv().unwrap();
        workers.run(|| ()).await.unwrap();
        assert_eq!(workers.cores.available_permits(), 1);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_gives_its_core_back() {
        let workers = Workers::new(1);
        let panics = workers.run(|| panic!("on purpose")).await;
        assert!(matches!(panics, Err(KeysError::Unavailable(_))));
        workers.run_here(|| ()).await;
    }
}
