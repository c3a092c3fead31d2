//! Waiting for a change, but not for ever, and not in every number.

mod room;

pub(crate) use room::LongPolls;

use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// The state is read again after this time even if nobody says that it changed: a lost notice costs latency, not
/// correctness (`architecture.md` §4).
const REREAD: Duration = Duration::from_secs(5);

/// Reads until the value is final, the deadline has come or `stop` is cancelled; returns what was read last.
///
/// # Errors
/// As soon as reading fails.
pub(crate) async fn long_poll<T, E, L, R>(
    deadline: Instant,
    stop: &CancellationToken,
    listen: impl Fn() -> L,
    read: impl Fn() -> R,
    is_final: impl Fn(&T) -> bool,
) -> Result<T, E>
where
    L: Future<Output = ()>,
    R: Future<Output = Result<T, E>>,
{
    loop {
        // Listening comes before reading, or a change in between would be missed.
        let changed = listen();
        let value = read().await?;
        if is_final(&value) || stop.is_cancelled() || Instant::now() >= deadline {
            return Ok(value);
        }
        tokio::select! {
            () = changed => {}
            () = stop.cancelled() => return Ok(value),
            () = sleep_until(deadline.min(Instant::now() + REREAD)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, convert::Infallible};
    use tokio::sync::{Notify, watch};

    const MINUTE: Duration = Duration::from_secs(60);

    /// Polls a number until it is not zero; returns it and how long that took.
    async fn poll(value: &watch::Receiver<u32>, stop: &CancellationToken) -> (u32, Duration) {
        let start = Instant::now();
        let listen = || {
            let mut value = value.clone();
            value.mark_unchanged();
            async move { value.changed().await.expect("a sender") }
        };
        let read = || async { Ok::<_, Infallible>(*value.borrow()) };
        let Ok(last) = long_poll(start + MINUTE, stop, listen, read, |value| *value != 0).await;
        (last, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_final_value_is_returned_at_once() {
        let (_sender, value) = watch::channel(7);
        assert_eq!(
            poll(&value, &CancellationToken::new()).await,
            (7, Duration::ZERO)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_change_the_answer_comes_at_the_deadline() {
        let (_sender, value) = watch::channel(0);
        assert_eq!(poll(&value, &CancellationToken::new()).await, (0, MINUTE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_ends_the_wait_at_once() {
        let (sender, value) = watch::channel(0);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1234)).await;
            sender.send(1).expect("a receiver");
            sender.closed().await;
        });
        assert_eq!(
            poll(&value, &CancellationToken::new()).await,
            (1, Duration::from_millis(1234))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_notice_without_a_change_does_not_end_the_wait() {
        let (sender, value) = watch::channel(0);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            sender.send(0).expect("a receiver");
            sender.closed().await;
        });
        assert_eq!(poll(&value, &CancellationToken::new()).await, (0, MINUTE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_at_once_with_what_stands() {
        let (_sender, value) = watch::channel(0);
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stopping.cancel();
        });
        assert_eq!(poll(&value, &stop).await, (0, Duration::from_secs(3)));
        assert_eq!(poll(&value, &stop).await, (0, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_while_reading_is_not_missed() {
        let changed = Notify::new();
        let value = Cell::new(0);
        let start = Instant::now();
        // The value changes, and is announced, after it was read and before anybody waits.
        let read = || async {
            let read = value.replace(1);
            changed.notify_waiters();
            Ok::<_, Infallible>(read)
        };
        let stop = CancellationToken::new();
        let Ok(last) = long_poll(
            start + MINUTE,
            &stop,
            || changed.notified(),
            read,
            |value| *value != 0,
        )
        .await;
        assert_eq!((last, start.elapsed()), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_notice_costs_a_few_seconds() {
        let value = Cell::new(0);
        let start = Instant::now();
        let read = || async { Ok::<_, Infallible>(value.replace(1)) };
        let stop = CancellationToken::new();
        let Ok(last) = long_poll(start + MINUTE, &stop, std::future::pending, read, |value| {
            *value != 0
        })
        .await;
        assert_eq!((last, start.elapsed()), (1, REREAD));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_ends_the_wait() {
        let stop = CancellationToken::new();
        let read = || async { Err::<u32, _>("gone") };
        let outcome = long_poll(
            Instant::now() + MINUTE,
            &stop,
            std::future::pending,
            read,
            |_| false,
        )
        .await;
        assert_eq!(outcome, Err("gone"));
    }
}
