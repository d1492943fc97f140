//! Connections that end before anything of theirs is served: in a PROXY header, or in a TLS handshake.
//!
//! Owns what such an end is called, and the line of it where a frontend has lines of its own. Does not own counters and
//! the access log, which tell of them in words of ours.

use std::net::SocketAddr;
use std::rc::Rc;

use crate::client::Presence;
use crate::clock::wall_micros;
use crate::connection::ConnectionView;
use crate::ending::Ending;
use crate::lines::{Entry, Noted, Times};
use crate::listener::Found;
use crate::tls::Blame;

/// Why; the names and numbers are HAProxy's (`fc_err`, `fc_err_str`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Premature {
    /// The client left before the header.
    HeaderClosed,
    /// The header did not come in time.
    HeaderLate,
    /// The connection ended within it.
    HeaderCut,
    /// Something else came.
    HeaderAbsent,
    /// It is not in its form.
    HeaderInvalid,
    /// It tells of a protocol that is not known.
    HeaderProtocol,
    /// The client left before it said anything.
    HandshakeClosed,
    /// The same with a reset.
    HandshakeReset,
    /// It took too long.
    HandshakeLate,
    /// The client's certificate is not good.
    Certificate,
    /// Whatever else.
    Handshake,
}

/// Why, and what exactly a handshake failed by.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// What it is called.
    pub why: Premature,
    /// What was wrong with it.
    pub blame: Blame,
}

impl From<Premature> for Failure {
    fn from(why: Premature) -> Self {
        Self { why, blame: Blame::default() }
    }
}

impl Premature {
    /// As expressions and lines have it.
    pub fn told(self) -> (u8, &'static str) {
        match self {
            Self::HeaderClosed => (11, "Connection closed while waiting for PROXY protocol header"),
            Self::HeaderLate => (13, "Timeout while waiting for PROXY protocol header"),
            Self::HeaderCut => (14, "Truncated PROXY protocol header received"),
            Self::HeaderAbsent => (15, "Received something which does not look like a PROXY protocol header"),
            Self::HeaderInvalid => (16, "Received an invalid PROXY protocol header"),
            Self::HeaderProtocol => (17, "Received an unhandled protocol in the PROXY protocol header"),
            Self::HandshakeClosed => (24, "Connection closed during SSL handshake"),
            Self::HandshakeReset => (25, "Connection error during SSL handshake"),
            Self::HandshakeLate => (26, "Timeout during SSL handshake"),
            Self::Certificate => (31, "SSL client certificate not trusted"),
            Self::Handshake => (34, "SSL handshake failure"),
        }
    }

    /// Whether nothing was exchanged, as HAProxy's `dontlognull` has it.
    fn is_null(self) -> bool {
        matches!(
            self,
            Self::HeaderClosed
                | Self::HeaderLate
                | Self::HandshakeClosed
                | Self::HandshakeReset
                | Self::HandshakeLate
        )
    }
}

/// Writes its line; the socket may be gone, but `presence` knows whom it connected to if it was asked before.
pub fn tell(presence: Presence, found: &Rc<Found>, peer: SocketAddr, failure: Failure) {
    let Some(lines) = &found.frontend.lines else { return };
    let why = failure.why;
    if why.is_null() && !lines.null {
        return;
    }
    let (now, wall) = (presence.worker().shared.clock.micros(), wall_micros());
    let (accepted, local) = (presence.accepted(), presence.destination(None));
    let mut view = ConnectionView::new(Rc::new(presence), Rc::clone(found), (peer, local));
    view.failure = Some(failure);
    let entry = Entry {
        behind: None,
        presence: &view.presence,
        socket: None,
        peer,
        found,
        times: Times { accepted, shaken: accepted, begun: accepted, closed: now, ..Times::default() },
        ending: Ending::default(),
        status: 0,
        bytes: [0, 0],
        retries: 0,
        redispatched: false,
        waited_behind: [0, 0],
        noted: &Noted::default(),
        unique_id: b"",
        captures: &view.captures,
        backend: None,
        server: None,
        no_server: "<NOSRV>",
        counts_itself: false,
        is_early: false,
        wall: [wall.saturating_sub(now.saturating_sub(accepted)), wall],
    };
    lines.tell_premature(&entry, &view, why.told().1);
}
