//! What requests see of servers that are watched: errors in a row, and a word to the control plane once there are enough.
//!
//! Owns which sights count at which layer. What follows from too many of them is the control plane's to decide.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::notice::Notices;
use crate::wire::{self, Event, Sight};

/// Counts errors in a row of one server.
pub struct Watch {
    spec: wire::Watch,
    errors: AtomicU32,
}

/// What a request saw, by the name of whose server it was.
pub type Named<'a> = (&'a str, &'a str);

impl Watch {
    /// None so far.
    pub fn new(spec: wire::Watch) -> Self {
        Self { spec, errors: AtomicU32::new(0) }
    }

    /// What is watched.
    pub fn spec(&self) -> wire::Watch {
        self.spec
    }

    /// Takes what a request saw; tells of the last of too many errors in a row, and begins anew.
    pub fn see(&self, sight: Sight, (backend, server): Named<'_>, notices: &Notices) {
        let Some(is_error) = is_error(sight, self.spec.layer) else { return };
        if !is_error {
            // A server that is well is not written to by every request.
            if self.errors.load(Ordering::Relaxed) > 0 {
                self.errors.store(0, Ordering::Relaxed);
            }
            return;
        }
        let errors = self.errors.fetch_add(1, Ordering::Relaxed) + 1;
        if errors >= self.spec.errors {
            self.errors.store(0, Ordering::Relaxed);
            let (backend, server) = (backend.to_owned(), server.to_owned());
            notices.tell(Event::Suspect { backend, server, errors, last: sight });
        }
    }
}

/// What the status of an answer says; a client can ask for 501 and 505.
pub fn of_status(status: u16) -> Sight {
    if matches!(status, 100..=499 | 501 | 505) { Sight::Answered } else { Sight::WrongStatus }
}

/// Whether it speaks against the server at this layer; None: it says nothing there.
fn is_error(sight: Sight, layer: u8) -> Option<bool> {
    match (sight, layer) {
        (Sight::Unreachable, _) => Some(true),
        (Sight::Connected, 4) | (Sight::Answered, 7) => Some(false),
        (Sight::Connected | Sight::Answered, _) => None,
        (Sight::WrongStatus | Sight::BadHead | Sight::Reset | Sight::Closed | Sight::Late, layer) => {
            (layer == 7).then_some(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    fn watched(layer: u8, sights: &[Sight]) -> Receiver<Event> {
        let (events, told) = sync_channel(8);
        let (notices, watch) = (Notices::new(events), Watch::new(wire::Watch { layer, errors: 2 }));
        for sight in sights {
            watch.see(*sight, ("app", "s1"), &notices);
        }
        told
    }

    #[test]
    fn errors_in_a_row_are_told_and_begin_anew() {
        let told = watched(7, &[Sight::WrongStatus, Sight::Closed, Sight::Late, Sight::BadHead]);
        let said: Vec<Event> = told.try_iter().collect();
        assert!(matches!(said[0], Event::Suspect { errors: 2, last: Sight::Closed, .. }), "{said:?}");
        assert!(matches!(said[1], Event::Suspect { errors: 2, last: Sight::BadHead, .. }), "{said:?}");
    }

    #[test]
    fn what_is_well_at_the_layer_that_is_watched_breaks_the_row() {
        assert_eq!(watched(7, &[Sight::Reset, Sight::Answered, Sight::Reset]).try_iter().count(), 0);
        assert_eq!(watched(7, &[Sight::Reset, Sight::Connected, Sight::Reset]).try_iter().count(), 1);
        assert_eq!(
            watched(4, &[Sight::Unreachable, Sight::Connected, Sight::Unreachable]).try_iter().count(),
            0
        );
    }

    #[test]
    fn answers_say_nothing_of_connections() {
        assert_eq!(watched(4, &[Sight::WrongStatus, Sight::Late, Sight::Reset]).try_iter().count(), 0);
        assert_eq!(
            watched(4, &[Sight::Unreachable, Sight::Answered, Sight::Unreachable]).try_iter().count(),
            1
        );
    }

    #[test]
    fn statuses_that_clients_can_ask_for_are_no_errors() {
        assert!([200, 404, 501, 505].into_iter().all(|status| of_status(status) == Sight::Answered));
        assert!([500, 502, 503, 599, 600].into_iter().all(|status| of_status(status) == Sight::WrongStatus));
    }
}
