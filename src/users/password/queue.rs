//! Whose password is looked at next, and how many may wait for it.
//!
//! Hashing is what a flood of sign-ins takes from everybody, so not everybody waits in one line. A device that signed in
//! before goes first and always finds a place; then come addresses that did nothing wrong; who failed already has half
//! of the places, and every fourth turn goes to whoever would otherwise wait for ever.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::ground::clock::{Clock, SystemClock};
use crate::ground::timings::{Distribution, Timings};

/// How soon somebody's password is looked at when many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::users) enum Priority {
    /// A person who is signed in, or a device that was.
    Known,
    /// Somebody from an address without failures.
    Clean,
    /// Somebody from an address that failed already.
    Suspect,
}

/// The lines before the hasher.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    workers: usize,
    waiting: usize,
    waits: Timings,
    refused: AtomicU64,
}

/// How busy a [`Hasher`](crate::users::Hasher) is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HashLoad {
    /// How many passwords are being hashed.
    pub working: usize,
    /// How many wait for their turn.
    pub waiting: usize,
    /// How many were sent away because too many waited, since the program began.
    pub refused: u64,
    /// How long those waited who had their turn.
    pub waits: Distribution,
}

#[derive(Debug, Default)]
struct QueueState {
    /// Who has a place, working or waiting.
    taken: usize,
    working: usize,
    turns: u32,
    known: Line,
    clean: Line,
    suspect: Line,
}

type Line = VecDeque<oneshot::Sender<Turn>>;

/// A place in the queue.
#[derive(Debug)]
pub(in crate::users) struct Place {
    queue: Arc<Queue>,
    priority: Priority,
}

/// The turn of somebody who has a place; dropped, it is the next one's.
#[derive(Debug)]
pub(super) struct Turn(Option<Arc<Queue>>);

impl Queue {
    /// So many work at the same time while at most so many wait.
    pub(super) fn new(workers: usize, waiting: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            workers,
            waiting,
            waits: Timings::default(),
            refused: AtomicU64::new(0),
        })
    }

    /// Takes a place; `None` when there is none for this priority.
    pub(super) fn place(self: &Arc<Self>, priority: Priority) -> Option<Place> {
        let reserved = match priority {
            Priority::Known => 0,
            Priority::Clean => self.waiting / 4,
            Priority::Suspect => self.waiting / 2,
        };
        let mut state = self.state();
        if state.taken >= self.workers + self.waiting - reserved {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        state.taken += 1;
        drop(state);
        Some(Place { queue: Arc::clone(self), priority })
    }

    /// Gives turns to those who wait, as long as there are workers.
    fn go_on(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            if state.working >= self.workers {
                return;
            }
            let Some(next) = state.next() else { return };
            state.working += 1;
            drop(state);
            // Somebody who gave up takes no turn.
            if let Err(mut turn) = next.send(Turn(Some(Arc::clone(self)))) {
                turn.0 = None;
                self.state().working -= 1;
            }
        }
    }

    /// How busy it is.
    pub(super) fn load(&self) -> HashLoad {
        let state = self.state();
        let (working, taken) = (state.working, state.taken);
        drop(state);
        HashLoad {
            working,
            waiting: taken.saturating_sub(working),
            refused: self.refused.load(Ordering::Relaxed),
            waits: self.waits.seen(),
        }
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn line(&mut self, priority: Priority) -> &mut Line {
        match priority {
            Priority::Known => &mut self.known,
            Priority::Clean => &mut self.clean,
            Priority::Suspect => &mut self.suspect,
        }
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        self.turns = self.turns.wrapping_add(1);
        let mut lines = [&mut self.known, &mut self.clean, &mut self.suspect];
        if self.turns.is_multiple_of(EVERYBODYS) {
            lines.reverse();
        }
        lines.into_iter().find_map(VecDeque::pop_front)
    }
}

impl Place {
    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Option<Turn> {
        let (sender, turn) = oneshot::channel();
        self.queue.state().line(self.priority).push_back(sender);
        let asked = SystemClock::new();
        self.queue.go_on();
        let turn = turn.await.ok();
        self.queue.waits.add(asked.monotonic());
        turn
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.state().taken -= 1;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.state().working -= 1;
            queue.go_on();
        }
    }
}

/// One turn of so many begins with those who are last otherwise.
const EVERYBODYS: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_devices_find_a_place_where_others_find_none() {
        let queue = Queue::new(1, 8);
        let take = |priority| std::iter::from_fn(|| queue.place(priority)).collect::<Vec<_>>();
        let suspects = take(Priority::Suspect);
        assert_eq!(suspects.len(), 1 + 4);
        let clean = take(Priority::Clean);
        assert_eq!(clean.len(), 2);
        let known = take(Priority::Known);
        assert_eq!(known.len(), 2);
        drop((suspects, clean, known));
        assert_eq!(take(Priority::Known).len(), 9, "all places are free again");
    }

    #[tokio::test]
    async fn known_devices_go_first_and_nobody_waits_for_ever() {
        let queue = Queue::new(1, 40);
        let first = queue.place(Priority::Clean).unwrap();
        let first = first.turn().await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let line = [Priority::Suspect, Priority::Clean, Priority::Known];
        let waiting: Vec<_> = line
            .into_iter()
            .flat_map(|priority| std::iter::repeat_n(priority, 4))
            .map(|priority| {
                let (place, order) = (queue.place(priority).unwrap(), Arc::clone(&order));
                tokio::spawn(async move {
                    let turn = place.turn().await.unwrap();
                    order.lock().unwrap().push(priority);
                    drop(turn);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(first);
        for task in waiting {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        let of = |wanted| order.iter().position(|one| *one == wanted).unwrap();
        assert!(of(Priority::Known) < of(Priority::Clean) && of(Priority::Suspect) < 4, "{order:?}");
        let known = order.iter().rposition(|one| *one == Priority::Known).unwrap();
        assert!(known < 6, "{order:?}");
    }

    #[tokio::test]
    async fn whoever_gives_up_takes_no_turn() {
        let queue = Queue::new(1, 4);
        let place = queue.place(Priority::Known).unwrap();
        let turn = place.turn().await.unwrap();
        let (gone, here) = (queue.place(Priority::Known).unwrap(), queue.place(Priority::Known).unwrap());
        let gone = tokio::spawn(async move { gone.turn().await.is_some() });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.is_err());
        let here = tokio::spawn(async move { here.turn().await.is_some() });
        tokio::task::yield_now().await;
        drop(turn);
        assert!(here.await.unwrap());
    }
}
