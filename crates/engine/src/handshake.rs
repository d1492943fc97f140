//! The TLS handshake of a client's connection: under a deadline, so many at once, and counted.
//!
//! A connection that has said nothing yet costs no session, and the place of one that handshakes is taken only then.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use tokio::net::TcpStream;

use crate::access;
use crate::capacity::PAUSE;
use crate::client::Client;
use crate::farewell;
use crate::http::Reason;
use crate::listener::{Found, Newcomer, serve};
use crate::premature::{self, Failure, Premature};
use crate::stats::ListenerCounters;
use crate::stream::{Stream, Tls};
use crate::tls::{Blame, Facts, Failed, ListenerConfig, Wants};
use crate::wire::Mode;
use crate::worker::Worker;

/// Why there is no session.
#[derive(Debug)]
enum Unsecured {
    /// It has not asked for anything yet, and connections like that are closed for the sake of others, or for all of
    /// this to end.
    Idle,
    /// The client left before it said anything: somebody has looked whether the port is open.
    Closed(Premature),
    /// The deadline has passed.
    Late,
    /// It speaks HTTP without TLS.
    Plain,
    /// What TLS, or the socket, has against it.
    Broken(Failed),
}

/// Secures a connection, then has it served.
pub async fn secure(newcomer: Newcomer, found: Rc<Found>, config: ListenerConfig) {
    let Newcomer { mut presence, place, stream, peer } = newcomer;
    let worker = Rc::clone(presence.worker());
    let limits = (config.spec().handshake, presence.epoch);
    if found.frontend.lines.is_some() {
        // A handshake that fails takes the socket along.
        let _ = presence.destination(Some(&stream));
    }
    let shaken = within(&worker, limits, shake(&worker, stream, (&config, &found))).await;
    match shaken {
        Ok((tls, facts)) => {
            for counters in found.connection_counters(worker.index) {
                counters.handshakes.add(1);
                counters.resumed.add(u64::from(facts.resumed));
            }
            let is_http2 = tls.alpn() == Some(b"h2");
            presence.tls = Some(Box::new(facts));
            presence.shaken.set(worker.shared.clock.micros());
            serve(Client::new(presence, place, Stream::Tls(tls), peer), &found, is_http2);
        }
        Err(Unsecured::Idle) => {}
        Err(Unsecured::Closed(why)) => premature::tell(presence, &found, peer, why.into()),
        Err(mut error) => {
            for counters in found.connection_counters(worker.index) {
                counters.handshake_errors.add(1);
            }
            let code = if config.is_closed() { "no-certificate" } else { error.code() };
            let name = &found.frontend.spec.name;
            *found.frontend.counters.errors.lock().entry(code.to_owned()).or_insert(0) += 1;
            access::log_refused(&worker, (peer, name), code);
            presence.tls = error.hello();
            premature::tell(presence, &found, peer, error.failure());
        }
    }
}

async fn within(
    worker: &Worker,
    (limit_ms, epoch): (u64, u64),
    shaking: impl Future<Output = Result<(Box<Tls>, Facts), Unsecured>>,
) -> Result<(Box<Tls>, Facts), Unsecured> {
    let (timer, since) = (worker.deadlines.timer(), worker.deadlines.now_ms());
    timer.set(limit_ms);
    let mut shaking = pin!(shaking);
    let mut turn = worker.turns.turn();
    poll_fn(|cx| {
        let shaken = if turn.poll(cx).is_ready() { shaking.as_mut().poll(cx) } else { Poll::Pending };
        if shaken.is_ready() {
            return shaken;
        }
        if worker.idle_epoch.get() != epoch || worker.is_spared(since) {
            return Poll::Ready(Err(Unsecured::Idle));
        }
        timer.poll(cx).map(|()| Err(Unsecured::Late))
    })
    .await
}

async fn shake(
    worker: &Rc<Worker>,
    socket: TcpStream,
    (config, found): (&ListenerConfig, &Found),
) -> Result<(Box<Tls>, Facts), Unsecured> {
    let mut first = [0];
    match socket.peek(&mut first).await {
        Ok(0) => return Err(Unsecured::Closed(Premature::HandshakeClosed)),
        Err(_) => return Err(Unsecured::Closed(Premature::HandshakeReset)),
        // A method, where only methods are expected otherwise.
        Ok(_) if found.frontend.spec.mode == Mode::Http && first[0].is_ascii_uppercase() => {
            farewell::turn_away(worker, socket, Reason::PlainHttp);
            return Err(Unsecured::Plain);
        }
        Ok(_) => {}
    }
    let _place = Place::take(&found.counters, config.spec().handshakes).await;
    let hello = found.frontend.lines.as_ref().is_some_and(|lines| lines.tells_errors());
    let wants = Wants { own: worker.tables().asks_own, hello };
    Tls::accept(config, socket, wants).await.map_err(Unsecured::Broken)
}

/// A place among the handshakes of a listener.
struct Place(Arc<ListenerCounters>);

impl Place {
    async fn take(counters: &Arc<ListenerCounters>, most: u32) -> Self {
        while !counters.handshaking.try_enter(most) {
            tokio::time::sleep(PAUSE).await;
        }
        Self(Arc::clone(counters))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.handshaking.leave();
    }
}

impl Unsecured {
    /// What lines call it.
    fn failure(&self) -> Failure {
        match self {
            Self::Closed(why) => (*why).into(),
            Self::Late => Premature::HandshakeLate.into(),
            Self::Idle => Premature::Handshake.into(),
            Self::Plain => Failure { why: Premature::Handshake, blame: Blame::PLAIN },
            Self::Broken(Failed { error, .. }) => {
                let blame = Blame::of(error);
                let is_certificate = blame.certificate != 0;
                let why = if is_certificate { Premature::Certificate } else { Premature::Handshake };
                Failure { why, blame }
            }
        }
    }

    /// What the client had said by then.
    fn hello(&mut self) -> Option<Box<Facts>> {
        match self {
            Self::Broken(failed) => failed.hello.take(),
            _ => None,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Idle | Self::Closed(_) => "closed",
            Self::Late => "handshake-timeout",
            Self::Plain => "plain-http",
            Self::Broken(failed) => blame(&failed.error),
        }
    }
}

/// What of a handshake's failure is worth telling apart in counters and logs.
fn blame(error: &io::Error) -> &'static str {
    use rustls::Error;
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match of_tls {
        // Strict listeners know no such host.
        None if error.kind() == io::ErrorKind::InvalidData => "unknown-name",
        None => "handshake-aborted",
        Some(Error::AlertReceived(_)) => "handshake-alert",
        Some(Error::NoCertificatesPresented) => "no-client-certificate",
        Some(Error::InvalidCertificate(_)) => "bad-client-certificate",
        Some(Error::PeerIncompatible(_)) => "handshake-incompatible",
        Some(_) => "bad-handshake",
    }
}
