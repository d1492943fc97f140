//! A balanced connection as its line tells it.

use std::rc::Rc;
use std::sync::Arc;

use super::{Entry, Lines, Noted, Times};
use crate::behind::Behind;
use crate::client::Client;
use crate::clock::wall_micros;
use crate::connection::ConnectionView;
use crate::ending::{Ending, Phase};
use crate::listener::Found;
use crate::sessions::Seat;
use crate::tables::{Backend, Server};

/// How far a connection has come, and how it ended.
#[derive(Default)]
pub struct Passage {
    /// When it came how far.
    pub times: Times,
    /// How it ended.
    pub ending: Ending,
    /// Tries after the first.
    pub retries: u32,
    /// The last of them went to another server.
    pub redispatched: bool,
    /// Who waited before it, at its server and in its backend.
    pub waited_behind: [u32; 2],
    /// From and to the client.
    pub bytes: [u64; 2],
    /// Where operators see it.
    pub seat: Option<Seat>,
    /// The connection to the server, where some expression asks about it.
    pub behind: Option<Rc<Behind>>,
    /// Who was asked.
    pub backend: Option<Arc<Backend>>,
    /// Who was tried last.
    pub server: Option<Arc<Server>>,
}

impl Passage {
    /// A connection that is there.
    pub fn begin(client: &Client) -> Self {
        let (accepted, shaken) = client.accepted();
        let times = Times { accepted, shaken, begun: shaken, ..Times::default() };
        Self { times, seat: Some(client.worker.sessions.begin(client, 0)), ..Self::default() }
    }

    /// Whether it was ended from outside, in this phase.
    pub fn is_killed(&mut self, phase: Phase) -> bool {
        let killed = self.seat.as_ref().and_then(Seat::ended);
        if let Some(who) = killed {
            self.ending.set(who, phase);
        }
        killed.is_some()
    }

    /// It has begun: writes its line where lines do not say what became of it.
    pub fn greet(&self, client: &Client, found: &Found, view: &ConnectionView) {
        if let Some(lines) = found.frontend.lines.as_ref().filter(|lines| lines.at_start) {
            self.write((client, found), lines, view);
        }
    }

    /// It ends now: writes its line where the frontend has its own.
    pub fn tell(&self, client: &Client, found: &Found, view: &mut ConnectionView) {
        let Some(lines) = found.frontend.lines.as_ref().filter(|lines| !lines.at_start) else { return };
        view.backend.clone_from(&self.backend);
        view.server.clone_from(&self.server);
        view.behind.clone_from(&self.behind);
        if self.bytes[0] > 0 || lines.null {
            self.write((client, found), lines, view);
        }
    }

    fn write(&self, (client, found): (&Client, &Found), lines: &Lines, view: &ConnectionView) {
        let (now, wall) = (client.worker.shared.clock.micros(), wall_micros());
        let (presence, socket) = client.seen();
        let entry = Entry {
            presence,
            socket,
            peer: client.peer,
            found,
            times: Times { closed: now, ..self.times },
            ending: self.ending,
            status: 0,
            bytes: self.bytes,
            retries: self.retries,
            redispatched: self.redispatched,
            waited_behind: self.waited_behind,
            behind: self.behind.as_deref(),
            unique_id: b"",
            noted: &Noted::default(),
            captures: &view.captures,
            backend: self.backend.as_deref(),
            server: self.server.as_deref(),
            no_server: "<NOSRV>",
            counts_itself: false,
            is_early: false,
            wall: [wall.saturating_sub(now.saturating_sub(self.times.accepted)), wall],
        };
        lines.tell(&entry, view, view.log_level);
    }
}
