//! The handshake with a client, and the alert that rustls does not know how to send.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::listener::{ListenerConfig, UNRECOGNIZED_NAME};

impl ListenerConfig {
    /// A handshake. What went wrong was told the client by an alert, where there is one for it. There is no deadline here.
    pub async fn accept<IO: AsyncRead + AsyncWrite + Unpin>(&self, stream: IO) -> io::Result<TlsStream<IO>> {
        if !self.spec().strict_sni || self.is_closed() {
            return TlsAcceptor::from(self.server().clone()).accept(stream).await;
        }
        let mut started = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if self.admits(started.client_hello().server_name()) {
            return started.into_stream(self.server().clone()).await;
        }
        // So short that it leaves in one piece; a client that does not take it learns nothing.
        poll_fn(|cx| Pin::new(&mut started.io).poll_write(cx, &UNRECOGNIZED_NAME)).await?;
        poll_fn(|cx| Pin::new(&mut started.io).poll_shutdown(cx)).await?;
        Err(io::Error::new(io::ErrorKind::InvalidData, "the client names no host that is known here"))
    }
}
