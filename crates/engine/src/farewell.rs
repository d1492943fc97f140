//! Farewell: a connection that has its last answer is still read for a while, so that a reset does not overtake that
//! answer (RFC 9112, 9.6). Holds no buffer; how many connections may do so at once is for those who ask.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::Poll;

use rustix::net::{Shutdown, shutdown};
use tokio::net::TcpStream;

use crate::deadline::Timer;

const FAREWELL_MS: u64 = 1_000;

/// Says that nothing more comes, then reads what the client still sends: so many bytes at most, and for a second.
pub async fn farewell(stream: &TcpStream, timer: &Timer, most: usize) {
    if shutdown(stream, Shutdown::Write).is_err() {
        return;
    }
    timer.set(FAREWELL_MS);
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
