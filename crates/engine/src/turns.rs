//! Turns: work that takes long at a time is done a little in each round of a thread's tasks, so that a rush of it does
//! not make everybody else wait.
//!
//! Belongs to one thread. Who comes when nobody waits begins at once; others go on in the order of their coming.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::task::{spawn_local, yield_now};

/// Pieces of work in one round.
const ROUND: usize = 2;

/// See the module.
#[derive(Default)]
pub struct Turns {
    left: Cell<usize>,
    is_pacing: Cell<bool>,
    waiting: RefCell<VecDeque<Rc<Place>>>,
}

/// One that waits for its turn, or has it.
#[derive(Default)]
struct Place {
    is_due: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// What one worker asks for its turns with; drop it to step out of the queue.
pub struct Turn {
    turns: Rc<Turns>,
    place: Option<Rc<Place>>,
}

impl Turns {
    /// For work that comes in several pieces.
    pub fn turn(self: &Rc<Self>) -> Turn {
        Turn { turns: Rc::clone(self), place: None }
    }

    /// Begins a round after each round of the thread's tasks, until nobody has asked in one.
    fn pace(self: &Rc<Self>) {
        if self.is_pacing.replace(true) {
            return;
        }
        self.left.set(ROUND);
        let turns = Rc::clone(self);
        spawn_local(async move {
            loop {
                yield_now().await;
                let due: Vec<_> = {
                    let mut waiting = turns.waiting.borrow_mut();
                    let count = waiting.len().min(ROUND);
                    waiting.drain(..count).collect()
                };
                if due.is_empty() && turns.left.get() == ROUND {
                    break;
                }
                turns.left.set(ROUND - due.len());
                for place in due {
                    place.is_due.set(true);
                    if let Some(waker) = place.waker.take() {
                        waker.wake();
                    }
                }
            }
            turns.is_pacing.set(false);
        });
    }
}

impl Turn {
    /// Ready when a piece of work may be done now.
    pub fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if let Some(place) = &self.place {
            if place.is_due.get() {
                self.place = None;
                return Poll::Ready(());
            }
            place.waker.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        let turns = &self.turns;
        turns.pace();
        if turns.left.get() > 0 && turns.waiting.borrow().is_empty() {
            turns.left.set(turns.left.get() - 1);
            return Poll::Ready(());
        }
        let place = Rc::new(Place::default());
        place.waker.replace(Some(cx.waker().clone()));
        turns.waiting.borrow_mut().push_back(Rc::clone(&place));
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.turns.waiting.borrow_mut().retain(|other| !Rc::ptr_eq(other, &place));
        }
    }
}

#[cfg(all(test, not(tenbin_loom)))]
mod tests {
    use std::future::poll_fn;

    use tokio::runtime::{Builder, LocalOptions};

    use super::*;

    /// A hundred pieces of long work are begun at once; somebody else gets on after every few of them.
    #[test]
    fn others_get_on_between_the_pieces() {
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).unwrap();
        let log = Rc::new(RefCell::new(Vec::new()));
        runtime.block_on(async {
            let turns = Rc::new(Turns::default());
            let work = (0..100).map(|number| {
                let (mut turn, log) = (turns.turn(), Rc::clone(&log));
                spawn_local(async move {
                    poll_fn(|cx| turn.poll(cx)).await;
                    log.borrow_mut().push(Some(number));
                })
            });
            let work: Vec<_> = work.collect();
            for _ in 0..100 {
                log.borrow_mut().push(None);
                yield_now().await;
            }
            for one in work {
                one.await.unwrap();
            }
        });
        let log = log.take();
        let longest = log.split(Option::is_none).map(<[_]>::len).max();
        assert!(longest <= Some(2 * ROUND), "{longest:?}");
        assert!(log.iter().flatten().copied().eq(0..100), "in the order of their coming");
    }

    #[test]
    fn who_steps_out_holds_up_nobody() {
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            let turns = Rc::new(Turns::default());
            let mut all: Vec<_> = (0..3 * ROUND).map(|_| turns.turn()).collect();
            let begun =
                poll_fn(|cx| Poll::Ready(all.iter_mut().map(|turn| turn.poll(cx)).collect::<Vec<_>>()));
            assert_eq!(begun.await.iter().filter(|begun| begun.is_ready()).count(), ROUND);
            let mut last = all.pop().unwrap();
            drop(all);
            poll_fn(|cx| last.poll(cx)).await;
            assert!(turns.waiting.borrow().is_empty());
        });
    }
}
