//! The first bytes of a connection, looked at and left where they are for whoever serves it.
//!
//! Owns the waiting: until enough is there, the time is over, or the connection ends. Holds no memory while it waits,
//! and is not woken again by what it has seen already.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;

use rustix::net::{RecvFlags, recv};
use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;

use crate::deadline::Timer;
use crate::worker::Worker;

/// Why nothing came of it, and whether there was a byte at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// The timer has fired.
    Late { spoke: bool },
    /// The client has ended or reset it.
    Closed { spoke: bool },
    /// Descriptors are needed for others, or all idle connections end.
    Unwanted,
}

/// Shows up to `N` of the first bytes to `judge`, again whenever there are more, until it says something.
pub async fn first<const N: usize, T>(
    stream: &TcpStream,
    (worker, timer): (&Worker, &Timer),
    mut judge: impl FnMut(&[u8]) -> Option<T>,
) -> Result<T, Unheard> {
    let (epoch, since) = (worker.idle_epoch.get(), worker.deadlines.now_ms());
    let is_unwanted = || worker.idle_epoch.get() != epoch || worker.is_spared(since);
    let mut seen = 0;
    loop {
        let ready = readiness(stream, timer, (seen > 0, &is_unwanted)).await?;
        let (mut said, mut is_old) = (None, false);
        // A readiness that brought nothing new is taken back, so that only further bytes bring the next one.
        let looked = stream.try_io(Interest::READABLE, || {
            let mut room = [0; N];
            let (count, _) = recv(stream, &mut room, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
            is_old = count == seen;
            if is_old && count > 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            said = room.get(..count).filter(|bytes| !bytes.is_empty()).and_then(&mut judge);
            Ok(count)
        });
        match (said, looked) {
            (Some(said), _) => return Ok(said),
            (None, Ok(count)) if count > 0 => seen = count,
            // The end behind bytes that were seen shows only in the readiness.
            (None, Err(error)) if is_blocked(&error) && !(is_old && ready.is_read_closed()) => {}
            _ => return Err(Unheard::Closed { spoke: seen > 0 }),
        }
    }
}

/// Takes bytes that were looked at; false when they are not there, which only a failed connection explains.
pub fn take(stream: &TcpStream, bytes: &mut [u8]) -> bool {
    matches!(stream.try_read(bytes), Ok(count) if count == bytes.len())
}

async fn readiness(
    stream: &TcpStream,
    timer: &Timer,
    (spoke, is_unwanted): (bool, impl Fn() -> bool),
) -> Result<Ready, Unheard> {
    let mut readable = pin!(stream.ready(Interest::READABLE));
    poll_fn(|cx| {
        if let Poll::Ready(ready) = readable.as_mut().poll(cx) {
            return Poll::Ready(ready.map_err(|_| Unheard::Closed { spoke }));
        }
        if is_unwanted() {
            return Poll::Ready(Err(Unheard::Unwanted));
        }
        timer.poll(cx).map(|()| Err(Unheard::Late { spoke }))
    })
    .await
}

fn is_blocked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
