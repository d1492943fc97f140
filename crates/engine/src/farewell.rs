//! Farewell: a connection that has its last answer is still read for a while, so that a reset does not overtake that
//! answer (RFC 9112, 9.6). Holds no buffer; how many connections may do so at once is for those who ask.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use rustix::net::{SendFlags, send};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::capacity::number_of;
use crate::deadline::Timer;
use crate::http::{Manner, Reason, write_reason};
use crate::stream::Stream;
use crate::worker::Worker;

const FAREWELL_MS: u64 = 1_000;

/// Connections of a worker that are turned away and still read from at once; more are closed as they are.
const FAREWELLS: usize = 256;

/// Bytes that are still read of a connection that was turned away.
const TURNED_AWAY_BYTES: usize = 64 * 1024;

/// Says in plain HTTP why a new connection ends, as far as it has room for an answer, and lets it go gently while there
/// are not too many of them; how many bytes were sent.
pub fn turn_away(worker: &Rc<Worker>, stream: TcpStream, reason: Reason) -> usize {
    let manner =
        Manner { version: tenbin_proto::Version::Http11, keep_alive: false, head: false, always: b"" };
    let mut answer = Vec::new();
    write_reason(&mut answer, reason, None, manner);
    let sent = send(&stream, &answer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).unwrap_or(0);
    if worker.farewells.get() < FAREWELLS && worker.shared.capacity.has_room(number_of(&stream)) {
        worker.farewells.set(worker.farewells.get() + 1);
        let worker = Rc::clone(worker);
        spawn_local(async move {
            farewell(&mut Stream::Tcp(stream), &worker.deadlines.timer(), TURNED_AWAY_BYTES).await;
            worker.farewells.set(worker.farewells.get().saturating_sub(1));
        });
    }
    sent
}

/// Says that nothing more comes, then reads what the client still sends: so many bytes at most, and for a second.
pub async fn farewell(stream: &mut Stream, timer: &Timer, most: usize) {
    timer.set(FAREWELL_MS);
    let said = poll_fn(|cx| {
        let said = Pin::new(&mut *stream).poll_shutdown(cx).map(|done| done.is_ok());
        if said.is_pending() { timer.poll(cx).map(|()| false) } else { said }
    });
    let (true, Some(stream)) = (said.await, stream.socket()) else { return };
    let mut left = most;
    poll_fn(|cx| {
        let mut room = [0; 4096];
        loop {
            let read = match stream.poll_read_ready(cx) {
                Poll::Ready(Ok(())) => stream.try_read(&mut room),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return timer.poll(cx),
            };
            match read {
                Ok(count) if count > 0 && left > count => left -= count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => return Poll::Ready(()),
            }
        }
    })
    .await;
}
