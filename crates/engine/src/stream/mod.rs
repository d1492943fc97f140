//! A connection to a client or to a server, whatever carries it: plain TCP, TLS, or one stream of an HTTP/2 connection.
//!
//! A match instead of a trait object: the plain case costs a comparison, and what it can do better (splice, a look at
//! the socket) stays visible.

mod tls;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::SockRef;
use tenbin_proto::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub use tls::Tls;

use crate::http2::{Asked, Fate, Served};

/// See the module. The rare and the large are boxed.
pub enum Stream {
    /// Plain.
    Tcp(TcpStream),
    /// TLS, either side of it.
    Tls(Box<Tls>),
    /// A client's HTTP/2 stream.
    Served(Box<Served>),
    /// An HTTP/2 stream to a server.
    Asked(Box<Asked>),
}

impl Stream {
    /// The socket, when the bytes on it are the message's own.
    pub fn plain(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            Self::Tls(_) | Self::Served(_) | Self::Asked(_) => None,
        }
    }

    /// The socket, when it carries nothing else.
    pub fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            Self::Tls(tls) => Some(tls.socket()),
            Self::Served(_) | Self::Asked(_) => None,
        }
    }

    /// The name that was chosen for the connection to a server.
    pub fn chosen(&self) -> Option<&ServerName<'static>> {
        match self {
            Self::Tls(tls) => tls.chosen(),
            Self::Tcp(_) | Self::Served(_) | Self::Asked(_) => None,
        }
    }

    /// Whether it is one of several on its connection: it ends with its message, whose end needs no framing of ours.
    pub fn is_multiplexed(&self) -> bool {
        matches!(self, Self::Served(_) | Self::Asked(_))
    }

    /// How long the message is whose head was read, where HTTP/2 tells; otherwise the head itself does.
    pub fn body(&self) -> Option<Body> {
        match self {
            Self::Tcp(_) | Self::Tls(_) => None,
            Self::Served(stream) => Some(stream.body()),
            Self::Asked(stream) => Some(stream.body()),
        }
    }

    /// How the end of a body is found while reading, where the head says this: a stream of HTTP/2 says it itself.
    pub fn framing(&self, body: Body) -> Body {
        match body {
            Body::Length(1..) | Body::Chunked if self.is_multiplexed() => Body::UntilClose,
            body => body,
        }
    }

    /// Lines that came behind a body, after its end.
    pub fn trailers(&mut self) -> Vec<u8> {
        match self {
            Self::Tcp(_) | Self::Tls(_) => Vec::new(),
            Self::Served(stream) => stream.trailers(),
            Self::Asked(stream) => stream.trailers(),
        }
    }

    /// Whether something can be read, be it the end.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(socket) => socket.poll_read_ready(cx),
            Self::Tls(tls) => tls.poll_read_ready(cx),
            Self::Served(stream) => stream.poll_read_ready(cx),
            Self::Asked(stream) => stream.poll_read_ready(cx),
        }
    }

    /// Ends the message, with trailers where they need no framing of ours; all that was written leaves.
    pub fn poll_end(&mut self, cx: &mut Context<'_>, trailers: &[u8]) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
            Self::Served(stream) => stream.poll_end(cx, trailers),
            Self::Asked(stream) => stream.poll_end(cx, trailers),
        }
    }

    /// Ends the message without trailers.
    pub fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(cx, &[])
    }

    /// Whether the peer has closed; asks the system only when something has happened. A peer that only ended its own
    /// side looks the same.
    pub fn is_gone(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Tcp(socket) => peek(socket, cx).is_some_and(|peeked| !matches!(peeked, Ok(1..))),
            Self::Tls(tls) => tls.is_gone(cx),
            Self::Served(stream) => stream.is_reset(cx),
            Self::Asked(stream) => stream.is_reset(cx),
        }
    }

    /// Whether the peer has reset the connection. One that has only ended its side still gets its answer.
    pub fn is_reset(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Tcp(socket) => peek(socket, cx).is_some_and(|peeked| peeked.is_err()),
            Self::Tls(tls) => peek(tls.socket(), cx).is_some_and(|peeked| peeked.is_err()),
            Self::Served(stream) => stream.is_reset(cx),
            Self::Asked(stream) => stream.is_reset(cx),
        }
    }

    /// Whether bytes of the peer wait to be read, asked of the system itself.
    pub fn has_spoken(&mut self) -> bool {
        let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
        match self {
            Self::Tcp(socket) => rustix::net::recv(socket, &mut [0_u8; 1], flags).is_ok(),
            // Tickets and the like are no words of the peer's.
            Self::Tls(tls) => {
                tls.holds_data()
                    || rustix::net::recv(tls.socket(), &mut [0_u8; 1], flags).is_ok() && !tls.is_quiet()
            }
            Self::Served(_) => false,
            Self::Asked(stream) => stream.has_spoken(),
        }
    }

    /// What the error that was met says about the request.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Asked(stream) => stream.fate(),
            Self::Tcp(_) | Self::Tls(_) | Self::Served(_) => Fate::Unknown,
        }
    }

    /// Whether nothing at all has come from the server since the request left, so that the connection may have been
    /// dead before. Only connections that others share can tell.
    pub fn is_unheard(&self) -> bool {
        match self {
            Self::Asked(stream) => stream.is_unheard(),
            Self::Tcp(_) | Self::Tls(_) | Self::Served(_) => true,
        }
    }

    /// Whether an idle connection is still open and holds no bytes that nobody asked for.
    ///
    /// Asks the system only when something has happened, and, other than a poll, also when this task has done so much
    /// that it should yield.
    pub fn is_quiet(&mut self) -> bool {
        match self {
            Self::Tcp(socket) => {
                matches!(socket.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Tls(tls) => tls.is_quiet(),
            // They carry one message and are never idle.
            Self::Served(_) | Self::Asked(_) => false,
        }
    }

    /// Has a connection reset when it closes: what the peer did not take is of no use to it, and the system would keep
    /// it for minutes.
    pub fn reset_on_close(&self) {
        if let Some(socket) = self.socket() {
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }
}

/// What stands first in the socket, once something has happened: a byte, the end, or an error.
fn peek(socket: &TcpStream, cx: &mut Context<'_>) -> Option<io::Result<usize>> {
    let mut byte = [0];
    match socket.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
        Poll::Ready(peeked) => Some(peeked),
        Poll::Pending => None,
    }
}

impl AsyncRead for Stream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buffer),
            Self::Served(stream) => stream.poll_read(cx, buffer),
            Self::Asked(stream) => stream.poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, bytes),
            Self::Served(stream) => stream.poll_write(cx, bytes),
            Self::Asked(stream) => stream.poll_write(cx, bytes),
        }
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = parts.iter().find(|part| !part.is_empty()).map_or(&[][..], |part| part);
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, parts),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write_vectored(cx, parts),
            Self::Served(stream) => stream.poll_write(cx, first),
            Self::Asked(stream) => stream.poll_write(cx, first),
        }
    }

    fn is_write_vectored(&self) -> bool {
        !self.is_multiplexed()
    }

    /// What was written and kept back leaves; nothing to do for plain sockets.
    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
            Self::Served(stream) => stream.poll_flush(cx),
            Self::Asked(stream) => stream.poll_flush(cx),
        }
    }

    /// Says that nothing more comes.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
            Self::Served(stream) => stream.poll_end(cx, &[]),
            Self::Asked(stream) => stream.poll_end(cx, &[]),
        }
    }
}
