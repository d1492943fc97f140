//! A worker's HTTP/2 connections to one server: which of them a request gets, and that many requests that lack one
//! wait for the same new one instead of opening as many.
//!
//! The first with room is taken, so that few connections carry the load and the others fall idle.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use rustls::pki_types::ServerName;

use super::Asked;
use super::back_link::{Link, MOST_STREAMS};
use crate::tls::Chosen;
use crate::upstream::ConnectError;

/// See the module. Where requests choose the name that the server is asked for, only those of one name share.
pub struct Links {
    open: Vec<(Chosen, Rc<Link>)>,
    opening: Vec<Weak<Opening>>,
    /// Streams that a connection to this server took at last.
    limit: usize,
}

/// A connection that is being opened; whoever opens it holds it until it is there or has failed.
#[derive(Default)]
pub struct Opening {
    chosen: Chosen,
    waiting: Cell<usize>,
    wakers: RefCell<Vec<Waker>>,
    state: Cell<State>,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Under,
    Over,
    Failed(ConnectError),
}

/// Ends an opening, whatever becomes of who opens.
pub struct Opener(Rc<Opening>, usize);

/// One who waits for an opening.
pub struct Waiter(Rc<Opening>);

impl Default for Links {
    fn default() -> Self {
        Self { open: Vec::new(), opening: Vec::new(), limit: MOST_STREAMS }
    }
}

impl Links {
    /// A stream on a connection that is there.
    pub fn stream(&self, chosen: Option<&ServerName<'static>>) -> Option<Asked> {
        let fitting = self.open.iter().filter(|(of, _)| of.as_ref() == chosen);
        fitting.map(|(_, link)| link).find_map(Link::stream)
    }

    /// The server does not speak HTTP/2: nobody is to wait for what cannot be shared.
    pub fn give_up(&mut self) {
        self.limit = 1;
    }

    /// Adds a connection.
    pub fn add(&mut self, chosen: Chosen, link: Rc<Link>) {
        self.open.push((chosen, link));
    }

    /// A place among those who wait for a connection that is being opened.
    pub fn wait(&mut self, chosen: Option<&ServerName<'static>>) -> Option<Waiter> {
        let open = self.open.iter().find(|(_, link)| link.is_open());
        self.limit = open.map_or(self.limit, |(_, link)| link.limit());
        let mut opening = self.opening.iter().filter_map(Weak::upgrade);
        let has_room = |opening: &Rc<Opening>| opening.waiting.get() + 1 < self.limit;
        let opening = opening.find(|opening| opening.chosen.as_ref() == chosen && has_room(opening))?;
        opening.waiting.set(opening.waiting.get() + 1);
        Some(Waiter(opening))
    }

    /// Announces one that is going to be opened.
    pub fn announce(&mut self, chosen: Chosen) -> Opener {
        let opening = Rc::new(Opening { chosen, ..Opening::default() });
        self.opening.retain(|one| one.strong_count() > 0);
        self.opening.push(Rc::downgrade(&opening));
        Opener(opening, self.limit)
    }

    /// Looks after all of them; at most so many stay idle.
    pub fn look(&mut self, now_ms: u64, max_idle: usize) {
        self.open.retain(|(_, link)| link.look(now_ms));
        let idle = self.open.iter().filter(|(_, link)| link.idle_since().is_some()).count();
        for _ in max_idle..idle {
            self.close_oldest(u64::MAX);
        }
    }

    /// Closes the one that has been idle for the longest, if it has been since then or longer.
    pub fn close_oldest(&mut self, since_ms: u64) -> bool {
        let idle = self.open.iter().enumerate();
        let oldest = idle.filter_map(|(at, (_, link))| Some((link.idle_since()?, at))).min();
        let Some((_, at)) = oldest.filter(|(since, _)| *since <= since_ms) else { return false };
        self.open.swap_remove(at).1.close();
        true
    }

    /// None of them takes new streams.
    pub fn retire(&mut self) {
        self.open.drain(..).for_each(|(_, link)| link.retire());
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.retire();
    }
}

impl Opener {
    /// Streams that the connection may be expected to take.
    pub fn guess(&self) -> usize {
        self.1
    }

    /// Those who wait get the same error, unless they can do something about it themselves.
    pub fn fail(self, error: ConnectError) {
        if !matches!(error, ConnectError::Short) {
            self.0.state.set(State::Failed(error));
        }
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        if matches!(self.0.state.get(), State::Under) {
            self.0.state.set(State::Over);
        }
        self.0.wakers.take().into_iter().for_each(Waker::wake);
    }
}

impl Waiter {
    /// Ready when there may be a connection, or none could be opened.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        match self.0.state.get() {
            State::Under => {
                self.0.wakers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
            State::Over => Poll::Ready(Ok(())),
            State::Failed(error) => Poll::Ready(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_for_the_same_name_wait_for_a_connection() {
        let name = |text: &str| Some(ServerName::try_from(text.to_owned()).unwrap());
        let mut links = Links::default();
        let _opener = links.announce(name("a.example"));
        assert!(links.wait(name("A.example").as_ref()).is_some());
        assert!(links.wait(name("b.example").as_ref()).is_none());
        assert!(links.wait(None).is_none());
    }
}
