//! Farewell: a connection that has its last answer is still read for a while, so that a reset does not overtake that
//! answer (RFC 9112, 9.6). Holds no buffer; how many connections may do so at once is for those who ask.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::Poll;

use std::pin::Pin;

use tokio::io::AsyncWrite;

use crate::deadline::Timer;
use crate::stream::Stream;

const FAREWELL_MS: u64 = 1_000;

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
