//! One evaluation of a transaction at a time in this process: whoever comes meanwhile waits. It saves arithmetic; that a
//! verdict is committed once is the database's work.

use splitkey::TransactionId;
use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Mutex, PoisonError},
    task::{Poll, Waker},
};

/// The evaluations under way, with those who wait for them.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<[u8; 16], Vec<Waker>>>);

/// An evaluation under way; over when dropped, also by a future that is dropped.
pub(super) struct Flight<'a> {
    flights: &'a Flights,
    id: [u8; 16],
}

impl Flights {
    /// Waits until nobody evaluates this transaction, then is the one who does.
    pub(super) async fn take_off(&self, id: TransactionId) -> Flight<'_> {
        poll_fn(|context| {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get_mut(&id.0) {
                None => {
                    flights.insert(id.0, Vec::new());
                    Poll::Ready(())
                }
                Some(waiting) => {
                    if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                        waiting.push(context.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await;
        Flight {
            flights: self,
            id: id.0,
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self
            .flights
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waiting = flights.remove(&self.id).unwrap_or_default();
        drop(flights);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::Future,
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Wake},
    };

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_second_waits_for_the_first_and_others_do_not() {
        let flights = Flights::default();
        let woken = Arc::new(Count::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let [first, other] = [TransactionId([1; 16]), TransactionId([2; 16])];

        let Poll::Ready(flight) = pin!(flights.take_off(first)).poll(&mut context) else {
            panic!("nobody is in the way")
        };
        let mut second = pin!(flights.take_off(first));
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(pin!(flights.take_off(other)).poll(&mut context).is_ready());
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);

        // As when the request of the first is dropped.
        drop(flight);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        let Poll::Ready(flight) = second.poll(&mut context) else {
            panic!("the first is over")
        };
        drop(flight);
        assert!(flights.0.lock().expect("not poisoned").is_empty());
    }
}
