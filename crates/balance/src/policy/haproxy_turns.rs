//! Weighted round robin in the order in which HAProxy takes turns.
//!
//! Time is a position that each pick moves on by one, within a window as long as the sum of all shares. A server that
//! was picked is due again so many positions later as its share fits into the window; what lies behind the window waits
//! in a second line, which becomes the line of those that have not had a turn yet once all others had theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Policy, Query};
use crate::server::{SHARE_PER_WEIGHT, Server};

/// Weights a server can have, and shares.
const WEIGHTS: u32 = 256;
const SHARES: u32 = WEIGHTS * SHARE_PER_WEIGHT;

/// See the module.
pub(crate) struct Turns {
    seats: Vec<Seat>,
    /// Those that are due by position, and the two lines by share of those that are not.
    lines: [BTreeMap<(u32, u64), usize>; 3],
    /// Which of the two lines is for those without a turn yet.
    fresh: usize,
    /// Breaks ties: who came first.
    arrivals: u64,
    position: u32,
    window: u32,
    /// The window after this one.
    next_window: u32,
    begun: bool,
    aside: Vec<usize>,
}

#[derive(Clone, Copy, Default)]
struct Seat {
    share: u32,
    last: u32,
    due: u32,
    /// Part of a position, in units of the share.
    rest: u32,
    place: Option<(usize, u32, u64)>,
}

/// Of the lines, that by position.
const DUE: usize = 2;

impl Turns {
    pub fn new(size: usize) -> Self {
        Self {
            seats: vec![Seat::default(); size],
            lines: [const { BTreeMap::new() }; 3],
            fresh: 0,
            arrivals: 0,
            position: 0,
            window: 0,
            next_window: 0,
            begun: false,
            aside: Vec::new(),
        }
    }

    fn begin(&mut self) {
        self.begun = true;
        self.next_window = self.seats.iter().map(|seat| seat.share).sum();
        (self.position, self.window) = (self.next_window, self.next_window);
        for id in 0..self.seats.len() {
            if self.share(id) > 0 {
                self.enter_by_share(self.fresh, id);
            }
        }
    }

    fn share(&self, id: usize) -> u32 {
        self.seats.get(id).map_or(0, |seat| seat.share)
    }

    fn enter(&mut self, line: usize, key: u32, id: usize) {
        self.arrivals += 1;
        if let (Some(line_of), Some(seat)) = (self.lines.get_mut(line), self.seats.get_mut(id)) {
            line_of.insert((key, self.arrivals), id);
            seat.place = Some((line, key, self.arrivals));
        }
    }

    /// The heaviest first.
    fn enter_by_share(&mut self, line: usize, id: usize) {
        self.enter(line, SHARES - self.share(id).min(SHARES), id);
    }

    /// Takes a server out of its line and tells which one that was.
    fn leave(&mut self, id: usize) -> Option<usize> {
        let (line, key, arrival) = self.seats.get_mut(id)?.place.take()?;
        self.lines.get_mut(line)?.remove(&(key, arrival));
        Some(line)
    }

    /// Puts a server where it is due.
    fn enter_when_due(&mut self, id: usize) {
        let (window, next) = (self.window, self.next_window);
        let Some(seat) = self.seats.get_mut(id) else { return };
        if seat.due >= (2 * window).min(window + next) {
            seat.due -= window;
            self.enter_by_share(1 - self.fresh, id);
            return;
        }
        let within = SHARES.wrapping_add(seat.rest).wrapping_sub(seat.share) / SHARE_PER_WEIGHT;
        let key = WEIGHTS.wrapping_mul(seat.due).wrapping_add(within);
        self.enter(DUE, key, id);
    }

    /// The next in line; one without a turn yet fills a gap.
    fn front(&mut self) -> Option<usize> {
        let first = |line: usize| self.lines.get(line)?.first_key_value().map(|(_, id)| *id);
        let due = first(DUE);
        if let Some(id) = due
            && self.seats.get(id).is_some_and(|seat| seat.due <= self.position)
        {
            return due;
        }
        let Some(fresh) = first(self.fresh) else { return due };
        if let Some(seat) = self.seats.get_mut(fresh) {
            (seat.due, seat.rest) = (0, 0);
        }
        Some(fresh)
    }

    fn switch(&mut self) {
        self.fresh = 1 - self.fresh;
        (self.window, self.position) = (self.next_window, self.next_window);
    }

