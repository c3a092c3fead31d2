//! One evaluation of a transaction at a time in this process: whoever comes meanwhile waits. It saves arithmetic; that a
//! verdict is committed once is the database's work.

use splitkey::TransactionId;
use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    sync::{Mutex, PoisonError},
    task::{Poll, Waker},
};

/// How many wait for one transaction at most. A phone sends its submission again after a lost answer, so that one or two
/// wait; whoever has thousands of copies waits for nothing that it would not get by asking again.
const MOST_WAITING: usize = 8;

/// The evaluations under way, with those who wait for them.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<[u8; 16], Queue>>);

/// Those who want to evaluate one transaction; the first does.
#[derive(Default)]
struct Queue {
    tickets: u64,
    /// In the order in which they came.
    places: VecDeque<(u64, Option<Waker>)>,
}

/// An evaluation under way, or waited for; over when dropped, also by a future that is dropped.
pub(super) struct Flight<'a> {
    flights: &'a Flights,
    id: [u8; 16],
    ticket: u64,
}

/// Enough wait for this transaction.
#[derive(Debug)]
pub(super) struct Crowded;

impl Flights {
    /// Waits until nobody evaluates this transaction who came before, then is the one who does.
    ///
    /// # Errors
    /// Too many wait already.
    pub(super) async fn take_off(&self, id: TransactionId) -> Result<Flight<'_>, Crowded> {
        self.take_off_with(id.0).await
    }

    /// The same for work that is no transaction's; the caller keeps its own [`Flights`] for it.
    ///
    /// # Errors
    /// Too many wait already.
    pub(super) async fn take_off_with(&self, id: [u8; 16]) -> Result<Flight<'_>, Crowded> {
        let flight = self.queue_up(id)?;
        poll_fn(|context| flight.poll_turn(context.waker())).await;
        Ok(flight)
    }

    fn queue_up(&self, id: [u8; 16]) -> Result<Flight<'_>, Crowded> {
        let mut flights = self.lock();
        let queue = flights.entry(id).or_default();
        // The first does not wait.
        if queue.places.len() > MOST_WAITING {
            return Err(Crowded);
        }
        let ticket = queue.tickets;
        queue.tickets += 1;
        queue.places.push_back((ticket, None));
        Ok(Flight {
            flights: self,
            id,
            ticket,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 16], Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    fn poll_turn(&self, waker: &Waker) -> Poll<()> {
        let mut flights = self.flights.lock();
        let places = flights.get_mut(&self.id).map(|queue| &mut queue.places);
        let place = places.and_then(|places| {
            let position = places.iter().position(|place| place.0 == self.ticket)?;
            (position > 0).then(|| &mut places[position])
        });
        match place {
            None => Poll::Ready(()),
            Some((_, waiting)) => {
                match waiting {
                    Some(known) => known.clone_from(waker),
                    None => *waiting = Some(waker.clone()),
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let Some(queue) = flights.get_mut(&self.id) else {
            return;
        };
        let was_first = queue.places.front().map(|place| place.0) == Some(self.ticket);
        queue.places.retain(|place| place.0 != self.ticket);
        let next = queue
            .places
            .front_mut()
            .filter(|_| was_first)
            .and_then(|place| place.1.take());
        if queue.places.is_empty() {
            flights.remove(&self.id);
        }
        drop(flights);
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::Future,
        pin::{Pin, pin},
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Wake},
    };

    const ID: TransactionId = TransactionId([1; 16]);

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    type TakeOff<'a> = Pin<Box<dyn Future<Output = Result<Flight<'a>, Crowded>> + 'a>>;

    /// One that wants to evaluate, with a count of how often it was woken.
    struct Caller<'a> {
        future: TakeOff<'a>,
        woken: Arc<Count>,
    }

    impl<'a> Caller<'a> {
        fn new(flights: &'a Flights) -> Self {
            Self {
                future: Box::pin(flights.take_off(ID)),
                woken: Arc::default(),
            }
        }

        fn poll(&mut self) -> Poll<Result<Flight<'a>, Crowded>> {
            let waker = Waker::from(self.woken.clone());
            self.future.as_mut().poll(&mut Context::from_waker(&waker))
        }

        #[track_caller]
        fn waits(&mut self) {
            assert!(self.poll().is_pending(), "somebody is in the way");
        }

        #[track_caller]
        fn flies(&mut self) -> Flight<'a> {
            match self.poll() {
                Poll::Ready(Ok(flight)) => flight,
                Poll::Ready(Err(Crowded)) => panic!("there is room"),
                Poll::Pending => panic!("nobody is in the way"),
            }
        }

        fn woken(&self) -> usize {
            self.woken.0.load(Ordering::SeqCst)
        }
    }

    fn waiting(flights: &Flights, number: usize) -> Vec<Caller<'_>> {
        let mut callers: Vec<_> = (0..number).map(|_| Caller::new(flights)).collect();
        callers.iter_mut().for_each(Caller::waits);
        callers
    }

    #[test]
    fn the_second_waits_for_the_first_and_others_do_not() {
        let flights = Flights::default();
        let flight = Caller::new(&flights).flies();
        let mut second = Caller::new(&flights);
        second.waits();
        second.waits();
        let other = TransactionId([2; 16]);
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(flights.take_off(other)).poll(&mut context).is_ready());
        assert_eq!(second.woken(), 0);

        // As when the request of the first is dropped.
        drop(flight);
        assert_eq!(second.woken(), 1);
        drop(second.flies());
        assert!(flights.lock().is_empty());
    }

    #[test]
    fn a_landing_wakes_only_the_next_in_the_order_of_arrival() {
        let flights = Flights::default();
        let mut flight = Caller::new(&flights).flies();
        let mut callers = waiting(&flights, MOST_WAITING);
        for number in 0..callers.len() {
            drop(flight);
            for (other, caller) in callers.iter_mut().enumerate() {
                assert_eq!(caller.woken(), usize::from(other <= number));
                // Also who is polled for another reason keeps its turn.
                if other > number {
                    caller.waits();
                }
            }
            // Whoever comes between the landing and the next poll does not overtake.
            let mut late = Caller::new(&flights);
            late.waits();
            flight = callers[number].flies();
        }
        drop(flight);
        assert!(flights.lock().is_empty());
    }

    #[test]
    fn whoever_gives_up_passes_its_turn_on() {
        let flights = Flights::default();
        let flight = Caller::new(&flights).flies();
        let mut callers = waiting(&flights, 3);
        // Waiting in the middle: nobody is woken, nobody lost.
        drop(callers.remove(1));
        assert!(callers.iter().all(|caller| caller.woken() == 0));
        // Its turn has come, and it goes before it looks.
        drop(flight);
        let first = callers.remove(0);
        assert_eq!(first.woken(), 1);
        drop(first);
        assert_eq!(callers[0].woken(), 1);
        drop(callers[0].flies());
        assert!(flights.lock().is_empty());
    }

    #[test]
    fn beyond_eight_nobody_waits() {
        let flights = Flights::default();
        let flight = Caller::new(&flights).flies();
        let mut callers = waiting(&flights, MOST_WAITING);
        for _ in 0..3 {
            let refused = Caller::new(&flights).poll();
            assert!(matches!(refused, Poll::Ready(Err(Crowded))));
        }
        // A place that is given up is a place again.
        drop(callers.pop());
        let mut newcomer = Caller::new(&flights);
        newcomer.waits();
        drop((flight, callers));
        drop(newcomer.flies());
        assert!(flights.lock().is_empty());
    }
}
