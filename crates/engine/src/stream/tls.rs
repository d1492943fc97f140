//! A TLS connection: bytes in and out by tokio-rustls, and what one may ask of it without reading.

use std::io::{self, IoSlice, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ConnectionCommon, IoState, SideData};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::tls::{Chosen, Facts, Failed, ListenerConfig, Wants};

/// Bytes that were encrypted and that the socket does not take yet, at most.
const UNSENT_BYTES: usize = 16 * 1024;

/// Either side of a TLS connection, after its handshake; to a server perhaps with the name that was chosen for it.
pub struct Tls(TlsStream<TcpStream>, Chosen);

impl Tls {
    /// The handshake of a connection that a client has opened.
    pub async fn accept(
        config: &ListenerConfig,
        socket: TcpStream,
        wants: Wants,
    ) -> Result<(Box<Self>, Facts), Failed> {
        let (mut accepted, own) = config.accept(socket, wants).await?;
        let connection = accepted.get_mut().1;
        connection.set_buffer_limit(Some(UNSENT_BYTES));
        let facts = Facts::of(connection, own.as_ref());
        Ok((Box::new(Self(accepted.into(), None)), facts))
    }

    /// The handshake on a connection to a server.
    pub async fn connect(
        config: Arc<ClientConfig>,
        (name, chosen): (ServerName<'static>, Chosen),
        socket: TcpStream,
    ) -> io::Result<Box<Self>> {
        let limit = |session: &mut ClientConnection| session.set_buffer_limit(Some(UNSENT_BYTES));
        let opened = TlsConnector::from(config).connect_with(name, socket, limit).await?;
        Ok(Box::new(Self(opened.into(), chosen)))
    }

    /// The socket below.
    pub fn socket(&self) -> &TcpStream {
        self.0.get_ref().0
    }

    /// What a handshake with a server agreed on; `None` on the other side.
    pub fn opened(&self) -> Option<&ClientConnection> {
        match &self.0 {
            TlsStream::Client(stream) => Some(stream.get_ref().1),
            TlsStream::Server(_) => None,
        }
    }

    /// The name that was chosen for it alone: whatever asks for another one must not go on it.
    pub fn chosen(&self) -> Option<&ServerName<'static>> {
        self.1.as_ref()
    }

    /// The protocol that was agreed on by ALPN.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.0.get_ref().1.alpn_protocol()
    }

    /// Whether decrypted bytes, or the end, wait to be read.
    pub fn holds_data(&self) -> bool {
        !self.0.get_ref().1.wants_read()
    }

    /// Whether something can be read; perhaps only a message of TLS itself.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.holds_data() { Poll::Ready(Ok(())) } else { self.socket().poll_read_ready(cx) }
    }

    /// Whether the peer has closed. What it sends meanwhile is decrypted and kept.
    pub fn is_gone(&mut self, cx: &mut Context<'_>) -> bool {
        while !self.holds_data() {
            match self.socket().poll_read_ready(cx) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return true,
            }
            match self.take_in() {
                Ok(state) if state.peer_has_closed() => return true,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return true,
            }
        }
        false
    }

    /// Whether it is open and says nothing; messages of TLS itself, such as tickets, are taken in.
    pub fn is_quiet(&mut self) -> bool {
        while !self.holds_data() {
            match self.take_in() {
                Ok(state) if state.peer_has_closed() => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        false
    }

    /// Decrypts what the socket has, once.
    fn take_in(&mut self) -> io::Result<IoState> {
        match &mut self.0 {
            TlsStream::Server(stream) => {
                let (socket, session) = stream.get_mut();
                take_in(socket, session)
            }
            TlsStream::Client(stream) => {
                let (socket, session) = stream.get_mut();
                take_in(socket, session)
            }
        }
    }
}

fn take_in<S: SideData>(socket: &TcpStream, session: &mut ConnectionCommon<S>) -> io::Result<IoState> {
    ended(session.read_tls(&mut Trying(socket))?)?;
    session.process_new_packets().map_err(broken)
}

fn ended(count: usize) -> io::Result<()> {
    if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Reads without waiting.
struct Trying<'a>(&'a TcpStream);

impl Read for Trying<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl AsyncRead for Tls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tls {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