    /// When the server is due after the turn that it has now.
    fn advance(&mut self, id: usize) {
        let (position, window) = (self.position, self.next_window);
        let Some(seat) = self.seats.get_mut(id).filter(|seat| seat.share > 0) else { return };
        seat.last = if seat.due == 0 { position } else { seat.due };
        seat.due = seat.last + window / seat.share;
        seat.rest += window % seat.share;
        if seat.rest >= seat.share {
            seat.rest -= seat.share;
            seat.due += 1;
        }
    }

    /// It comes (back): its first turn is as far ahead as its share of what is left of this window and the next.
    fn come(&mut self, id: usize) {
        let left = self.next_window + self.window - self.position.min(self.next_window + self.window);
        let position = self.position;
        if let Some(seat) = self.seats.get_mut(id) {
            seat.due = position + left / seat.share.max(1);
            seat.rest = 0;
        }
        self.enter_when_due(id);
    }

    /// Its share has changed: its next turn comes no later than it would have.
    fn adjust(&mut self, id: usize) {
        let Some(line) = self.leave(id) else { return self.come(id) };
        if line == self.fresh {
            return self.enter_by_share(line, id);
        }
        let (position, window, step) = (self.position, self.window, self.next_window / self.share(id).max(1));
        if let Some(seat) = self.seats.get_mut(id) {
            if line != DUE {
                seat.due += window;
            }
            seat.due = seat.due.min(seat.last + step);
            seat.rest = 0;
            if seat.due < position + 2 {
                seat.due = position + step;
            }
        }
        self.enter_when_due(id);
    }
}

impl Policy for Turns {
    fn place(&mut self, id: usize, share: u32) {
        let Some(seat) = self.seats.get_mut(id) else { return };
        let before = std::mem::replace(&mut seat.share, share);
        if !self.begun || before == share {
            return;
        }
        self.next_window = self.next_window + share - before;
        match (before, share) {
            (_, 0) => drop(self.leave(id)),
            (0, _) => self.come(id),
            _ => self.adjust(id),
        }
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        if !self.begun {
            self.begin();
        }
        let is_free = |id: usize| !(query.barred)(id) && has_room(query.servers, id);
        let mut switched = false;
        let found = loop {
            if self.window == 0 {
                (self.position, self.window) = (self.next_window, self.next_window);
            }
            let Some(id) = self.front() else {
                if switched {
                    break None;
                }
                switched = true;
                self.switch();
                continue;
            };
            self.advance(id);
            self.leave(id);
            self.position += 1;
            if is_free(id) {
                break Some(id);
            }
            self.aside.push(id);
        };
        if let Some(id) = found {
            self.enter_when_due(id);
        }
        while let Some(id) = self.aside.pop() {
            if switched { self.enter_by_share(self.fresh, id) } else { self.enter_when_due(id) }
        }
        found
    }
}

/// Whether nobody would have to wait there.
pub(super) fn has_room(servers: &[Arc<Server>], id: usize) -> bool {
    servers.get(id).is_none_or(|server| server.has_room() && server.queued() == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{count, picks, picks_barring};
    use super::*;

    fn placed(weights: &[u32]) -> Turns {
        let mut policy = Turns::new(weights.len());
        for (id, weight) in weights.iter().enumerate() {
            policy.place(id, weight * SHARE_PER_WEIGHT);
        }
        policy
    }

    #[test]
    fn equal_servers_take_turns_in_their_order() {
        assert_eq!(picks(&mut placed(&[1, 1, 1]), 6), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_server_that_is_barred_is_passed_over_and_a_lone_one_is_not_taken() {
        let mut policy = placed(&[2, 1]);
        assert_eq!(picks_barring(&mut policy, 3, &[0]), [1, 1, 1]);
        assert!(picks_barring(&mut policy, 1, &[0, 1]).is_empty());
        assert_eq!(picks(&mut policy, 30).len(), 30);
    }

    proptest! {
        #[test]
        fn shares_are_kept_whatever_comes_and_goes(
            weights in prop::collection::vec(1_u32..=256, 2..8), changes in prop::collection::vec((0_usize..8, 0_u32..=256), 0..12),
        ) {
            let mut policy = placed(&weights);
            let mut now = weights;
            picks(&mut policy, 7);
            for (at, weight) in changes {
                let at = at % now.len();
                now[at] = weight;
                policy.place(at, weight * SHARE_PER_WEIGHT);
                picks(&mut policy, 3);
            }
            let total: u32 = now.iter().sum();
            picks(&mut policy, 2 * total as usize);
            let counted = count(&picks(&mut policy, 4 * total as usize), now.len());
            for (counted, weight) in counted.iter().zip(&now) {
                prop_assert!(counted.abs_diff(4 * *weight as usize) <= 8, "{:?} {:?}", counted, now);
            }
        }
    }
}
