//! The handshake with a client, and the alert that rustls does not know how to send.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::listener::{ListenerConfig, UNRECOGNIZED_NAME};

impl ListenerConfig {
    /// A handshake. What went wrong was told the client by an alert, where there is one for it. There is no deadline here.
    /// With `wants_own`, the certificate that the client is shown comes with it.
    pub async fn accept<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: IO,
        wants_own: bool,
    ) -> io::Result<(TlsStream<IO>, Option<CertificateDer<'static>>)> {
        if self.is_closed() || !(self.spec().strict_sni || wants_own || self.varies()) {
            return Ok((TlsAcceptor::from(self.server().clone()).accept(stream).await?, None));
        }
        let mut started = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = started.client_hello();
        if self.admits(hello.server_name()) {
            let own = if wants_own { self.shown_to(&hello) } else { None };
            let server = Arc::clone(self.server_for(&hello));
            return Ok((started.into_stream(server).await?, own));
        }
        // So short that it leaves in one piece; a client that does not take it learns nothing.
        poll_fn(|cx| Pin::new(&mut started.io).poll_write(cx, &UNRECOGNIZED_NAME)).await?;
        poll_fn(|cx| Pin::new(&mut started.io).poll_shutdown(cx)).await?;
        Err(io::Error::new(io::ErrorKind::InvalidData, "the client names no host that is known here"))
    }
}
